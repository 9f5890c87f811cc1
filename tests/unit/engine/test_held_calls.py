"""Calls that begin by themselves, in the engine: a scripted model, the real grammar compiler."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.thinking import ThinkingLimit
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    Message,
    SamplingParams,
    TextPart,
    Tool,
)
from tests.fakes import chat_templates
from tests.fakes.fake_llama import END, FakeContext, prompt
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.grammar_check import coming
from tests.unit.engine.test_engine import GREEDY, Run, an_engine, run

VOCABULARY = FakeVocabulary()
assert VOCABULARY.token_id("<|im_end|>") == END
TOOL = Tool(
    "light",
    "",
    {
        "type": "object",
        "properties": {"level": {"enum": [10, 25]}, "room": {"enum": ["hall", "attic"]}},
        "required": ["level"],
    },
)
START = prompt("turn it on: ")
FORCED = '{"name": "light", "arguments": {"level": '


def writes(*texts: str, then: int = END) -> FakeContext:
    """A model that writes these texts, wherever they stand, and ``then`` without end."""
    script = [token for text in texts for token in text.encode()]

    def next_token(history: Sequence[int]) -> int:
        at = len(history) - len(START)
        return script[at] if at < len(script) else then

    return FakeContext(next_token=next_token)


def a_request(
    number: int = 1,
    max_tokens: int | None = 200,
    *,
    parallel: bool = True,
    template: str = chat_templates.HERMES,
    **rest: object,
) -> SequenceRequest:
    asked = ChatPrompt((Message("user", (TextPart("x"),)),), (TOOL,), parallel_tool_calls=parallel)
    prepared = ChatFormatter(VOCABULARY, template).prepare(GenerationRequest(asked))
    assert prepared.calls is not None
    calls = prepared.calls.watching, coming(VOCABULARY, prepared.calls.write_grammar())
    rest.setdefault("sampling", GREEDY)
    return SequenceRequest(number, START, max_tokens=max_tokens, calls=calls, **rest)  # type: ignore[arg-type]


def call_in(text: str) -> tuple[str, dict[str, Any]]:
    """The one call of an answer, and what stands in front of it."""
    before, _, call = text.partition("<tool_call>")
    body, _, after = call.partition("</tool_call>")
    assert not after
    found = json.loads(body)
    assert found.keys() == {"name", "arguments"}
    return before, found


def test_a_call_begun_wrongly_becomes_one_of_the_offered_tool() -> None:
    context = writes(
        'Sure.\n<tool_call>\n{"name": "lamp_on", "arguments": {"lvl": "ten"}}\n</tool_call>', then=ord("x")
    )
    engine = an_engine(context)
    found = run(engine, a_request(parallel=False))
    before, call = call_in(found.text(1))
    assert before == "Sure.\n"
    assert call["name"] == "light"
    assert call["arguments"]["level"] in (10, 25)
    assert call["arguments"].keys() <= {"level", "room"}
    last = found.last(1)
    assert (last.finish, last.error) == ("stop", None)
    # What the grammar leaves no choice about is not computed token by token.
    assert engine.stats().forced_tokens >= len(FORCED) - 3
    assert len(context.decoded) < last.completion_tokens


def test_text_without_a_call_is_as_it_was() -> None:
    text = "No <tool_call> here, nor <tool_calling>."
    found = run(an_engine(writes(text)), a_request())
    assert found.text(1) == text
    assert found.last(1).finish == "stop"


def test_every_choice_has_its_own_place() -> None:
    request = a_request(parallel=False)
    others = [a_request(number, parallel=False) for number in (2, 3)]
    for other in others:
        other.calls = request.calls
    found = run(an_engine(writes("<tool_call>{")), request, *others)
    assert {found.text(number) for number in (1, 2, 3)} == {found.text(1)}
    assert call_in(found.text(1))[1]["name"] == "light"


def test_an_end_that_is_ignored_ends_with_the_call() -> None:
    found = run(an_engine(writes("a", then=END)), a_request(max_tokens=20, ignore_eos=True))
    assert found.last(1).finish == "length"
    found = run(an_engine(writes("<tool_call>{", then=END)), a_request(ignore_eos=True))
    assert call_in(found.text(1))[1]["name"] == "light"
    assert found.last(1).finish == "stop"


def a_constrained_request(grammar: str, **rest: object) -> SequenceRequest:
    """One whose whole answer must fit the grammar."""
    request = a_request(**rest)  # type: ignore[arg-type]
    request.calls = None
    request.constraint = coming(VOCABULARY, grammar).get(0)
    return request


def test_a_stop_string_in_what_is_forced() -> None:
    found = run(an_engine(writes("")), a_constrained_request('start: "the name is light"\n', stop=("ame",)))
    assert found.text(1) == "the n"
    assert (found.last(1).finish, found.last(1).stop) == ("stop", "ame")


@pytest.mark.parametrize("stop", ["ame", "{", "}", '"', "10"])
def test_a_stop_string_does_not_cut_a_call(stop: str) -> None:
    found = run(an_engine(writes("Hm <tool_call>{")), a_request(stop=(stop,), parallel=False))
    before, call = call_in(found.text(1))
    assert (before, call["name"], found.last(1).stop) == ("Hm ", "light", None)


def test_what_is_held_back_for_a_stop_string_comes_out_with_the_call() -> None:
    found = run(an_engine(writes("Hm <tool_call>{")), a_request(stop=("<tool_call>{x",), parallel=False))
    assert call_in(found.text(1))[1]["name"] == "light"


def test_a_stop_string_in_front_of_a_call_ends_the_answer() -> None:
    found = run(an_engine(writes("Hm. <tool_call>{")), a_request(stop=(".",)))
    assert (found.text(1), found.last(1).finish, found.last(1).stop) == ("Hm", "stop", ".")


@pytest.mark.parametrize("most", range(1, 8))
def test_what_is_forced_and_cut_did_not_come_to_its_end(most: int) -> None:
    grammar = 'start: "ready" | "steady"\n'
    found = run(an_engine(writes("steady")), a_constrained_request(grammar, max_tokens=most))
    last = found.last(1)
    assert found.text(1) == "steady"[:most]
    assert (last.finish, last.completion_tokens) == ("length" if most < 6 else "stop", min(most, 6))


def test_a_prompt_has_no_more_tokens_cached_than_it_has() -> None:
    engine = an_engine(writes(""))
    first, second = (a_constrained_request('start: "some words" /[xy]/\n', number=number) for number in (1, 2))
    run(engine, first)
    last = run(engine, second).last(2)
    assert (last.prompt_tokens, last.cached_tokens) == (len(START), len(START))


@pytest.mark.parametrize("most", [12, 13, 20, 60])
def test_a_length_that_cuts_the_call(most: int) -> None:
    found = run(an_engine(writes("<tool_call>{")), a_request(max_tokens=most))
    assert ("<tool_call>" + FORCED).startswith(found.text(1)[: len("<tool_call>" + FORCED)])
    assert (found.last(1).finish, found.last(1).completion_tokens) == ("length", most)


def test_every_token_has_its_log_probability() -> None:
    engine = an_engine(writes("Hm <tool_call>{"))
    found = run(engine, a_request(top_logprobs=2, parallel=False))
    assert call_in(found.text(1))[1]["name"] == "light"
    assert sum(len(output.logprobs) for output in found.outputs[1]) == found.last(1).completion_tokens
    assert engine.stats().forced_tokens == 0


@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_what_is_drawn_is_held_too(temperature: float) -> None:
    sampling = SamplingParams(temperature=temperature, seed=7, repeat_penalty=1.1)
    found = run(an_engine(writes("<tool_call>{")), a_request(parallel=False, sampling=sampling))
    assert call_in(found.text(1))[1]["name"] == "light"


def test_thinking_is_free_and_its_limit_holds() -> None:
    template = chat_templates.HERMES_THINK_OPENED
    thought = "Perhaps <tool_call>{x} or"
    context = writes(f"{thought}\n</think>\n\n<tool_call>{{")
    found = run(an_engine(context), a_request(template=template, parallel=False))
    text = found.text(1)
    assert text.startswith(f"{thought}\n</think>\n\n<tool_call>{FORCED}")
    limit = ThinkingLimit(b"<think>", b"</think>", tuple(prompt("</think>")), max_tokens=4, is_open=True)
    found = run(an_engine(writes("1234", "........", "<tool_call>{")), a_request(template=template, thinking=limit))
    assert found.text(1).startswith(f"1234</think><tool_call>{FORCED}")


def test_one_that_is_preempted_goes_on_in_its_call() -> None:
    def text(pool_size: int) -> tuple[Run, int]:
        context = writes("A long beginning of the answer. " * 2 + "<tool_call>{")
        context.pool_size = pool_size
        engine = an_engine(context)
        return run(engine, *(a_request(number) for number in range(3))), engine.stats().preemptions

    (easy, none), (tight, some) = text(1000), text(200)
    assert none == 0 < some
    assert [tight.text(number) for number in range(3)] == [easy.text(number) for number in range(3)]


def test_a_grammar_for_the_whole_answer_comes_first() -> None:
    request = a_request()
    request.constraint = coming(VOCABULARY, 'start: "yes"\n').get(0)
    assert run(an_engine(writes("<tool_call>{")), request).text(1) == "yes"
