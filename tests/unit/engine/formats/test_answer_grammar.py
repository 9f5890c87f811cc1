"""Grammars, held against the real llguidance: what they take and what they refuse."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.control_text import ControlText
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    Grammar,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    ResponseFormat,
    TextPart,
    TextPrompt,
    Tool,
    ToolChoice,
)
from dmr_desktop.protocol.json_types import JSON
from tests.fakes import chat_templates
from tests.fakes.fake_vocabulary import FakeVocabulary

TURNS = ("<|im_start|>", "<|im_end|>")
MARKERS = ("<tool_call>", "</tool_call>", "<think>", "</think>")
IN_TEXT = FakeVocabulary(TURNS)
AS_TOKENS = FakeVocabulary((*TURNS, *MARKERS))
VOCABULARIES = {"text": IN_TEXT, "tokens": AS_TOKENS}

WEATHER = Tool(
    "weather",
    "",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["city"],
    },
)
NOW = Tool("now")


class _Bytes:
    """What TokenizerWrapper asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, vocabulary: FakeVocabulary) -> None:
        self.tokens = vocabulary.byte_pieces
        self.eos_token_id = vocabulary.token_id("<|im_end|>")

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


def prepare(
    vocabulary: FakeVocabulary = IN_TEXT,
    template: str = chat_templates.HERMES,
    *,
    tools: Sequence[Tool] = (),
    choice: ToolChoice = "auto",
    parallel: bool = True,
    response_format: ResponseFormat | None = None,
    **variables: Any,
) -> Prepared:
    messages = (Message("user", (TextPart("hi"),)),)
    prompt = ChatPrompt(messages, tuple(tools), choice, parallel, variables)
    return ChatFormatter(vocabulary, template).prepare(GenerationRequest(prompt, response_format=response_format))


def takes(prepared: Prepared, vocabulary: FakeVocabulary, text: str) -> bool:
    """Whether the whole text satisfies the grammar."""
    assert prepared.grammar is not None
    tokenizer = LLTokenizer(
        TokenizerWrapper(_Bytes(vocabulary)),
        n_vocab=len(vocabulary.byte_pieces),
        eos_token=vocabulary.token_id("<|im_end|>"),
    )
    matcher = LLMatcher(tokenizer, prepared.grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    tokens = ControlText(vocabulary, "").tokenize(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def call(name: str, arguments: Any) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments)}}}\n</tool_call>'


@pytest.mark.parametrize("kind", ["text", "tokens"])
def test_a_required_call(kind: str) -> None:
    vocabulary = VOCABULARIES[kind]
    prepared = prepare(vocabulary, tools=[WEATHER, NOW], choice="required")
    good = call("weather", {"city": "Bonn", "days": 3})
    assert takes(prepared, vocabulary, good)
    assert takes(prepared, vocabulary, call("now", {}))
    assert takes(prepared, vocabulary, f"{good}\n{call('now', {})}")
    for bad in (
        "Hello",
        "",
        call("other", {}),
        call("weather", {}),
        call("weather", {"city": 1}),
        call("weather", {"city": "x", "days": 10}),
        call("weather", {"city": "x", "extra": 1}),
        call("now", {"x": 1}),
        good + " and more",
        good.replace(": ", ":"),
    ):
        assert not takes(prepared, vocabulary, bad), bad


def test_only_one_call_when_parallel_calls_are_off() -> None:
    prepared = prepare(tools=[NOW], choice="required", parallel=False)
    assert takes(prepared, IN_TEXT, call("now", {}))
    assert not takes(prepared, IN_TEXT, f"{call('now', {})}\n{call('now', {})}")


def test_a_named_tool_is_called_once() -> None:
    prepared = prepare(tools=[WEATHER, NOW], choice=NamedTool("now"))
    assert takes(prepared, IN_TEXT, call("now", {}))
    assert not takes(prepared, IN_TEXT, call("weather", {"city": "x"}))
    assert not takes(prepared, IN_TEXT, f"{call('now', {})}\n{call('now', {})}")


@pytest.mark.parametrize("kind", ["text", "tokens"])
def test_a_model_that_thinks_may_think_first(kind: str) -> None:
    vocabulary = VOCABULARIES[kind]
    prepared = prepare(vocabulary, chat_templates.HERMES_THINKING, tools=[NOW], choice="required")
    assert takes(prepared, vocabulary, call("now", {}))
    assert takes(prepared, vocabulary, f"<think>\nA {{ < b?\n</think>\n\n{call('now', {})}")
    assert not takes(prepared, vocabulary, "<think>\nHm\n</think>\n\nHello")


@pytest.mark.parametrize("kind", ["text", "tokens"])
def test_a_model_whose_reasoning_the_prompt_opened_ends_it_first(kind: str) -> None:
    vocabulary = VOCABULARIES[kind]
    prepared = prepare(vocabulary, chat_templates.HERMES_THINK_OPENED, response_format=JsonObject())
    assert prepared.reasoning_open
    assert takes(prepared, vocabulary, 'Hm.\n</think>\n\n{"a":1}')
    assert not takes(prepared, vocabulary, '{"a":1}')


def test_no_thinking_when_it_is_switched_off() -> None:
    prepared = prepare(template=chat_templates.HERMES_THINKING, response_format=JsonObject(), enable_thinking=False)
    assert takes(prepared, IN_TEXT, '{"a":1}')
    assert not takes(prepared, IN_TEXT, '<think>\nHm.\n</think>\n\n{"a":1}')


def test_any_json_object() -> None:
    prepared = prepare(response_format=JsonObject())
    assert takes(prepared, IN_TEXT, '{"a":[1,{"b":null}],"c":"é"}')
    for bad in ("[1]", "1", '{"a": 1}', '{"a":1} '):
        assert not takes(prepared, IN_TEXT, bad)


def test_a_schema_gives_compact_json_in_its_own_order() -> None:
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": {"b": {"type": "integer"}, "a": {"enum": ["x", "y"]}},
        "required": ["a", "b"],
    }
    prepared = prepare(response_format=JsonSchema(schema))
    assert takes(prepared, IN_TEXT, '{"b":1,"a":"x"}')
    for bad in ('{"a":"x","b":1}', '{"b":1,"a":"z"}', '{"b":1}', '{"b": 1,"a":"x"}', '{"b":1,"a":"x","c":2}'):
        assert not takes(prepared, IN_TEXT, bad)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "title": "N", "default": 3},
        {"type": ["null", "integer"]},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}},
        {"$ref": "#/definitions/n", "definitions": {"n": {"type": "integer"}}},
    ],
)
def test_integers_have_an_end(schema: dict[str, JSON]) -> None:
    """A small model may repeat a digit for ever; an identifier of 64 bits is still one."""
    prepared = prepare(response_format=JsonSchema(schema))
    for good in ("0", "-7", "1" * 19, str(-9 * 10**18)):
        assert takes(prepared, IN_TEXT, good)
    for bad in ("1" * 20, "-" + "9" * 20, "1.0", "01"):
        assert not takes(prepared, IN_TEXT, bad)
    assert takes(prepared, IN_TEXT, "null") == ("null" in json.dumps(schema))


def test_integers_have_an_end_in_lists_and_in_calls() -> None:
    numbers: dict[str, JSON] = {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer"}}}}
    prepared = prepare(tools=[Tool("f", "", numbers)], choice="required")
    assert takes(prepared, IN_TEXT, call("f", {"n": [1, -2]}))
    assert not takes(prepared, IN_TEXT, call("f", {"n": [1, 10**20]}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "integer", "exclusiveMinimum": -(2**63)},
        {"type": "number", "minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308},
    ],
)
def test_the_limits_of_a_type_itself_are_none(schema: dict[str, JSON]) -> None:
    prepared = prepare(response_format=JsonSchema(schema))
    assert takes(prepared, IN_TEXT, "-17")
    assert takes(prepared, IN_TEXT, "17")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"minimum": 1}, ["1", "9" * 18], ["0", "1" * 20]),
        ({"exclusiveMinimum": 0, "title": "Age"}, ["1", "9" * 18], ["0", "1" * 20]),
        ({"maximum": 9}, ["9", "-" + "9" * 18], ["10", "-" + "1" * 20]),
        ({"minimum": 0, "maximum": 9}, ["0", "9"], ["10", "-1"]),
    ],
)
def test_an_integer_with_one_limit_of_its_own_has_an_end_on_the_other_side(
    schema: dict[str, JSON], good: list[str], bad: list[str]
) -> None:
    prepared = prepare(response_format=JsonSchema({"type": "integer", **schema}))
    assert all(takes(prepared, IN_TEXT, text) for text in good)
    assert not any(takes(prepared, IN_TEXT, text) for text in bad)


def test_raw_prompts_can_be_constrained_too() -> None:
    request = GenerationRequest(TextPrompt("x"), response_format=JsonObject())
    assert takes(ChatFormatter(IN_TEXT, None).prepare(request), IN_TEXT, '{"a":1}')


def test_json_or_a_call_when_both_are_possible() -> None:
    prepared = prepare(tools=[NOW], response_format=JsonObject())
    assert takes(prepared, IN_TEXT, '{"a":1}')
    assert takes(prepared, IN_TEXT, call("now", {}))
    assert not takes(prepared, IN_TEXT, "Hello")


def test_free_text_pays_nothing() -> None:
    assert prepare().grammar is None
    assert prepare(tools=[NOW]).grammar is None
    assert prepare(tools=[NOW], choice="none").grammar is None


def test_a_template_without_tools_answers_in_constrained_json() -> None:
    prepared = prepare(template=chat_templates.CHATML_PLAIN, tools=[WEATHER, NOW])
    assert takes(prepared, IN_TEXT, '{"response": "Hi \\"you\\"\\n"}')
    assert takes(
        prepared, IN_TEXT, '{"tool_calls": [{"name": "now", "arguments": {}}, {"name": "now", "arguments": {}}]}'
    )
    assert not takes(prepared, IN_TEXT, "Hi")
    required = prepare(template=chat_templates.CHATML_PLAIN, tools=[NOW], choice="required")
    assert takes(required, IN_TEXT, '{"tool_calls": [{"name": "now", "arguments": {}}]}')
    assert not takes(required, IN_TEXT, '{"response": "Hi"}')


def test_ids_and_sections() -> None:
    vocabulary = FakeVocabulary((*TURNS, "[TOOL_CALLS]"))
    prepared = prepare(vocabulary, chat_templates.CALL_LIST, tools=[NOW], choice="required")
    one = '{"name": "now", "arguments": {}, "id": "abc123XYZ"}'
    assert takes(prepared, vocabulary, f"[TOOL_CALLS][{one}]")
    assert takes(prepared, vocabulary, f"[TOOL_CALLS][{one}, {one}]")
    assert not takes(prepared, vocabulary, f"[TOOL_CALLS][{one.replace('abc123XYZ', 'abc')}]")
    section = prepare(template=chat_templates.NAME_THEN_JSON, tools=[NOW], choice="required")
    assert takes(section, IN_TEXT, "<calls><call>function<sep>now\n```json\n{}\n```</call></calls>")


def test_odd_names_are_spelled_as_json() -> None:
    prepared = prepare(tools=[Tool('a"b\\n')], choice="required")
    assert takes(prepared, IN_TEXT, call('a\\"b\\\\n', {}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": "string", "pattern": "(?<=x)y"},
        {"type": "string", "pattern": "("},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        False,
    ],
)
def test_schemas_that_cannot_be_enforced_are_refused_by_name(schema: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prepare(response_format=JsonSchema({"type": "object", "properties": {"a": schema}, "required": ["a"]}))
    assert caught.value.param == "response_format.json_schema.schema"
    with pytest.raises(InvalidRequest) as caught:
        prepare(
            tools=[NOW, Tool("f", "", {"type": "object", "properties": {"a": schema}, "required": ["a"]})],
            choice="required",
        )
    assert caught.value.param == "tools[1].function.parameters"


def test_keywords_that_cannot_be_enforced_matter_only_when_strict() -> None:
    schema: dict[str, JSON] = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    assert takes(prepare(response_format=JsonSchema(schema)), IN_TEXT, "[1,2]")
    with pytest.raises(InvalidRequest, match="uniqueItems"):
        prepare(response_format=JsonSchema(schema, strict=True))


def test_tool_choices_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        prepare(tools=[NOW], choice=NamedTool("other"))
    assert caught.value.param == "tool_choice"
    with pytest.raises(InvalidRequest) as caught:
        prepare(choice="required")
    assert caught.value.param == "tool_choice"


ADDRESS = r"""
# what may be asked for
root   ::= "go to " place (" {" [^}]+ "}")? "\n"
place  ::= "Bonn" | r1{2,3}
r1     ::= [a-z]+ ws
ws     ::= [ \t]*
"""


def test_a_grammar_of_llama_cpp() -> None:
    prepared = prepare(response_format=Grammar(ADDRESS))
    for good in ("go to Bonn\n", "go to ab cd \n", "go to Bonn {x y}\n"):
        assert takes(prepared, IN_TEXT, good), good
    for bad in ("go to Bonn", "go to Köln\n", "Bonn\n", "go to Bonn {}\n", ""):
        assert not takes(prepared, IN_TEXT, bad), bad
    raw = ChatFormatter(IN_TEXT, chat_templates.HERMES).prepare(
        GenerationRequest(TextPrompt("x"), response_format=Grammar('root ::= "yes" | "no"'))
    )
    assert takes(raw, IN_TEXT, "no")
    assert not takes(raw, IN_TEXT, "maybe")


def test_a_grammar_begins_after_what_the_model_thinks() -> None:
    prepared = prepare(AS_TOKENS, chat_templates.HERMES_THINKING, response_format=Grammar('root ::= "yes" | "no"'))
    assert takes(prepared, AS_TOKENS, "<think>hm</think>\n\nyes")
    assert not takes(prepared, AS_TOKENS, "<think>hm</think>\n\nmaybe")


@pytest.mark.parametrize(
    "text",
    ["", "x", 'yes ::= "a"', "root ::= (", "root ::= missing", "root ::= [a", f"root ::= {'(' * 5000}1{')' * 5000}"],
)
def test_what_is_no_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prepare(response_format=Grammar(text))
    assert caught.value.param == "grammar"
