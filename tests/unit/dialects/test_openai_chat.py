"""What the chat dialect reads: JSON in, request out; and every refusal names its field."""

import pytest

from dmr_desktop.dialects.openai_chat import parse
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    Grammar,
    ImagePart,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    SamplingParams,
    TextPart,
    Tool,
    ToolCall,
)
from dmr_desktop.protocol.json_types import JSON

USER = {"role": "user", "content": "hi"}
SCHEMA: dict[str, JSON] = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def body(**fields: object) -> dict[str, object]:
    return {"model": "ai/x", "messages": [USER], **fields}


def prompt_of(**fields: object) -> ChatPrompt:
    prompt = parse(body(**fields)).requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt


def nested(depth: int) -> dict[str, JSON]:
    return {"type": "object", "properties": {"a": nested(depth - 1)}} if depth else {"type": "object"}


def test_the_least_request_gets_the_defaults_of_llama_cpp() -> None:
    exchange = parse(body())
    request = exchange.requests[0]
    assert (exchange.model, exchange.stream, exchange.keep_alive_seconds) == ("ai/x", False, None)
    assert request.sampling == SamplingParams(temperature=0.8, top_p=0.95, top_k=40, min_p=0.05)
    assert (request.max_tokens, request.stop, request.num_choices, request.top_logprobs) == (None, (), 1, None)
    assert request.prompt == ChatPrompt((Message("user", (TextPart("hi"),)),))


def test_every_sampling_field_arrives() -> None:
    request = parse(
        body(
            temperature=0,
            top_p=0.5,
            top_k=-1,
            min_p=0.1,
            repeat_penalty=1.2,
            repeat_last_n=8,
            presence_penalty=1,
            frequency_penalty=-1,
            logit_bias={"7": -100},
            seed=-3,
            max_completion_tokens=9,
            stop="END",
            n=2,
            logprobs=True,
            top_logprobs=3,
            ignore_eos=True,
            keep_alive="10m",
        )
    ).requests[0]
    assert request.sampling == SamplingParams(0.0, 0.5, 0, 0.1, 1.2, 8, 1.0, -1.0, {7: -100.0}, 2**32 - 3)
    assert (request.max_tokens, request.stop, request.num_choices, request.top_logprobs) == (9, ("END",), 2, 3)
    assert request.ignore_eos


def test_a_request_goes_before_the_defaults_by_whatever_name_it_calls_a_field() -> None:
    defaults: dict[str, JSON] = {"max_tokens": 100, "repeat_penalty": 1.1}
    request = parse(body(max_completion_tokens=50, repetition_penalty=1.3), defaults).requests[0]
    assert (request.max_tokens, request.sampling.repeat_penalty) == (50, 1.3)
    untouched = parse(body(max_completion_tokens=None), defaults).requests[0]
    assert (untouched.max_tokens, untouched.sampling.repeat_penalty) == (100, 1.1)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "developer", "content": "be"}, Message("system", (TextPart("be"),))),
        ({"role": "assistant", "content": None}, Message("assistant")),
        ({"role": "assistant", "content": ""}, Message("assistant")),
        ({"role": "user", "content": "x", "name": "eve"}, Message("user", (TextPart("x"),), name="eve")),
        (
            {"role": "assistant", "content": "a", "reasoning_content": "r"},
            Message("assistant", (TextPart("a"),), reasoning="r"),
        ),
        (
            {"role": "assistant", "content": "a", "reasoning": {"effort": "low"}},
            Message("assistant", (TextPart("a"),)),
        ),
        (
            {
                "role": "assistant",
                "content": [],
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"id": 1}}}],
            },
            Message("assistant", tool_calls=(ToolCall("c1", "f", '{"id":1}'),)),
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": "data:x"}]},
            Message("user", (TextPart("a"), ImagePart("data:x"))),
        ),
    ],
)
def test_message_forms(message: dict[str, object], expected: Message) -> None:
    assert prompt_of(messages=[message]).messages == (expected,)


def test_a_tool_answer_carries_its_call() -> None:
    answer = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "12"}]}
    assert prompt_of(messages=[USER, answer]).messages[1] == Message("tool", (TextPart("12"),), tool_call_id="c1")


def test_tools_and_choice() -> None:
    prompt = prompt_of(
        tools=[TOOL], tool_choice={"type": "function", "function": {"name": "weather"}}, parallel_tool_calls=False
    )
    assert prompt.tools == (Tool("weather", "", SCHEMA),)
    assert prompt.tool_choice == NamedTool("weather")
    assert not prompt.parallel_tool_calls


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_of_the_tools_only_those_that_are_allowed_are_offered(mode: str) -> None:
    other = {"type": "function", "function": {"name": "time"}}
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "time"}}]}
    prompt = prompt_of(tools=[TOOL, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert (prompt.tools, prompt.tool_choice) == ((Tool("time"),), mode)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, JsonObject()),
        ({"type": "json_object", "schema": SCHEMA}, JsonSchema(SCHEMA)),
        (
            {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA, "strict": True}},
            JsonSchema(SCHEMA, "w", True),
        ),
    ],
)
def test_response_formats(form: dict[str, object], expected: object) -> None:
    assert parse(body(response_format=form)).requests[0].response_format == expected


def test_the_two_constraints_of_llama_cpp() -> None:
    def form_of(**fields: object) -> object:
        return parse(body(**fields)).requests[0].response_format

    assert form_of(json_schema=SCHEMA) == JsonSchema(SCHEMA)
    assert form_of(grammar='root ::= "a"') == Grammar('root ::= "a"')
    assert form_of(grammar="", json_schema={}) is None
    assert form_of(grammar='root ::= "a"', response_format={"type": "text"}, tools=[]) == Grammar('root ::= "a"')


def test_reasoning_effort_and_template_variables() -> None:
    assert prompt_of(reasoning_effort="none").template_kwargs == {"enable_thinking": False}
    for effort in ("minimal", "low", "medium", "high", "xhigh", "max"):  # OpenAI's, all of them
        assert prompt_of(reasoning_effort=effort).template_kwargs == {"reasoning_effort": effort}
    kwargs = {"enable_thinking": True, "x": 1}
    assert prompt_of(chat_template_kwargs=kwargs, reasoning_effort="none").template_kwargs == kwargs


def test_nulls_and_unknown_fields_are_as_absent() -> None:
    fields = ("temperature", "max_tokens", "stop", "tools", "tool_choice", "response_format", "logit_bias", "stream")
    exchange = parse(body(user="u", store=True, service_tier="auto", **dict.fromkeys(fields)))
    assert exchange.requests == parse(body()).requests


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [3]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b"}}]}]},
            "messages[0].content[0].image_url",
        ),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{}]}]}, "messages[1].tool_calls[0].function"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_k": -5}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.0}, "seed"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": 2**31 + 1}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": ["x" * 257]}, "stop[0]"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": [3]}, "stop[0]"),
        ({"stop": 3}, "stop"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1"),
        ({"logit_bias": {str(i): 1 for i in range(301)}}, "logit_bias"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"tools": [TOOL] * 129}, "tools"),
        ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "web", "function": {}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": 3}}}]},
            "tools[0].function.parameters.type",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"properties": {"b": 3}}}}]},
            "tools[0].function.parameters.properties.b",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "b"}}},
            "tool_choice.function.name",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "custom"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": []}}},
            "tool_choice.allowed_tools.tools",
        ),
        (
            {
                "tools": [TOOL],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [{"function": {"name": "b"}}]}},
            },
            "tool_choice.allowed_tools.tools[0].function.name",
        ),
        ({"web_search_options": {}}, "web_search_options"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
        ({"grammar": 1}, "grammar"),
        ({"grammar": "x" * 65537}, "grammar"),
        ({"grammar": "x", "json_schema": SCHEMA}, "grammar"),
        ({"grammar": "x", "tools": [TOOL]}, "grammar"),
        ({"grammar": "x", "response_format": {"type": "json_object"}}, "grammar"),
        ({"json_schema": SCHEMA, "response_format": {"type": "json_object"}}, "json_schema"),
        ({"json_schema": {"$ref": "http://x/y"}}, "json_schema"),
        ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"enable_thinking": "no"}}, "chat_template_kwargs.enable_thinking"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"keep_alive": "soon"}, "keep_alive"),
    ],
)
def test_refusals_name_their_field(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body(**fields))
    assert caught.value.param == param
    assert caught.value.status == 400


@pytest.mark.parametrize("junk", [None, [], "x", 1, True])
def test_a_body_that_is_no_object_is_refused(junk: object) -> None:
    with pytest.raises(InvalidRequest, match="invalid request"):
        parse(junk)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "file:///etc/passwd"},
        {"properties": {"a": {"$ref": "http://x/y"}}},
        {"pattern": "a" * 513},
        {"pattern": "(" * 17},
        {"minItems": 10**9},
        {"enum": list(range(30_000))},
        {"properties": {f"p{i}": {} for i in range(2_001)}},
    ],
)
def test_hostile_schemas_are_refused(schema: dict[str, object]) -> None:
    form = {"type": "json_schema", "json_schema": {"schema": schema}}
    with pytest.raises(InvalidRequest) as caught:
        parse(body(response_format=form))
    assert caught.value.param == "response_format.json_schema.schema"


def test_a_deep_but_honest_schema_passes() -> None:
    form = {"type": "json_schema", "json_schema": {"schema": nested(20)}}
    assert parse(body(response_format=form)).requests[0].response_format == JsonSchema(nested(20))
