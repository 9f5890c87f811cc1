"""Each family of docs/formats.md: its calls are learned, can be forced, and are read back, however they are cut."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.chat_format import CallSyntax
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.engine.formats.spell import spelled_calls
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    JsonSchema,
    Message,
    TextPart,
    Tool,
    ToolCall,
    ToolCallArguments,
    ToolChoice,
)
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES
from tests.fakes.grammar_check import refusal
from tests.fakes.read_output import cut_at, events_of, in_steps, parts

DOCS = Path(__file__).parents[4] / "docs" / "formats.md"
ENDS = ("<s>", "</s>")
MARKER = re.compile(r"""<\|[^<>|\s"']+\|>|<｜[^<>\s"'｜]+｜>|\[/?[A-Z_]{4,}\]|</?(?:think|tool_call)>|<\|"\|>""")
WEATHER = Tool(
    "get_weather",
    "Tells it",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "more": {
                "type": "object",
                "properties": {"deep": {"type": "boolean"}, "word": {"type": "string"}},
                "required": ["deep"],
            },
            "unit": {"type": "string", "enum": ["c", "f"]},
            "maybe": {"type": ["number", "null"]},
        },
        "required": ["city", "days"],
    },
)
NOW = Tool("now", "", {"type": "object", "properties": {}})
TOOLS = (WEATHER, NOW)
FULL = {
    "city": 'Bonn "x" {é} \\ & co\n  on the Rhine',
    "days": 3,
    "tags": ["a, b", "c"],
    "more": {"deep": True, "word": "w"},
    "unit": "c",
    "maybe": None,
}


def vocabulary(name: str, *, as_tokens: bool) -> FakeVocabulary:
    markers = dict.fromkeys(MARKER.findall(FAMILIES[name])) if as_tokens else ()
    return FakeVocabulary((*ENDS, *markers), bos=ENDS[0], eos=ENDS[1])


@cache
def formatter(name: str, *, as_tokens: bool = False) -> ChatFormatter:
    return ChatFormatter(vocabulary(name, as_tokens=as_tokens), FAMILIES[name])


def prepare(
    name: str, *messages: Message, choice: ToolChoice = "auto", as_tokens: bool = False, **options: Any
) -> Prepared:
    tools = options.pop("tools", TOOLS)
    prompt = ChatPrompt(messages or (Message("user", (TextPart("hi"),)),), tools, choice)
    return formatter(name, as_tokens=as_tokens).prepare(GenerationRequest(prompt, **options))


def syntax(name: str) -> CallSyntax:
    found = prepare(name).chat_format
    assert found.calls is not None
    assert found.content is None, "answered in the generic form"
    return found.calls


def written(name: str, *calls: tuple[str, Any], prepared: Prepared | None = None) -> str:
    """The calls as a model of the family writes them, behind the end of the reasoning that the prompt opened."""
    spoken = [ToolCall(f"abcdefgh{index}", tool, json.dumps(value)) for index, (tool, value) in enumerate(calls)]
    text = spelled_calls(syntax(name), spoken, lambda text: text)
    prepared = prepared or prepare(name)
    if prepared.call_open:
        text = text.removeprefix(syntax(name).call_start)
    reasoning = prepared.chat_format.reasoning
    return f"Hm.{reasoning.end}{text}" if prepared.reasoning_open and reasoning else text


def read(prepared: Prepared, pieces: Iterable[str], *, is_cut: bool = False) -> list[tuple[str, ...]]:
    return parts(events_of(prepared.new_parser(0), pieces, "length" if is_cut else "stop"))


def calls_in(found: Sequence[tuple[str, ...]]) -> list[tuple[str, Any]]:
    return [(part[1], json.loads(part[2])) for part in found if part[0] == "call"]


def content_of(found: Sequence[tuple[str, ...]]) -> str:
    return "".join(part[1] for part in found if part[0] == "content")


def test_the_page_names_these_families_and_how_each_is_known() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9.-]+)` \|.*\| (learned|declared)\b", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(rows).keys() == FAMILIES.keys()
    assert len(rows) == len(FAMILIES)
    for name, how in rows:
        assert ("learned from the template" in formatter(name).describe()) == (how == "learned"), name
        assert "constrained JSON" not in formatter(name).describe()


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_calls_can_be_forced_and_are_read_back(name: str, as_tokens: bool) -> None:
    words = vocabulary(name, as_tokens=as_tokens)
    prepared = prepare(name, choice="required", as_tokens=as_tokens)
    assert prepared.grammar is not None
    several = [[("get_weather", FULL)], [("get_weather", {"city": "", "days": -1})], [("now", {})]]
    if syntax(name).parallel:
        several.append([("get_weather", FULL), ("now", {}), ("get_weather", {"city": "x", "days": 1, "unit": "f"})])
    for calls in several:
        text = written(name, *calls, prepared=prepared)
        assert refusal(words, prepared.grammar, text) == ""
        for pieces in ([text], list(text)):
            found = read(prepared, pieces)
            assert calls_in(found) == calls
            assert content_of(found) == ""
            assert found[-1] == ("finish", "tool_calls")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_forced_call_can_be_nothing_else(name: str) -> None:
    prepared = prepare(name, choice="required")
    assert prepared.grammar is not None
    words = vocabulary(name, as_tokens=False)
    for bad in (
        [("other", {})],
        [("get_weather", {"days": 1})],
        [("get_weather", {"city": "x", "days": "many"})],
        [("get_weather", {"city": "x", "days": 1, "unit": "k"})],
        [("now", {"x": 1})],
    ):
        assert refusal(words, prepared.grammar, written(name, *bad, prepared=prepared)), bad
    reasoning = prepared.chat_format.reasoning
    answer = f"Hm.{reasoning.end}Hello" if prepared.reasoning_open and reasoning else "Hello"
    assert refusal(words, prepared.grammar, answer)


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_an_answer_in_json_after_the_reasoning(name: str, as_tokens: bool) -> None:
    schema = JsonSchema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    prepared = prepare(name, as_tokens=as_tokens, tools=(), response_format=schema)
    assert prepared.grammar is not None
    reasoning = prepared.chat_format.reasoning
    answer = prepared.chat_format.answer_start + '{"a":1}'
    thoughts = [f"Hm.{reasoning.end}"] if prepared.reasoning_open and reasoning else [""]
    if reasoning and not prepared.reasoning_open:
        thoughts.append(f"{reasoning.start}Hm.{reasoning.end}")
    for thought in thoughts:
        assert refusal(vocabulary(name, as_tokens=as_tokens), prepared.grammar, thought + answer) == ""
        found = read(prepared, (thought + answer))
        assert found == [*([("reasoning", "Hm.")] if thought else []), ("content", '{"a":1}'), ("finish", "stop")]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_reasoning_then_words_then_a_call(name: str) -> None:
    prepared = prepare(name)
    found = prepared.chat_format
    call = written(name, ("now", {}), prepared=replace(prepared, reasoning_open=False))
    text = f"{found.answer_start}Let me look.{found.answer_end}"
    if name == "llama-3" or prepared.call_open:
        # A bare call is one only where it is all; this prompt has the call begun.
        text = ""
    thought = ""
    if found.reasoning:
        thought = f"{'' if prepared.reasoning_open else found.reasoning.start}Hm.{found.reasoning.end}"
    if found.is_channelled and text:
        text += "<|end|><|start|>assistant"
    found = read(prepared, (thought + text + call))
    assert [part for part in found if part[0] == "reasoning"] == ([("reasoning", "Hm.")] if thought else [])
    assert content_of(found) == ("Let me look." if text else "")
    assert calls_in(found) == [("now", {})]
    assert found[-1] == ("finish", "tool_calls")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_history_takes_calls_and_results(name: str) -> None:
    say = [Message(role, (TextPart(text),)) for role, text in (("system", "Be kind."), ("user", "Bonn?"))]  # type: ignore[arg-type]
    calls = (
        ToolCall("call_one", "get_weather", '{"city": "Bonn", "days": 1}'),
        ToolCall("call_two", "now", "{}"),
    )
    results = [
        Message("tool", (TextPart("sunny"),), tool_call_id="call_one"),
        Message("tool", (TextPart("noon"),), tool_call_id="call_two"),
    ]
    for content in ((), (TextPart("I look."),)):
        caller = Message("assistant", content, "Hm.", calls)
        for shown in (TOOLS, ()):
            text = prepare(name, *say, caller, *results, tools=shown).prompt_text
            places = [text.index(word, text.rindex("Bonn?")) for word in ("Bonn", "sunny", "noon")]
            assert places == sorted(places)
            assert "get_weather" in text[text.rindex("Bonn?") :]
            assert "Be kind." in text


NOISE = st.sampled_from(
    [
        *(
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            "<|end|>",
            "<|start|>assistant",
            "<|message|>",
            "\n",
            " ",
        ),
        *("get_weather", "now", "{", "}", "[", "]", '"', "<", "<|", "|>", "{}", ", ", "text", "é"),
    ]
)


@st.composite
def outputs(draw: st.DrawFn, name: str) -> str:
    """Something like what a model of the family may write, whole or broken."""
    found = prepare(name).chat_format
    whole = written(name, ("get_weather", {"city": "a<b", "days": 2, "tags": ["x"]}), ("now", {}))
    cut = st.integers(0, len(whole)).map(lambda at: whole[:at]) | st.integers(0, len(whole)).map(lambda at: whole[at:])
    marks = st.sampled_from(sorted(found.markers) or [""])
    return "".join(draw(st.lists(NOISE | marks | cut | st.just(whole), max_size=8)))


@pytest.mark.parametrize("name", sorted(FAMILIES))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_cuts_do_not_matter(name: str, data: st.DataObject) -> None:
    prepared = prepare(name)
    text = data.draw(outputs(name))
    is_cut = data.draw(st.booleans())
    pieces = cut_at(text, data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    whole = read(prepared, [text], is_cut=is_cut)
    assert read(prepared, pieces, is_cut=is_cut) == whole
    assert read(prepared, (text), is_cut=is_cut) == whole


# What may stand in a value without being the format's own: no markers' characters.
plain = st.text(st.characters(exclude_characters="<>[]|`｜", exclude_categories=["Cs"]), max_size=12)
values = st.fixed_dictionaries(
    {"city": plain, "days": st.integers(-(10**9), 10**9)},
    optional={
        "tags": st.lists(plain, max_size=3),
        "more": st.fixed_dictionaries({"deep": st.booleans()}, optional={"word": plain}),
        "unit": st.sampled_from(["c", "f"]),
        "maybe": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=16),
    },
)


@pytest.mark.parametrize("name", sorted(FAMILIES))
@settings(max_examples=25, deadline=None)
@given(value=values, step=st.integers(1, 9))
def test_arguments_arrive_as_they_were_meant(name: str, value: dict[str, Any], step: int) -> None:
    prepared = prepare(name)
    text = written(name, ("get_weather", value))
    found = read(prepared, in_steps(text, step))
    assert calls_in(found) == [("get_weather", value)]
    assert content_of(found) == ""


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_long_string_streams(name: str) -> None:
    parser = prepare(name).new_parser(0)
    text = written(name, ("get_weather", {"city": "abc" * 40, "days": 1}))
    at = text.index("abc" * 40) + 60
    pieces = [event.text for event in parser.feed(text[:at]) if isinstance(event, ToolCallArguments)]
    assert "abc" * 15 in "".join(pieces)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_thinking_that_never_ends_is_reasoning(name: str) -> None:
    prepared = prepare(name)
    reasoning = prepared.chat_format.reasoning
    if reasoning is None:
        return
    text = ("" if prepared.reasoning_open else reasoning.start) + "I wonder"
    assert read(prepared, (text), is_cut=True) == [("reasoning", "I wonder"), ("finish", "length")]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_plain_words_stay_as_they_are(name: str) -> None:
    prepared = prepare(name)
    words = "Well: a < b, [see](x), {1} & `code`\n\n  done."
    lead = (
        f"Hm.{prepared.chat_format.reasoning.end}" if prepared.reasoning_open and prepared.chat_format.reasoning else ""
    )
    assert content_of(read(prepared, (lead + words))) == words
