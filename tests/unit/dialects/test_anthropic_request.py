"""What the Anthropic dialect reads: JSON in, request out; and every refusal names its field."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.dialects.anthropic_request import parse, parse_count
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ImagePart,
    JsonSchema,
    Message,
    NamedTool,
    ReasoningDelta,
    SamplingParams,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
)
from dmr_desktop.protocol.json_types import JSON

USER = {"role": "user", "content": "hi"}
SCHEMA: dict[str, JSON] = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"name": "weather", "description": "of a city", "input_schema": SCHEMA}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}


def body(**fields: object) -> dict[str, object]:
    return {"model": "ai/x", "max_tokens": 64, "messages": [USER], **fields}


def prompt_of(**fields: object) -> ChatPrompt:
    prompt = parse(body(**fields)).requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt


def messages_of(*turns: object, **fields: object) -> list[Message]:
    return list(prompt_of(messages=list(turns), **fields).messages)


def text(role: str, *texts: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in texts))  # type: ignore[arg-type]


# ---- the request -------------------------------------------------------------------------------


def test_the_least_request() -> None:
    exchange = parse(body())
    request = exchange.requests[0]
    assert (exchange.model, exchange.stream, exchange.keep_alive_seconds) == ("ai/x", False, None)
    assert request.sampling == SamplingParams(temperature=0.8, top_p=0.95, top_k=40, min_p=0.05)
    assert (request.max_tokens, request.stop, request.num_choices) == (64, (), 1)
    assert request.prompt == ChatPrompt((text("user", "hi"),), template_kwargs={"enable_thinking": False})


def test_the_parameters_arrive() -> None:
    request = parse(body(temperature=0, top_p=0.5, top_k=7, stop_sequences=["END", "\n"], stream=True))
    sampling = request.requests[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.0, 0.5, 7)
    assert request.requests[0].stop == ("END", "\n")
    assert request.stream


def test_max_tokens_may_be_left_to_the_model() -> None:
    assert parse({"model": "ai/x", "messages": [USER]}).requests[0].max_tokens is None


def test_defaults_hold_where_nothing_is_set() -> None:
    defaults: dict[str, JSON] = {
        "temperature": 1.5,  # higher than a client may ask for
        "top_k": 9,
        "max_tokens": 5,
        "stop": ["###"],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    request = parse({"model": "ai/x", "messages": [USER], "top_k": 2}, defaults).requests[0]
    assert (request.sampling.temperature, request.sampling.top_k, request.max_tokens) == (1.5, 2, 5)
    assert request.stop == ("###",)
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.template_kwargs == {"enable_thinking": False}
    asked = parse(body(thinking={"type": "adaptive"}, stop_sequences=["."]), defaults).requests[0]
    assert (asked.max_tokens, asked.stop) == (64, (".",))
    assert isinstance(asked.prompt, ChatPrompt)
    assert asked.prompt.template_kwargs == {"enable_thinking": True}


def test_what_only_anthropics_servers_need_is_ignored() -> None:
    cached = {"type": "ephemeral", "ttl": "1h"}
    request = parse(
        body(
            metadata={"user_id": "u"},
            service_tier="auto",
            container="c",
            betas=["x"],
            context_management={"edits": []},
            mcp_servers=[],
            cache_control=cached,
            inference_geo="eu",
            speed="fast",
            diagnostics=None,
            messages=[{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": cached}]}],
            tools=[{**TOOL, "cache_control": cached, "eager_input_streaming": True, "input_examples": []}],
        )
    ).requests[0]
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.messages == (text("user", "hi"),)


# ---- messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("be brief", ["be brief"]),
        ([{"type": "text", "text": "be"}, {"type": "text", "text": "brief", "cache_control": {}}], ["be", "brief"]),
        ("", None),
        ([], None),
        (
            [
                {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=a81f0;"},
                {"type": "text", "text": "You are an agent."},
            ],
            ["You are an agent."],
        ),
        ("x-anthropic-billing-header: cch=1;\nYou are an agent.", ["You are an agent."]),
        ("What is x-anthropic-billing-header: for?", ["What is x-anthropic-billing-header: for?"]),
    ],
)
def test_the_system_prompt_comes_first(system: object, expected: list[str] | None) -> None:
    found = messages_of(USER, system=system)
    assert found == ([text("system", *expected)] if expected else []) + [text("user", "hi")]


def test_a_system_message_inside_the_conversation_stays_there() -> None:
    assert messages_of(USER, {"role": "system", "content": "now in French"})[-1] == text("system", "now in French")


def test_parts_of_a_user() -> None:
    blocks = [
        {"type": "text", "text": "look"},
        {"type": "text", "text": ""},
        PNG,
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "E"}]}},
        {"type": "search_result", "title": "S", "source": "where", "content": [{"type": "text", "text": "F"}]},
    ]
    assert messages_of({"role": "user", "content": blocks}) == [
        Message(
            "user",
            (
                TextPart("look"),
                ImagePart("data:image/png;base64,iVBO"),
                ImagePart("https://example.org/a.png"),
                TextPart("T"),
                TextPart("D"),
                TextPart("E"),
                TextPart("S"),
                TextPart("where"),
                TextPart("F"),
            ),
        )
    ]


def test_what_an_assistant_said_thought_and_called() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Let me see.", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln", "n": [1]}},
        {"type": "tool_use", "id": "toolu_2", "name": "time", "input": {}},
    ]
    assert messages_of(USER, {"role": "assistant", "content": blocks})[1] == Message(
        "assistant",
        (TextPart("Let me see."),),
        reasoning="hm",
        tool_calls=(ToolCall("toolu_1", "weather", '{"city":"Köln","n":[1]}'), ToolCall("toolu_2", "time", "{}")),
    )


def test_tool_results_come_before_what_their_turn_says() -> None:
    turn = {
        "role": "user",
        "content": [
            {"type": "text", "text": "and now?"},
            {"type": "tool_result", "tool_use_id": "a", "content": "20 °C"},
            {
                "type": "tool_result",
                "tool_use_id": "b",
                "content": [{"type": "text", "text": "no"}, PNG],
                "is_error": True,
            },
            {"type": "tool_result", "tool_use_id": "c"},
            {"type": "tool_result", "tool_use_id": "d", "is_error": True},
            {"type": "tool_result", "tool_use_id": "e", "content": [{"type": "tool_reference", "tool_name": "t"}]},
        ],
    }
    image = ImagePart("data:image/png;base64,iVBO")
    assert messages_of(USER, turn)[1:] == [
        Message("tool", (TextPart("20 °C"),), tool_call_id="a"),
        Message("tool", (TextPart("The tool failed:"), TextPart("no"), image), tool_call_id="b"),
        Message("tool", (), tool_call_id="c"),
        Message("tool", (TextPart("The tool failed."),), tool_call_id="d"),
        Message("tool", (TextPart("t"),), tool_call_id="e"),
        text("user", "and now?"),
    ]


def test_a_turn_of_results_alone_says_nothing_more() -> None:
    turn = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]}
    assert [message.role for message in messages_of(USER, turn)] == ["user", "tool"]


def test_empty_turns_and_a_begun_answer_are_taken() -> None:
    assert messages_of({"role": "user", "content": []}, {"role": "assistant", "content": "The best answer is ("}) == [
        text("user"),
        text("assistant", "The best answer is ("),
    ]


# ---- tools, forms, thinking --------------------------------------------------------------------


def test_tools() -> None:
    tools = prompt_of(tools=[TOOL, {"type": "custom", "name": "now", "strict": True}]).tools
    assert tools == (Tool("weather", "of a city", SCHEMA), Tool("now", strict=True))


@pytest.mark.parametrize(
    ("given", "choice", "parallel"),
    [
        (None, "auto", True),
        ({"type": "auto"}, "auto", True),
        ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
        ({"type": "any", "disable_parallel_tool_use": False}, "required", True),
        ({"type": "tool", "name": "weather", "disable_parallel_tool_use": True}, NamedTool("weather"), False),
        ({"type": "none"}, "none", True),
    ],
)
def test_tool_choice(given: object, choice: object, parallel: bool) -> None:
    prompt = prompt_of(tools=[TOOL], tool_choice=given)
    assert (prompt.tool_choice, prompt.parallel_tool_calls) == (choice, parallel)


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_structured_output(place: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    given: object = {"format": form} if place == "output_config" else form
    assert parse(body(**{place: given})).requests[0].response_format == JsonSchema(SCHEMA, strict=True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"enable_thinking": False}),
        ({"chat_template_kwargs": {"enable_thinking": True}}, {"enable_thinking": True}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"enable_thinking": True}),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, {"enable_thinking": True}),
        ({"thinking": {"type": "between_tools"}}, {"enable_thinking": True}),
        ({"thinking": {"type": "disabled"}}, {"enable_thinking": False}),
        (
            {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}},
            {"reasoning_effort": "high", "enable_thinking": True},
        ),
        (
            {"output_config": {"effort": "low"}, "reasoning_effort": "high"},
            {"reasoning_effort": "low", "enable_thinking": False},
        ),
    ],
)
def test_thinking(fields: dict[str, object], expected: dict[str, JSON]) -> None:
    assert prompt_of(**{"max_tokens": 2000, **fields}).template_kwargs == expected


@pytest.mark.parametrize(
    ("fields", "defaults", "shown"),
    [
        ({}, {}, False),
        ({}, {"chat_template_kwargs": {"enable_thinking": True}}, True),
        ({"thinking": {"type": "disabled"}}, {"chat_template_kwargs": {"enable_thinking": True}}, False),
        ({"thinking": {"type": "adaptive"}}, {}, True),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, {}, False),
    ],
)
def test_thoughts_are_shown_to_those_who_asked(
    fields: dict[str, object], defaults: dict[str, JSON], shown: bool
) -> None:
    collector = parse(body(**fields), defaults).collector()
    collector.add((ReasoningDelta("hm"), TextDelta("yes")))
    kinds = [block["type"] for block in json.loads(collector.result())["content"]]
    assert kinds == (["thinking", "text"] if shown else ["text"])


CLAUDE_CODE: dict[str, object] = {
    "model": "ai/x",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nThe date is known.\n</system-reminder>\n\n"},
                {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
            ],
        }
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197.fa0; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "You are helpful.", "cache_control": {"type": "ephemeral"}},
    ],
    "tools": [],
    "metadata": {"user_id": '{"device_id":"0","account_uuid":"","session_id":"0"}'},
    "max_tokens": 32000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "stream": True,
}
"""As Claude Code 2.1.197 asks, with ids and texts replaced."""


def test_a_request_of_claude_code() -> None:
    exchange = parse(CLAUDE_CODE)
    assert exchange.stream
    assert exchange.requests[0].max_tokens == 32000
    assert exchange.requests[0].prompt == ChatPrompt(
        (
            text("system", "You are an agent.", "You are helpful."),
            text("user", "<system-reminder>\nThe date is known.\n</system-reminder>\n\n", "Hello"),
        ),
        template_kwargs={"reasoning_effort": "high", "enable_thinking": True},
    )


# ---- counting ----------------------------------------------------------------------------------


def test_what_is_counted_is_what_would_be_asked() -> None:
    fields: dict[str, object] = {
        "system": "be brief",
        "tools": [TOOL],
        "tool_choice": {"type": "none"},
        "thinking": {"type": "disabled"},
    }
    without_limit = {name: value for name, value in body(**fields).items() if name != "max_tokens"}
    defaults: dict[str, JSON] = {"chat_template_kwargs": {"tone": "dry"}}
    prompt = parse_count(without_limit, defaults)
    assert prompt == parse(body(**fields), defaults).requests[0].prompt
    assert prompt.template_kwargs == {"tone": "dry", "enable_thinking": False}


# ---- refusals ----------------------------------------------------------------------------------

HOT = {"type": "enabled", "budget_tokens": 2000}


def turn(*blocks: object, role: str = "user") -> dict[str, object]:
    return {"messages": [USER, {"role": role, "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [3]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]},
            "messages[0].content",
        ),
        (turn({"text": "hi"}), "messages[1].content[0].type"),
        (turn({"type": "text"}), "messages[1].content[0].text"),
        (turn({"type": "video"}), "messages[1].content[0].type"),
        (turn({"type": "tool_use", "id": "a", "name": "b"}), "messages[1].content[0].type"),
        (turn({"type": "tool_result"}), "messages[1].content[0].tool_use_id"),
        (
            turn({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "x"}]}),
            "messages[1].content[0].content[0].type",
        ),
        (turn({"type": "image"}), "messages[1].content[0].source"),
        (turn({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[1].content[0].source.type"),
        (
            turn({"type": "image", "source": {"type": "base64", "media_type": "text/html", "data": ""}}),
            "messages[1].content[0].source.media_type",
        ),
        (turn({"type": "document", "source": {"type": "base64", "data": ""}}), "messages[1].content[0].source.type"),
        (turn(PNG, role="assistant"), "messages[1].content[0].type"),
        (turn({"type": "tool_use", "name": "b"}, role="assistant"), "messages[1].content[0].id"),
        (
            turn({"type": "tool_use", "id": "a", "name": "b", "input": "{}"}, role="assistant"),
            "messages[1].content[0].input",
        ),
        (turn(PNG, role="system"), "messages[1].content[0].type"),
        ({"system": [PNG]}, "system[0].type"),
        ({"system": {"text": "x"}}, "system"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": 2**31 + 1}, "max_tokens"),
        ({"temperature": 1.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"stop_sequences": ["a"] * 17}, "stop_sequences"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"stop_sequences": ["a" * 257]}, "stop_sequences[0]"),
        ({"stop_sequences": [3]}, "stop_sequences[0]"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"name": "a b"}]}, "tools[0].name"),
        ({"tools": [TOOL, TOOL]}, "tools[1].name"),
        ({"tools": [TOOL] * 129}, "tools"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "a", "input_schema": {"type": "string"}}]}, "tools[0].input_schema.type"),
        ({"tools": [{"name": "a", "input_schema": []}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"effort": "extreme"}}, "output_config.effort"),
        ({"output_format": {"type": "json_schema", "schema": {"$ref": "http://x"}}}, "output_format.schema"),
        ({"thinking": {"type": "on"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "thinking.budget_tokens"),
        ({"thinking": HOT, "max_tokens": 2000}, "thinking.budget_tokens"),
        ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.display"),
        ({"mcp_servers": [{"type": "url", "url": "http://x", "name": "y"}]}, "mcp_servers"),
        ({"compaction": {"type": "x"}}, "compaction"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs"),
    ],
)
def test_refusals_name_the_field(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body(**fields))
    assert caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize("data", [None, [], "x", 1, {}, {"model": 3}, {"model": ""}])
def test_bodies_that_are_no_requests(data: object) -> None:
    with pytest.raises(InvalidRequest):
        parse(data)


FULL: dict[str, Any] = {
    **CLAUDE_CODE,
    "messages": [
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "so"},
                {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [PNG], "is_error": True},
                {"type": "document", "title": "T", "source": {"type": "content", "content": [PNG]}},
            ],
        },
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "tool", "name": "weather"},
    "stop_sequences": ["END"],
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_stands_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    changed = copy.deepcopy(FULL)
    place: Any = changed
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(ANY_JSON)
        break
    with suppress(InvalidRequest):
        assert parse(changed).requests
