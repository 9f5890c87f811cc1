"""From text to events: whatever the cuts, the same deltas; whatever the text, never an error."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.engine.formats.chat_format import (
    CallSyntax,
    ChatFormat,
    JsonCall,
    Literally,
    NamedCall,
    Reasoning,
    WrappedContent,
)
from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    FinishReason,
    TextDelta,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
)
from tests.fakes.read_output import call_ids, cut_at, events_of, in_steps, parts

THINK = Reasoning("<think>", "</think>")
BODY = JsonCall(("name",), ("arguments",), (), ())
BODY_WITH_ID = JsonCall(("name",), ("arguments",), ("id",), ())
HERMES_CALLS = CallSyntax(BODY, call_start="<tool_call>\n", call_end="\n</tool_call>", separator="\n")
FORMATS = {
    "hermes": ChatFormat("", THINK, HERMES_CALLS),
    "hermes without reasoning": ChatFormat("", None, HERMES_CALLS),
    "list": ChatFormat("", None, CallSyntax(BODY_WITH_ID, section_start="[CALLS][", section_end="]", separator=", ")),
    "side by side": ChatFormat(
        "", None, CallSyntax(BODY, section_start="<calls>", section_end="</calls>", call_start="\n")
    ),
    "bare": ChatFormat("", THINK, CallSyntax(JsonCall(("name",), ("parameters",), (), ()))),
    "nested": ChatFormat(
        "",
        None,
        CallSyntax(JsonCall(("function", "name"), ("function", "arguments"), ("id",), ()), call_start="<call>"),
    ),
    "named": ChatFormat(
        "",
        THINK,
        CallSyntax(
            NamedCall(("id", Literally(":"), "name", Literally("\n```\n"), "arguments")),
            section_start="<calls>",
            section_end="</calls>",
            call_start="<call>",
            call_end="\n```</call>",
        ),
    ),
    "generic": ChatFormat(
        "",
        None,
        CallSyntax(BODY, section_start='{"tool_calls": [', section_end="]}", separator=", "),
        WrappedContent('{"response": "', "}"),
    ),
}
HERMES = FORMATS["hermes"]
OFFERED = ("weather", "time.now")


def parse(
    chat_format: ChatFormat, pieces: Iterable[str], *, reason: FinishReason = "stop", **options: Any
) -> list[Event]:
    offered = options.pop("offered", OFFERED)
    return events_of(OutputParser(chat_format, offered, new_call_id=lambda: "ID", **options), pieces, reason)


def outcome(name: str, text: str, **options: Any) -> list[tuple[str, ...]]:
    whole = parts(parse(FORMATS[name], [text], **options))
    assert parts(parse(FORMATS[name], text, **options)) == whole
    return whole


CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>'
CALLED = [("call", "weather", '{"city": "Bonn"}')]


@pytest.mark.parametrize("name", ["hermes", "hermes without reasoning"])
@pytest.mark.parametrize("text", ["Hello", "  Hello \n\n", "a < b and <tool", "<", "<tool_call", "x <think> y", "é😀"])
def test_plain_text_passes_verbatim(name: str, text: str) -> None:
    assert outcome(name, text) == [("content", text), ("finish", "stop")]


def test_nothing_at_all() -> None:
    assert outcome("hermes", "") == [("finish", "stop")]
    assert outcome("hermes", " \n") == [("content", " \n"), ("finish", "stop")]


@pytest.mark.parametrize(
    "text", ["<think>\nWell.\n</think>\n\nYes.", "\n<think>Well.</think>Yes.", "<think> Well. </think> Yes."]
)
def test_reasoning_comes_apart_from_content_without_the_space_between(text: str) -> None:
    assert outcome("hermes", text) == [("reasoning", "Well."), ("content", "Yes."), ("finish", "stop")]


def test_reasoning_that_the_prompt_opened() -> None:
    expected = [("reasoning", "Well."), ("content", "Yes."), ("finish", "stop")]
    assert outcome("hermes", "Well.\n</think>\n\nYes.", reasoning_open=True) == expected
    assert outcome("hermes", "\n<think>\nWell.</think>Yes.", reasoning_open=True) == expected


def test_reasoning_cut_short() -> None:
    assert outcome("hermes", "<think>\nWell", reason="length") == [("reasoning", "Well"), ("finish", "length")]


def test_empty_reasoning_and_a_stray_end_of_it_leave_no_trace() -> None:
    assert outcome("hermes", "<think>\n\n</think>\n\nYes.") == [("content", "Yes."), ("finish", "stop")]
    assert outcome("hermes", "</think>\n\nYes.") == [("content", "Yes."), ("finish", "stop")]


def test_a_call() -> None:
    assert outcome("hermes", CALL) == [*CALLED, ("finish", "tool_calls")]


def test_reasoning_content_and_two_calls() -> None:
    second = '<tool_call>\n{"name": "time.now", "arguments": {}}\n</tool_call>'
    assert outcome("hermes", f"<think>\nHm.\n</think>\n\nLet me look.\n{CALL}\n{second}") == [
        ("reasoning", "Hm."),
        ("content", "Let me look."),
        *CALLED,
        ("call", "time.now", "{}"),
        ("finish", "tool_calls"),
    ]


def test_content_after_a_call() -> None:
    assert outcome("hermes", f"{CALL}\n\nDone.") == [*CALLED, ("content", "Done."), ("finish", "tool_calls")]


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name":"weather","arguments":{"city": "Bonn"}}</tool_call>',
        '<tool_call>\n{"arguments": {"city": "Bonn"}, "name": "weather"}\n</tool_call>',
        '<tool_call>\n{"name": "weather", "parameters": {"city": "Bonn"}}\n</tool_call>',
        '<tool_call>\n{"name": "weather", "extra": [1, {"name": "x"}], "arguments": {"city": "Bonn"}}\n</tool_call>',
        '<tool_call>\n{"name": "weather", "arguments": "{\\"city\\": \\"Bonn\\"}"}\n</tool_call>',
        '<tool_call>\n{"name": "\\u0077eather", "arguments": {"city": "Bonn"}}\n</tool_call>',
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}',
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_',
    ],
)
def test_calls_written_carelessly(text: str) -> None:
    assert outcome("hermes", text) == [*CALLED, ("finish", "tool_calls")]


@pytest.mark.parametrize("missing", ['{"name": "weather"}', '{"name": "weather", "arguments": null}'])
def test_a_call_without_arguments_has_an_empty_object(missing: str) -> None:
    calls = [("call", "weather", "{}"), ("finish", "tool_calls")]
    assert outcome("hermes", f"<tool_call>{missing}</tool_call>") == calls


@pytest.mark.parametrize(
    "text",
    [
        'Use \n<tool_call>\n{"name": "rm_rf", "arguments": {}}\n</tool_call> now',
        "The tag <tool_call> starts a call.",
        "<tool_call>\n[1, 2]\n</tool_call>",
        '<tool_call>\n{"arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": 7, "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "weather" "arguments": {}}'.replace("weather", "other"),
        "<tool_call>\n{{}",
        "<tool_call></tool_call>",
    ],
)
def test_what_is_no_call_is_content(text: str) -> None:
    assert outcome("hermes", text) == [("content", text), ("finish", "stop")]


def test_a_real_call_after_a_false_one() -> None:
    assert outcome("hermes", f"<tool_call> {CALL}") == [("content", "<tool_call> "), *CALLED, ("finish", "tool_calls")]


def test_a_call_cut_short() -> None:
    begun = '<tool_call>\n{"name": "weather", "arguments": {"city": "B'
    assert outcome("hermes", begun, reason="length") == [
        ("call", "weather", '{"city": "B'),
        ("finish", "length"),
    ]
    # Half a call is not a call even if the model stopped by itself.
    assert outcome("hermes", begun)[-1] == ("finish", "length")
    assert outcome("hermes", 'Hi\n<tool_call>\n{"na', reason="length") == [("content", "Hi"), ("finish", "length")]


def test_calls_are_content_when_no_tools_are_offered() -> None:
    assert outcome("hermes", CALL, offered=()) == [("content", CALL), ("finish", "stop")]


def test_a_list_of_calls() -> None:
    text = 'Hi [CALLS][{"name": "weather", "arguments": {"a": 1}}, {"name": "time.now", "arguments": {"a": "]"}}]'
    assert outcome("list", text) == [
        ("content", "Hi"),
        ("call", "weather", '{"a": 1}'),
        ("call", "time.now", '{"a": "]"}'),
        ("finish", "tool_calls"),
    ]


def test_calls_side_by_side_in_a_section() -> None:
    call = '\n{"name": "weather", "arguments": {}}'
    assert outcome("side by side", f"<calls>{call}{call}\n</calls> Done") == [
        ("call", "weather", "{}"),
        ("call", "weather", "{}"),
        ("content", "Done"),
        ("finish", "tool_calls"),
    ]


def test_a_bare_object_is_a_call_only_at_the_start() -> None:
    call = '{"name": "weather", "parameters": {"city": "Bonn"}}'
    assert outcome("bare", call) == [*CALLED, ("finish", "tool_calls")]
    assert outcome("bare", f"<think>Hm.</think>\n{call}") == [("reasoning", "Hm."), *CALLED, ("finish", "tool_calls")]
    assert outcome("bare", f" [{{}}, {call}]") == [("content", f" [{{}}, {call}]"), ("finish", "stop")]
    assert outcome("bare", f"See: {call}") == [("content", f"See: {call}"), ("finish", "stop")]
    assert outcome("bare", ' {"city": "Bonn"}') == [("content", ' {"city": "Bonn"}'), ("finish", "stop")]


def test_nested_keys_and_the_models_own_id() -> None:
    text = '<call>{"id": "c9", "type": "function", "function": {"name": "weather", "arguments": {"city": "Bonn"}}}'
    assert outcome("nested", text) == [*CALLED, ("finish", "tool_calls")]
    assert call_ids(parse(FORMATS["nested"], text)) == ["c9"]


def test_an_id_behind_the_name_is_too_late_however_the_text_is_cut() -> None:
    text = '[CALLS][{"name": "weather", "arguments": {}, "id": "c1"}, {"id": "c2", "name": "weather", "arguments": {}}]'
    for pieces in ([text], text):
        assert call_ids(parse(FORMATS["list"], pieces)) == ["ID", "c2"]


def test_names_outside_of_the_json() -> None:
    text = '<calls><call>c1:weather\n```\n{"city": "Bonn"}\n```</call><call>c2:time.now\n```\n{}\n```</call></calls>.'
    assert outcome("named", text) == [
        *CALLED,
        ("call", "time.now", "{}"),
        ("content", "."),
        ("finish", "tool_calls"),
    ]
    assert call_ids(parse(FORMATS["named"], text)) == ["c1", "c2"]
    other = "<calls><call>c1:other\n```\n{}\n```</call></calls>"
    assert outcome("named", other) == [("content", other), ("finish", "stop")]


def test_the_generic_form() -> None:
    assert outcome("generic", '{"response": "a\\n\\u00e9\\ud83d\\ude00\\"b"}') == [
        ("content", 'a\né😀"b'),
        ("finish", "stop"),
    ]
    text = '{"tool_calls": [{"name": "weather", "arguments": {"city": "Bonn"}}, {"name": "weather", "arguments": {}}]}'
    assert outcome("generic", text) == [*CALLED, ("call", "weather", "{}"), ("finish", "tool_calls")]
    assert outcome("generic", '{"response": "cut \\u00', reason="length") == [("content", "cut "), ("finish", "length")]


def test_arguments_stream_as_they_come() -> None:
    parser = OutputParser(HERMES, OFFERED)
    parser.feed('<tool_call>\n{"name": "weather", "arguments": {"city": "')
    assert parser.feed("Bonn") == [ToolCallArguments(0, "Bonn")]


def test_text_is_held_back_no_longer_than_it_may_be_a_marker() -> None:
    parser = OutputParser(HERMES, OFFERED)
    assert parser.feed("a") == [TextDelta("a")]
    assert parser.feed(" <to") == []
    assert parser.feed("p>") == [TextDelta(" <top>")]


def test_ids_are_made_up_unlike_each_other() -> None:
    parser = OutputParser(HERMES, OFFERED, choice=3)
    starts = [event for event in parser.feed(f"{CALL}\n{CALL}") if isinstance(event, ToolCallStarted)]
    assert all(re.fullmatch(r"call_[A-Za-z0-9]{24}", start.id) and start.choice == 3 for start in starts)
    assert starts[0].id != starts[1].id


def test_is_reasoning() -> None:
    parser = OutputParser(HERMES, reasoning_open=True)
    assert parser.is_reasoning
    parser.feed("x</think>")
    assert not parser.is_reasoning


def test_the_stop_string_is_passed_on() -> None:
    assert OutputParser(HERMES).finish("stop", "END") == [ChoiceFinished("stop", 0, "END")]


def test_every_logprob_goes_out_once_with_content() -> None:
    one, two, three = (TokenLogprob(text, (), -1.0) for text in ("<", "b", "c"))
    parser = OutputParser(HERMES, OFFERED)
    assert parser.feed("<", (one,)) == []
    assert parser.feed("b", (two,)) == [TextDelta("<b", 0, (one, two))]
    assert parser.feed("c", (three,)) == [TextDelta("c", 0, (three,))]
    parser = OutputParser(HERMES, OFFERED)
    parser.feed("<think>x", (one, two))
    assert parser.finish("stop") == [TextDelta("", 0, (one, two)), ChoiceFinished("stop")]


pieces_of_formats = st.sampled_from(
    [
        *("<think>", "</think>", "<tool_call>", "</tool_call>", "<calls>", "</calls>", "<call>", "[CALLS][", "]", ", "),
        *(
            '{"name": "weather", "arguments": ',
            '{"name": "other"',
            '{"a": "<tool_call>"}',
            '{"b": [1, "x\\"}"]}',
            "}",
            "{",
        ),
        *(
            '{"tool_calls": [',
            '{"response": "',
            '"',
            "\\u00e9",
            "\\",
            " ",
            "\n",
            "<",
            "weather",
            "c1:",
            "\n```\n",
            "\n```</call>",
        ),
        *('{"id": "c7", "name": "weather", "arguments": {}}', '{"name": "weather", "id": "c8"', '"id": "c9"}'),
        *('{"name": "weather", "parameters": {}}', '{"function": {"name": "weather"', "text", "é", ":", "null"),
    ]
)
texts = st.lists(pieces_of_formats | st.text(max_size=3), max_size=14).map("".join)


@given(
    st.sampled_from(sorted(FORMATS)),
    texts,
    st.lists(st.integers(0, 200), max_size=8),
    st.booleans(),
    st.sampled_from(["stop", "length"]),
)
def test_the_cuts_do_not_matter(name: str, text: str, cuts: list[int], opened: bool, reason: FinishReason) -> None:
    whole = parse(FORMATS[name], [text], reason=reason, reasoning_open=opened)
    for pieces in (cut_at(text, cuts), text):
        events = parse(FORMATS[name], pieces, reason=reason, reasoning_open=opened)
        assert parts(events) == parts(whole)
        assert call_ids(events) == call_ids(whole)


@given(st.sampled_from(sorted(FORMATS)), st.text())
def test_text_without_markers_is_content_unchanged(name: str, text: str) -> None:
    if any(mark in text for mark in "<[{"):
        return
    assert outcome(name, text)[:-1] == ([("content", text)] if text else [])


arguments = st.dictionaries(
    st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.booleans()), max_size=3
)


@given(arguments, st.integers(1, 7))
def test_arguments_arrive_as_they_were_written(value: dict[str, object], step: int) -> None:
    source = json.dumps(value, ensure_ascii=False)
    text = f'<tool_call>\n{{"name": "weather", "arguments": {source}}}\n</tool_call>'
    expected = [("call", "weather", source), ("finish", "tool_calls")]
    assert parts(parse(HERMES, in_steps(text, step))) == expected
