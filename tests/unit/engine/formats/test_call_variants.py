"""What models write that is not quite what their templates show."""

import json
from typing import Any

import pytest

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.chat_format import ChatFormat
from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    FinishReason,
    GenerationRequest,
    Message,
    ReasoningDelta,
    TextDelta,
    TextPart,
    TokenLogprob,
    Tool,
)
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES
from tests.fakes.read_output import call_ids, events_of, parts

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "flag": {"type": "boolean"},
        "maybe": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "number"}]},
        "unit": {"enum": ["c", "f"]},
        "list": {"$ref": "#/$defs/Words"},
        "text": {"type": "string"},
    },
    "$defs": {"Words": {"type": "array", "items": {"type": "string"}}},
}
TOOLS = (Tool("weather", "", SCHEMA), Tool("now"))
CODER_CALL = "<tool_call>\n<function=weather>\n{}</function>\n</tool_call>"


def prepare(name: str, **variables: Any) -> Prepared:
    prompt = ChatPrompt((Message("user", (TextPart("hi"),)),), TOOLS, template_kwargs=variables)
    return ChatFormatter(FakeVocabulary(("<s>", "</s>")), FAMILIES[name]).prepare(GenerationRequest(prompt))


def read(name: str, text: str, *, reason: FinishReason = "stop", **variables: Any) -> list[tuple[str, ...]]:
    """The parts of an output, which must be the same whole and by character."""
    whole, pieced = (
        parts(events_of(prepare(name, **variables).new_parser(0), pieces, reason)) for pieces in ([text], text)
    )
    assert pieced == whole
    return whole


def call(tool: str, value: Any = None, **arguments: Any) -> tuple[str, str, str]:
    return ("call", tool, json.dumps(arguments if value is None else value, ensure_ascii=False))


DONE = ("finish", "tool_calls")


# ---- arguments between tags ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("city", "\n42\n", "42"),
        ("city", "\n\n", ""),
        ("city", "\n  two\n lines\n\n", "  two\n lines\n"),
        ("city", "Bonn", "Bonn"),
        ("city", '\n"quoted"\n', '"quoted"'),
        ("city", "\n<html> </param> </parameter >\n", "<html> </param> </parameter >"),
        ("days", "\n 3 \n", 3),
        ("days", "\nthree\n", "\nthree\n".strip()),
        ("flag", "\nTrue\n", True),
        ("flag", "\nfalse\n", False),
        ("maybe", "\nnull\n", None),
        ("maybe", "\n7\n", "7"),
        ("either", '\n{"a": [1]}\n', {"a": [1]}),
        ("either", "\n{not json\n", "{not json"),
        ("either", "\n2.5\n", 2.5),
        ("either", "\n2 pounds\n", "2 pounds"),
        ("unit", "\nc\n", "c"),
        ("list", "\n['a', \"b\", ]\n", ["a", "b"]),
        ("list", '\n["a", "b"]\n', ["a", "b"]),
        ("list", "\n['a,]', 'b, }',]\n", ["a,]", "b, }"]),
        ("unknown", "\n5\n", "5"),
    ],
)
def test_the_schema_tells_what_a_value_is(key: str, written: str, meant: Any) -> None:
    text = CODER_CALL.format(f"<parameter={key}>{written}</parameter>\n")
    assert read("qwen3-coder", text) == [call("weather", {key: meant}), DONE]


def test_parts_of_a_tagged_call_may_be_missing() -> None:
    inner = "<function=weather>\n<parameter=city>\nBonn\n</parameter>\n</function>"
    expected = [call("weather", city="Bonn"), DONE]
    assert read("qwen3-coder", inner) == expected
    assert read("qwen3-coder", f"{inner}\n</tool_call>") == expected
    assert read("qwen3-coder", f"<tool_call>{inner}") == expected
    assert read("qwen3-coder", f"Now.\n\n{inner}") == [("content", "Now."), *expected]
    both = [call("weather", city="Bonn"), call("weather", city="Bonn"), DONE]
    assert read("qwen3-coder", f"<tool_call>{inner}{inner}</tool_call>") == both


def test_a_model_that_falls_back_to_json() -> None:
    expected = [call("weather", city="Bonn"), DONE]
    assert (
        read("qwen3-coder", '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>') == expected
    )
    assert read("qwen3-coder", '<function=weather>\n{"city": "Bonn"}\n</function>') == expected
    listed = '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Bonn"}}, {"name": "now", "arguments": {}}]'
    assert read("mistral-small", listed) == [call("weather", city="Bonn"), call("now"), DONE]


def test_a_name_in_prose_is_no_call() -> None:
    text = "The tag <tool_call>weather is nice"
    assert read("glm", "</think>" + text) == [("content", text), ("finish", "stop")]
    assert read("glm", "</think><tool_call>other\n</tool_call>")[-1] == ("finish", "stop")


def test_a_tagged_call_cut_short_stays_open() -> None:
    begun = "<tool_call>\n<function=weather>\n<parameter=city>\nBon"
    cut = ("call", "weather", '{"city": "Bon')
    assert read("qwen3-coder", begun, reason="length") == [cut, ("finish", "length")]
    assert read("qwen3-coder", begun) == [cut, ("finish", "length")]


def test_character_data_is_taken_as_it_is() -> None:
    text = '<function name="weather"><param name="city"><![CDATA[<b> </param>]]></param></function>'
    assert read("minicpm5", text) == [call("weather", city="<b> </param>"), DONE]


# ---- literals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('city="Bonn", days=3', {"city": "Bonn", "days": 3}),
        ("city='it\\'s', flag=True", {"city": "it's", "flag": True}),
        ('text="a\\nb\\t\\"c\\""', {"text": 'a\nb\t"c"'}),
        ("maybe=None, list=['a', \"b,)\"]", {"maybe": None, "list": ["a", "b,)"]}),
        ('either={"a": true, \'b\': (1, 2), "c": null}', {"either": {"a": True, "b": [1, 2], "c": None}}),
        ("", {}),
    ],
)
def test_python_like_calls(written: str, meant: Any) -> None:
    text = f"<|tool_call_start|>[weather({written}), now()]<|tool_call_end|>"
    assert read("lfm2", text) == [call("weather", meant), call("now"), DONE]


def test_square_brackets_of_prose_are_content() -> None:
    text = "See [weather](https://example.org) and [now()]."
    assert read("lfm2", text) == [("content", text), ("finish", "stop")]


def test_a_dictionary_with_bare_keys() -> None:
    text = '<|tool_call>call:weather{city:<|"|>a, "b"} <|"|>,days:3,either:{x:[true,<|"|>y<|"|>]}}<tool_call|>'
    expected = call("weather", {"city": 'a, "b"} ', "days": 3, "either": {"x": [True, "y"]}})
    assert read("gemma-4", text) == [expected, DONE]
    # A thought may begin again, and be empty.
    thought = "<|channel>thought\nHm.<channel|>Well.<|channel>thought\n<channel|>" + text
    assert read("gemma-4", thought) == [("reasoning", "Hm."), ("content", "Well."), expected, DONE]


def test_nested_tags_follow_the_schema() -> None:
    p = "]<]x[>["
    inner = f"{p}<list>{p}<item>a{p}</item>{p}<item>2{p}</item>{p}</list>{p}<days>3{p}</days>"
    inner += f"{p}<city>{p}<b>x{p}</b>{p}</city>"
    text = f'{p}<tool_call>\n{p}<invoke name="weather">{inner}{p}</invoke>\n{p}</tool_call>'
    expected = call("weather", {"list": ["a", "2"], "days": 3, "city": f"{p}<b>x{p}</b>"})
    assert read("minimax-m3", text) == [expected, DONE]


def test_nested_tags_of_objects_and_of_tags_called_alike() -> None:
    p = "]<]x[>["

    def read_either(inner: str) -> list[tuple[str, ...]]:
        written = (
            f'{p}<tool_call>\n{p}<invoke name="weather">{p}<either>{inner}{p}</either>{p}</invoke>\n{p}</tool_call>'
        )
        return read("minimax-m3", written)

    assert read_either(f"{p}<x>1{p}</x>{p}<y>b{p}</y>") == [call("weather", either={"x": 1, "y": "b"}), DONE]
    assert read_either(f"{p}<either>{p}<either>1{p}</either>{p}</either>") == [
        call("weather", either={"either": {"either": 1}}),
        DONE,
    ]
    half = f"{p}<x>1{p}</x>{p}<y>b"
    assert read_either(half) == [call("weather", either=half), DONE]


# ---- ids, bare objects -----------------------------------------------------------------------------------


def test_the_ids_of_calls_that_count() -> None:
    text = "<|section_begin|><|call_begin|>functions.weather:0<|args_begin|>{}<|call_end|>"
    text += "<|call_begin|>functions.now:1<|args_begin|>{}"
    events = events_of(prepare("kimi-k2").new_parser(0), text)
    assert call_ids(events) == ["functions.weather:0", "functions.now:1"]
    without_section = "<|call_begin|>functions.weather:0<|args_begin|>{}"
    assert read("kimi-k2", without_section) == [call("weather"), DONE]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "weather", "parameters": {"city": "Bonn"}}',
        '{"type": "function", "name": "weather", "parameters": {"city": "Bonn"}}',
        '{"type": "function", "function": "weather", "parameters": {"city": "Bonn"}}',
        '{"type": "function", "function": {"name": "weather", "arguments": {"city": "Bonn"}}}',
        '[{"name": "weather", "arguments": {"city": "Bonn"}}]',
    ],
)
def test_llamas_ways_to_write_a_call(text: str) -> None:
    assert read("llama-3", text) == [call("weather", city="Bonn"), DONE]


@pytest.mark.parametrize("between", ["; ", "\n", ", "])
def test_several_bare_calls(between: str) -> None:
    text = between.join(['{"name": "now", "parameters": {}}'] * 2)
    assert read("llama-3", text) == [call("now"), call("now"), DONE]
    assert read("llama-3", text + "; and so on")[-2:] == [("content", "; and so on"), DONE]


def test_a_list_of_bare_calls_ends_with_its_bracket() -> None:
    calls = '[{"name": "now", "parameters": {}}, {"name": "weather", "parameters": {"city": "Bonn"}}]'
    assert read("llama-3", calls) == [call("now"), call("weather", city="Bonn"), DONE]
    assert read("llama-3", f"{calls} Done.") == [call("now"), call("weather", city="Bonn"), ("content", "Done."), DONE]


@pytest.mark.parametrize("text", ["[1, 2]", '{"city": "Bonn"}', '[{"name": "x"}]', '["weather"]', "[", "[{"])
def test_other_json_is_content(text: str) -> None:
    assert read("llama-3", text) == [("content", text), ("finish", "stop")]


def test_a_call_without_the_mark_in_front_of_its_arguments() -> None:
    assert read("mistral-small", '[TOOL_CALLS]weather{"city": "Bonn"}') == [call("weather", city="Bonn"), DONE]
    assert read("mistral-small", '[TOOL_CALLS]weather[ARGS]{"city": "Bonn"}') == [call("weather", city="Bonn"), DONE]
    assert read("mistral-small", "[TOOL_CALLS]weather is nice")[-1] == ("finish", "stop")


# ---- calls inside of reasoning ---------------------------------------------------------------------------

HERMES_CALL = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def test_a_call_in_thoughts_that_never_end_counts() -> None:
    assert read("hermes", f"<think>\nHm.\n{HERMES_CALL}") == [("reasoning", "Hm."), call("now"), DONE]
    assert read("hermes", f"<think>{HERMES_CALL}\n{HERMES_CALL}\n") == [call("now"), call("now"), DONE]


def test_a_call_that_was_only_thought_of_does_not() -> None:
    thought = f"Perhaps {HERMES_CALL} or not"
    assert read("hermes", f"<think>{thought}</think>Hello") == [
        ("reasoning", thought),
        ("content", "Hello"),
        ("finish", "stop"),
    ]
    assert read("hermes", f"<think>{thought}") == [("reasoning", thought), ("finish", "stop")]
    assert read("hermes", f"<think>{HERMES_CALL}</think>{HERMES_CALL}") == [
        ("reasoning", HERMES_CALL),
        call("now"),
        DONE,
    ]
    mention = "I could use <tool_call> for it"
    assert read("hermes", f"<think>{mention}</think>No.") == [
        ("reasoning", mention),
        ("content", "No."),
        ("finish", "stop"),
    ]


# ---- markers around content ------------------------------------------------------------------------------


def test_what_surrounds_an_answer_is_not_shown() -> None:
    text = "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>"
    assert read("command-r7b", text) == [("reasoning", "Hm."), ("content", "Hello"), ("finish", "stop")]
    granite = "<think>Hm.</think><response>Hello</response>"
    assert read("granite-3", granite) == [("reasoning", "Hm."), ("content", "Hello"), ("finish", "stop")]
    assert read("functionary-3.2", "all\nHello") == [("content", "Hello"), ("finish", "stop")]
    assert read("functionary-3.2", 'weather\n{"city": "Bonn"}>>>now\n{}') == [
        call("weather", city="Bonn"),
        call("now"),
        DONE,
    ]


def test_a_lone_marker_at_the_end_is_not_shown() -> None:
    assert read("gigachat", "Hello<|function_call|>") == [("content", "Hello"), ("finish", "stop")]


# ---- channels --------------------------------------------------------------------------------------------

ANALYSIS = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"


@pytest.mark.parametrize(
    "header",
    [
        " to=functions.weather<|channel|>commentary json<|message|>",
        "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>",
        "<|channel|>commentary to=functions.weather<|message|>",
        "<|channel|>analysis to=functions.weather code<|message|>",
        "<|channel|>commentary to=weather<|message|>",
    ],
)
@pytest.mark.parametrize("ending", ["<|call|>", ""])
def test_recipients_in_every_place(header: str, ending: str) -> None:
    text = f'{ANALYSIS}{header}{{"city": "Bonn"}}{ending}'
    assert read("gpt-oss", text) == [("reasoning", "Hm."), call("weather", city="Bonn"), DONE]


def test_a_preamble_is_content_and_thoughts_may_come_again() -> None:
    text = (
        f"{ANALYSIS}<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
        f"{ANALYSIS}<|channel|>final<|message|>a <b> c<|return|>"
    )
    assert read("gpt-oss", text) == [
        ("reasoning", "Hm."),
        ("content", "I look."),
        ("reasoning", "Hm."),
        ("content", "a <b> c"),
        ("finish", "stop"),
    ]


def test_channels_gone_wrong_lose_no_text() -> None:
    assert read("gpt-oss", "Just text, to=you") == [("content", "Just text, to=you"), ("finish", "stop")]
    assert read("gpt-oss", "<|channel|>final") == [("finish", "stop")]
    assert read("gpt-oss", "<|channel|>final Hello there") == [("content", "final Hello there"), ("finish", "stop")]
    assert read("gpt-oss", "to be or not") == [("content", "to be or not"), ("finish", "stop")]
    unknown = "<|channel|>commentary to=functions.other<|message|>{}<|call|>"
    assert read("gpt-oss", unknown) == [("reasoning", "{}"), ("finish", "stop")]
    no_arguments = "<|channel|>commentary to=functions.now<|message|><|call|>"
    assert read("gpt-oss", no_arguments) == [call("now"), DONE]
    assert read("gpt-oss", no_arguments.removesuffix("<|call|>")) == [call("now"), DONE]
    half = '<|channel|>commentary to=functions.weather<|message|>{"ci'
    assert read("gpt-oss", half, reason="length") == [("call", "weather", '{"ci'), ("finish", "length")]


def test_channels_carry_logprobs_and_tell_of_reasoning() -> None:
    one = TokenLogprob("a", (97,), -1.0)
    parser = OutputParser(ChatFormat("", is_channelled=True), choice=2)
    assert not parser.is_reasoning
    assert parser.feed("<|channel|>analysis<|message|>x") == [ReasoningDelta("x", 2)]
    assert parser.is_reasoning
    parser.feed("<|end|><|start|>assistant<|channel|>final<|message|>")
    assert parser.feed("a", (one,)) == [TextDelta("a", 2, (one,))]
    assert parser.finish("stop", "END") == [ChoiceFinished("stop", 2, "END")]


def test_without_tools_markers_of_calls_are_text() -> None:
    found = prepare("qwen3-coder").chat_format
    text = "<tool_call>\n<function=now>\n</function>\n</tool_call>"
    assert OutputParser(found).feed(text)[0] == TextDelta(text[: -len("</tool_call>")] + "</tool_call>")
