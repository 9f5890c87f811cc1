"""Calls that a model starts by itself, in every family: once one has begun, the tools decide what it can be."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dmr_desktop.engine.call_watch import CallWatch
from dmr_desktop.engine.constraint import Constraint
from dmr_desktop.engine.formats.chat_format import TaggedCall, TextValues
from dmr_desktop.engine.formats.control_text import ControlText
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, JsonObject, Message, TextPart, Tool
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES
from tests.fakes.grammar_check import coming
from tests.unit.engine.formats import test_families as families
from tests.unit.engine.formats import test_forced_at_random as at_random
from tests.unit.engine.formats.test_families import FULL, NOW, WEATHER, calls_in, content_of, prepare, read, written

MOST_TOKENS = 1000


class Writing:
    """An output of one family under watch, written token by token."""

    def __init__(self, vocabulary: FakeVocabulary, prepared: Prepared) -> None:
        assert prepared.grammar is None
        assert prepared.calls is not None
        self.vocabulary = vocabulary
        self.prepared = prepared
        self.constraint: Constraint | None = None
        self.tokens: list[int] = []
        self._watch = CallWatch(prepared.calls.watching, coming(vocabulary, prepared.calls.write_grammar()))

    def write(self, text: str) -> None:
        """Text as the model's tokens; all of it must be allowed."""
        for token in ControlText(self.vocabulary, "").tokenize(text, adds_bos=False):
            if self.constraint is not None:
                assert self.constraint.allows(token), f"{self.text!r} may not go on with {text!r}"
            self.take(token)

    def take(self, token: int) -> None:
        self.tokens.append(token)
        if self.constraint is None:
            self.constraint = self._watch.add(token, self.vocabulary.text_of(token))
        else:
            self.constraint.accept(token)

    def write_at_random(self, seed: int) -> bool:
        """What the constraint allows, to its end; whether it came to one."""
        assert self.constraint is not None
        chance = random.Random(seed)
        calls = self.prepared.chat_format.calls
        endings = [*at_random.endings(self.prepared), calls.section_end if calls else ""]
        plan: list[int] = []
        end = self.vocabulary.token_id(self.vocabulary.eos_text)
        assert end is not None
        for _ in range(MOST_TOKENS):
            if self.constraint.is_complete:
                return True
            allowed = {int(token) for token in self.constraint.allowed()}
            if end in allowed and (len(allowed) == 1 or chance.random() < 0.7):
                return True
            if not plan and chance.random() < 0.4:
                text = chance.choice(endings)
                plan = ControlText(self.vocabulary, "").tokenize(text, adds_bos=False)
            if plan and plan[0] in allowed:
                token = plan.pop(0)
            else:
                plan = []
                others = sorted(allowed - {end})
                token = chance.choice([token for token in others if token > 255 or 32 <= token < 127] or others)
            self.take(token)
        return False

    @property
    def text(self) -> str:
        return self.vocabulary.show(self.tokens).replace("«", "").replace("»", "")


def writing(name: str, *, as_tokens: bool = False, tools: Sequence[Tool] = (WEATHER, NOW)) -> Writing:
    vocabulary = families.vocabulary(name, as_tokens=as_tokens)
    return Writing(vocabulary, prepare(name, as_tokens=as_tokens, tools=tuple(tools)))


def begun(name: str, *, as_tokens: bool = False, tools: Sequence[Tool] = (WEATHER, NOW)) -> Writing:
    """A call of the second tool, written freely until it is held."""
    found = writing(name, as_tokens=as_tokens, tools=tools)
    text = written(name, (tools[-1].name, {}), prepared=found.prepared)
    for token in ControlText(found.vocabulary, "").tokenize(text, adds_bos=False):
        found.take(token)
        if found.constraint is not None:
            return found
    raise AssertionError(f"never held: {text!r}")


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_what_a_model_of_the_family_writes_is_allowed(name: str, as_tokens: bool) -> None:
    several = [[("get_weather", FULL)], [("now", {})], [("get_weather", {"city": "", "days": -1})]]
    if families.syntax(name).parallel:
        several.append([("now", {}), ("get_weather", {"city": "x", "days": 1, "unit": "f"}), ("now", {})])
    for calls in several:
        found = writing(name, as_tokens=as_tokens)
        found.write(written(name, *calls, prepared=found.prepared))
        assert found.constraint is not None
        assert calls_in(read(found.prepared, [found.text])) == calls


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_call_begun_freely_ends_as_one_of_an_offered_tool(name: str, as_tokens: bool) -> None:
    """What follows is written by a model that knows nothing."""
    for seed in range(1, 30):
        found = begun(name, as_tokens=as_tokens, tools=at_random.REQUEST.prompt.tools)  # type: ignore[union-attr]
        if found.write_at_random(seed):
            break
    else:
        raise AssertionError("no end was found")
    result = read(found.prepared, [found.text])
    assert not content_of(result).strip(), found.text
    calls = calls_in(result)
    assert calls, found.text
    for tool, arguments in calls:
        assert arguments.keys() <= at_random.TOOLS[tool].keys(), found.text
        assert all(at_random.fits(value, at_random.TOOLS[tool][key]) for key, value in arguments.items()), found.text
        assert tool == "now" or {"city", "days"} <= arguments.keys(), found.text


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_call_in_reasoning_is_none(name: str, as_tokens: bool) -> None:
    found = writing(name, as_tokens=as_tokens)
    reasoning = found.prepared.chat_format.reasoning
    if reasoning is None:
        return
    call = written(name, ("other", {"x": 1}), prepared=prepare(name)).partition(reasoning.end)[2]
    call = call or written(name, ("other", {"x": 1}), prepared=prepare(name))
    found.write(f"{'' if found.prepared.reasoning_open else reasoning.start}Perhaps {call} or not. {reasoning.end}")
    assert found.constraint is None
    found.write(found.prepared.chat_format.answer_start)
    call = written(name, ("now", {}), prepared=found.prepared)
    found.write(call.partition(reasoning.end)[2] if found.prepared.reasoning_open else call)
    assert found.constraint is not None


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_words_of_plain_text_stay_free(name: str) -> None:
    """A model that talks of a mark in plain text does not begin a call."""
    found = writing(name)
    reasoning = found.prepared.chat_format.reasoning
    found.write(f"Hm.{reasoning.end}" if found.prepared.reasoning_open and reasoning else "")
    assert found.prepared.calls is not None
    for start in found.prepared.calls.watching.starts:
        if not start.is_sure:
            found.write(f"One writes `{start.text.decode()}` here, {start.text.decode()} and\n!")
    found.write('{"a": [1]} {"name": "John"}')
    assert found.constraint is None


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_schemas_that_cannot_be_enforced_are_no_error(name: str) -> None:
    bad = Tool("odd", "", {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, strict=True)
    prepared = prepare(name, tools=(bad, WEATHER, NOW))
    assert prepared.calls is not None
    body = families.syntax(name).body
    if prepared.calls.write_grammar() is None:
        assert isinstance(body, TaggedCall)
        assert not isinstance(body.values, TextValues)
        return
    found = writing(name, tools=(bad, WEATHER, NOW))
    found.write(written(name, ("odd", {"whatever": "x"}), prepared=found.prepared))
    assert found.constraint is not None
    held = begun(name, tools=(bad, WEATHER, NOW))
    assert held.constraint is not None
    others = ControlText(held.vocabulary, "").tokenize("zzz", adds_bos=False)
    assert not held.constraint.fits(others)


def test_strict_tools_with_keywords_that_cannot_be_enforced_keep_the_rest() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True, "items": {"enum": [1, 2]}}}}
    found = writing("hermes", tools=(Tool("odd", "", schema, strict=True),))
    found.write('<tool_call>\n{"name": "odd", "arguments": {"a": [')
    assert found.constraint is not None
    assert not found.constraint.allows(ord("3"))
    found.write("1, 1]}}\n</tool_call>")


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentary to=functions.now <|constrain|>json<|message|>",
        "<|channel|>commentary to=functions.now<|message|>",
        "<|channel|>commentary to=functions.now json<|message|>",
        " to=functions.now<|channel|>commentary json<|message|>",
        " to=functions.now<|channel|>commentary <|constrain|>json<|message|>",
    ],
)
@pytest.mark.parametrize("as_tokens", [False, True])
def test_all_headers_of_channels(header: str, as_tokens: bool) -> None:
    found = writing("gpt-oss", as_tokens=as_tokens)
    found.write("<|channel|>analysis<|message|>to=functions.x?<|end|><|start|>assistant" + header + "{}<|call|>")
    assert found.constraint is not None
    assert calls_in(read(found.prepared, [found.text])) == [("now", {})]
    other = writing("gpt-oss", as_tokens=as_tokens)
    other.write(header.partition("now")[0])
    assert other.constraint is not None
    assert not other.constraint.allows(ord("x"))


def test_what_a_model_leaves_out_may_be_missing() -> None:
    for name, text in {
        "qwen3-coder": "<function=now>\n\n</function>\n</tool_call>",
        "deepseek-v3": "<｜call▁begin｜>now<｜sep｜>{}<｜call▁end｜><｜calls▁end｜>",
        "hermes": '<tool_call>{"name": "now", "arguments": {}}\n</tool_call>',
        "minimax-m1": '<tool_calls> \n\n{"name": "now", "arguments": {}}\n</tool_calls>',
    }.items():
        found = writing(name)
        found.write(text)
        assert found.constraint is not None, name
        assert calls_in(read(found.prepared, [text])) == [("now", {})]


def test_json_is_an_answer_where_nothing_marks_a_call() -> None:
    found = writing("llama-3")
    found.write('{"name": "John", "parameters": {}}')
    assert found.constraint is None
    later = writing("llama-3")
    later.write('The call: {"name": "now"}')
    assert later.constraint is None


def test_watched_only_where_nothing_else_is_demanded() -> None:
    assert prepare("hermes", tools=()).calls is None
    assert prepare("hermes", choice="none").calls is None
    assert prepare("hermes", choice="required").calls is None
    assert prepare("hermes", response_format=JsonObject()).calls is None


def test_one_call_where_parallel_calls_are_off() -> None:
    prompt = ChatPrompt((Message("user", (TextPart("hi"),)),), (NOW,))
    for parallel in (True, False):
        request = GenerationRequest(replace(prompt, parallel_tool_calls=parallel))
        found = Writing(families.vocabulary("hermes", as_tokens=False), families.formatter("hermes").prepare(request))
        found.write('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>')
        assert found.constraint is not None
        assert found.constraint.is_complete != parallel
