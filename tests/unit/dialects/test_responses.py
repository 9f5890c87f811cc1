"""What the Responses dialect reads: JSON in, request out; and every refusal names its field."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from dmr_desktop.dialects.responses import ResponsesDialect
from dmr_desktop.dialects.responses_memory import StoredResponse
from dmr_desktop.protocol.errors import InvalidRequest, PreviousResponseNotFound
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Finished,
    GenerationRequest,
    ImagePart,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "name": "weather", "parameters": SCHEMA}
OTHER = {"type": "function", "name": "time"}
FINISHED = Finished(Usage(3, 2))


class Kept:
    """A memory without bounds."""

    def __init__(self) -> None:
        self.responses: dict[str, StoredResponse] = {}

    def response(self, response_id: str) -> StoredResponse | None:
        return self.responses.get(response_id)

    def item(self, item_id: str) -> Mapping[str, object] | None:
        for response in self.responses.values():
            for item in (*response.input, *response.output):
                if item.id == item_id:
                    found: Mapping[str, object] = orjson.loads(item.json)
                    return found
        return None

    def keep(self, response: StoredResponse) -> None:
        self.responses[response.id] = response


def request_of(memory: Kept | None = None, **fields: object) -> GenerationRequest:
    body = {"model": "ai/x", "input": "hi", **fields}
    return ResponsesDialect(memory or Kept()).parse(body).requests[0]


def prompt_of(memory: Kept | None = None, **fields: object) -> ChatPrompt:
    prompt = request_of(memory, **fields).prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt


def messages_of(*items: object) -> tuple[Message, ...]:
    return prompt_of(input=list(items)).messages


def answer(memory: Kept, *events: Any, **fields: object) -> Any:
    """The response object of one request that was answered with ``events``."""
    collector = ResponsesDialect(memory).parse({"model": "ai/x", "input": "hi", **fields}).collector()
    collector.add([*events, FINISHED])
    return orjson.loads(collector.result())


def text(content: str) -> tuple[TextPart, ...]:
    return (TextPart(content),)


# ---- input -----------------------------------------------------------------------------------


def test_a_string_is_a_user_message_and_instructions_go_before_it() -> None:
    assert prompt_of().messages == (Message("user", text("hi")),)
    assert prompt_of(instructions="be brief").messages == (
        Message("system", text("be brief")),
        Message("user", text("hi")),
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"role": "user", "content": "x"}, Message("user", text("x"))),
        ({"role": "developer", "content": "x"}, Message("system", text("x"))),
        ({"type": "message", "role": "system", "content": "x"}, Message("system", text("x"))),
        ({"type": "message", "role": "assistant", "content": []}, Message("assistant")),
        (
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_image", "detail": "auto", "image_url": "data:x"},
                ],
            },
            Message("user", (TextPart("a"), ImagePart("data:x"))),
        ),
        (
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "a", "annotations": []},
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            Message("assistant", (TextPart("a"), TextPart("no"))),
        ),
        (
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            Message("assistant", tool_calls=(ToolCall("c1", "f", '{"a":1}'),)),
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            Message("assistant", reasoning="hm"),
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "content": None},
            Message("assistant", reasoning="hm"),
        ),
    ],
)
def test_item_forms(item: dict[str, object], expected: Message) -> None:
    assert messages_of({"role": "user", "content": "q"}, item)[1:] == (expected,)


def test_one_turn_of_the_model_is_one_message() -> None:
    messages = messages_of(
        {"role": "user", "content": "q"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"role": "assistant", "content": "let me see"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "zzz"},
        {"role": "assistant", "content": "done"},
        {"role": "assistant", "content": "really"},
    )
    calls = (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "{}"))
    assert messages[1:] == (
        Message("assistant", text("let me see"), reasoning="hm", tool_calls=calls),
        Message("tool", text("1"), tool_call_id="c1"),
        Message("tool", text("2"), tool_call_id="c2"),
        Message("assistant", text("done")),
        Message("assistant", text("really")),
    )


def test_items_without_a_type_are_told_by_their_fields() -> None:
    messages = messages_of(
        {"role": "user", "content": "q"},
        {"call_id": "c1", "name": "f", "arguments": {"a": 1}},
        {"call_id": "c1", "output": "1"},
    )
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert messages[1].tool_calls == (ToolCall("c1", "f", '{"a":1}'),)


# ---- parameters ------------------------------------------------------------------------------


def test_parameters_arrive() -> None:
    request = request_of(
        temperature=0, top_p=0.5, max_output_tokens=9, top_logprobs=3, reasoning={"effort": "low", "summary": "auto"}
    )
    assert (request.sampling.temperature, request.sampling.top_p) == (0, 0.5)
    assert (request.max_tokens, request.top_logprobs) == (9, 3)
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.template_kwargs == {"reasoning_effort": "low"}
    assert prompt_of(reasoning={"effort": "none"}).template_kwargs == {"enable_thinking": False}
    assert request_of(include=["message.output_text.logprobs", "reasoning.encrypted_content"]).top_logprobs == 0
    assert request_of().top_logprobs is None


def test_defaults_hold_where_nothing_is_set() -> None:
    dialect = ResponsesDialect(Kept())
    defaults: Any = {"temperature": 0.25, "max_tokens": 5}
    request = dialect.parse({"model": "x", "input": "hi", "temperature": None}, defaults).requests[0]
    assert (request.sampling.temperature, request.max_tokens) == (0.25, 5)
    request = dialect.parse({"model": "x", "input": "hi", "max_output_tokens": 7}, defaults).requests[0]
    assert request.max_tokens == 7


def test_tools_flat_and_nested() -> None:
    nested = {"type": "function", "function": {"name": "time"}}
    prompt = prompt_of(tools=[{**TOOL, "strict": True, "description": "d"}, nested], parallel_tool_calls=False)
    assert prompt.tools == (Tool("weather", "d", SCHEMA, True), Tool("time"))
    assert prompt.tool_choice == "auto"
    assert not prompt.parallel_tool_calls


CRM = {"type": "namespace", "name": "mcp__crm__", "description": "About customers.", "tools": [TOOL]}


def test_functions_in_a_namespace_are_flat_for_the_model() -> None:
    """Codex groups its own tools and those of MCP servers so."""
    flat = Tool("mcp__crm__weather", "About customers.", SCHEMA)
    assert prompt_of(tools=[OTHER, CRM]).tools == (Tool("time"), flat)
    call = {"type": "function_call", "call_id": "c1", "namespace": "mcp__crm__", "name": "weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    messages = prompt_of(input=[{"role": "user", "content": "hi"}, call, output], tools=[CRM]).messages
    assert messages[1] == Message("assistant", tool_calls=(ToolCall("c1", flat.name, "{}"),))


def test_a_namespace_stays_one_in_the_response() -> None:
    memory = Kept()
    first = answer(
        memory,
        ToolCallStarted(0, "c1", "mcp__crm__weather"),
        ToolCallArguments(0, "{}"),
        ChoiceFinished("tool_calls"),
        tools=[CRM],
    )
    assert [(tool["type"], tool["name"]) for tool in first["tools"]] == [("namespace", "mcp__crm__")]
    assert [tool["name"] for tool in first["tools"][0]["tools"]] == ["weather"]
    assert (first["output"][0]["namespace"], first["output"][0]["name"]) == ("mcp__crm__", "weather")
    again = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    messages = prompt_of(memory, previous_response_id=first["id"], input=[again], tools=[CRM]).messages
    assert messages[1].tool_calls == (ToolCall("c1", "mcp__crm__weather", "{}"),)


def test_a_search_of_the_web_beside_functions_is_left_out() -> None:
    """Codex offers it in every request; alone it is refused, see below."""
    for kind in ("web_search", "web_search_preview", "web_search_2025_08_26"):
        prompt = prompt_of(tools=[TOOL, {"type": kind, "external_web_access": False}])
        assert [tool.name for tool in prompt.tools] == ["weather"]


def test_tool_choice() -> None:
    tools = [TOOL, OTHER]
    assert prompt_of(tools=tools, tool_choice="required").tool_choice == "required"
    assert prompt_of(tools=tools, tool_choice="none").tool_choice == "none"
    assert prompt_of(tools=tools, tool_choice={"type": "function", "name": "time"}).tool_choice == NamedTool("time")
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "time"}]}
    prompt = prompt_of(tools=tools, tool_choice=allowed)
    assert (prompt.tools, prompt.tool_choice) == ((Tool("time"),), "required")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"verbosity": "low"}, None),
        ({"format": {"type": "text"}}, None),
        ({"format": {"type": "json_object"}}, JsonObject()),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
            JsonSchema(SCHEMA, "n", True),
        ),
    ],
)
def test_text_format(given: dict[str, object], expected: object) -> None:
    assert request_of(text=given).response_format == expected


def test_truncation() -> None:
    dialect = ResponsesDialect(Kept())
    assert dialect.parse({"model": "x", "input": "hi", "truncation": "auto"}).drops_oldest
    assert not dialect.parse({"model": "x", "input": "hi", "truncation": "disabled"}).drops_oldest
    assert not dialect.parse({"model": "x", "input": "hi"}).drops_oldest


def test_what_does_no_harm_is_taken() -> None:
    request_of(
        service_tier="auto",
        safety_identifier="s",
        prompt_cache_key="k",
        user="u",
        max_tool_calls=3,
        truncation="disabled",
        stream_options={"include_obfuscation": False},
        background=False,
        conversation=None,
        surprise=1,
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x/y.png"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_none"}]}, "input[0].id"),
        ({"model": None}, "model"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"truncation": "sometimes"}, "truncation"),
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL, {"type": "file_search"}]}, "tools[1].type"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [{**CRM, "tools": [TOOL, TOOL]}]}, "tools[0].tools[1].name"),
        ({"tools": [{**CRM, "tools": []}]}, "tools[0].tools"),
        ({"tools": [{**CRM, "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{**CRM, "tools": [{"type": "custom", "name": "c"}]}]}, "tools[0].tools[0].type"),
        ({"tools": [{**CRM, "tools": [{**TOOL, "name": f"t{n}"} for n in range(128)]}, OTHER]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "nope"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
            "tool_choice.tools",
        ),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": SCHEMA}}}, "text.format.name"),
        ({"text": {"verbosity": "huge"}}, "text.verbosity"),
        ({"reasoning": {"effort": "enormous"}}, "reasoning.effort"),
        ({"reasoning": {"summary": 1}}, "reasoning.summary"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(index): "" for index in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
    ],
)
def test_refusals_name_the_field(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_of(**fields)
    assert caught.value.param == param
    assert caught.value.info.code == "invalid_request_error"


def test_a_body_that_is_no_object() -> None:
    with pytest.raises(InvalidRequest):
        ResponsesDialect(Kept()).parse([1])


# ---- continued conversations -----------------------------------------------------------------


def test_the_next_request_continues_the_conversation_without_its_instructions() -> None:
    memory = Kept()
    first = answer(memory, TextDelta("hello"), ChoiceFinished("stop"), instructions="be brief")
    second = answer(
        memory, TextDelta("fine"), ChoiceFinished("stop"), previous_response_id=first["id"], input="how are you"
    )
    assert second["previous_response_id"] == first["id"]
    assert prompt_of(memory, previous_response_id=second["id"], input="bye", instructions="shout").messages == (
        Message("system", text("shout")),
        Message("user", text("hi")),
        Message("assistant", text("hello")),
        Message("user", text("how are you")),
        Message("assistant", text("fine")),
        Message("user", text("bye")),
    )


def test_a_call_is_answered_by_its_result_alone() -> None:
    memory = Kept()
    first = answer(
        memory,
        ToolCallStarted(0, "c1", "weather"),
        ToolCallArguments(0, "{}"),
        ChoiceFinished("tool_calls"),
        tools=[TOOL],
    )
    output = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    assert prompt_of(memory, previous_response_id=first["id"], input=[output]).messages == (
        Message("user", text("hi")),
        Message("assistant", tool_calls=(ToolCall("c1", "weather", "{}"),)),
        Message("tool", text("sunny"), tool_call_id="c1"),
    )


def test_items_can_be_referred_to() -> None:
    memory = Kept()
    first = answer(memory, TextDelta("hello"), ChoiceFinished("stop"))
    by_type = {"type": "item_reference", "id": first["output"][0]["id"]}
    stored = memory.responses[first["id"]]
    messages = prompt_of(memory, input=[{"id": stored.input[0].id}, by_type, {"role": "user", "content": "go on"}])
    assert messages.messages == (
        Message("user", text("hi")),
        Message("assistant", text("hello")),
        Message("user", text("go on")),
    )


def test_store_false_leaves_nothing() -> None:
    memory = Kept()
    assert answer(memory, TextDelta("hello"), ChoiceFinished("stop"), store=False)["store"] is False
    assert not memory.responses


def test_an_unknown_previous_response() -> None:
    with pytest.raises(PreviousResponseNotFound, match="Previous response with id 'resp_x' not found") as caught:
        request_of(previous_response_id="resp_x")
    assert (caught.value.info.code, caught.value.param, caught.value.status) == (
        "previous_response_not_found",
        "previous_response_id",
        400,
    )


def test_stored_input_items_are_complete() -> None:
    memory = Kept()
    first = answer(memory, TextDelta("hello"), ChoiceFinished("stop"), input=[{"role": "user", "content": "x"}])
    item = orjson.loads(memory.responses[first["id"]].input[0].json)
    assert item.pop("id").startswith("msg_")
    assert item == {
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": "x"}],
    }
