"""What Ollama's chat and generate requests become."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.dialects import ollama_chat, ollama_generate
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_options import read_num_ctx
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    ImagePart,
    JsonObject,
    JsonSchema,
    Message,
    TextPart,
    TextPrompt,
    ToolCall,
)

HI = {"role": "user", "content": "hi"}


def chat(**body: Any) -> GenerationRequest:
    return ollama_chat.parse({"model": "m", "messages": [HI], **body}).requests[0]


def prompt(**body: Any) -> ChatPrompt:
    found = chat(**body).prompt
    assert isinstance(found, ChatPrompt)
    return found


def generate(**body: Any) -> GenerationRequest:
    return ollama_generate.parse({"model": "m", "prompt": "hi", **body}).requests[0]


# ---- chat --------------------------------------------------------------------------------------


def test_a_plain_request_streams_lines() -> None:
    exchange = ollama_chat.parse({"name": "m", "messages": [HI]})
    assert (exchange.model, exchange.stream, exchange.media_type) == ("m", True, "application/x-ndjson")
    assert exchange.requests[0].prompt == ChatPrompt((Message("user", (TextPart("hi"),)),))
    assert not ollama_chat.parse({"model": "m", "messages": [HI], "stream": False}).stream


def test_options_in_ollamas_names() -> None:
    request = chat(
        options={
            "temperature": 0.5,
            "top_k": 7,
            "top_p": 0.3,
            "min_p": 0.1,
            "repeat_penalty": 1.2,
            "repeat_last_n": -1,
            "presence_penalty": 1,
            "frequency_penalty": -1,
            "seed": 42,
            "num_predict": 9,
            "stop": ["a", "b"],
            # Of Ollama's own engine, or no longer known to it:
            "num_gpu": 1,
            "num_thread": 4,
            "num_keep": 5,
            "mirostat": 1,
            "use_mmap": True,
        }
    )
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p) == (0.5, 7, 0.3, 0.1)
    assert (sampling.repeat_penalty, sampling.repeat_last_n, sampling.seed) == (1.2, -1, 42)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1, -1)
    assert (request.max_tokens, request.stop) == (9, ("a", "b"))


def test_whole_numbers_may_be_written_as_decimals() -> None:
    request = chat(options={"num_predict": 5.0, "top_k": 40.0, "seed": 3.0, "repeat_last_n": 64.0})
    assert (request.max_tokens, request.sampling.top_k, request.sampling.seed) == (5, 40, 3)
    with pytest.raises(InvalidRequest):
        chat(options={"top_k": 40.5})


def test_what_a_go_client_leaves_empty() -> None:
    found = generate(system="", template="", suffix="", format="", options=None, images=None, context=None, name="")
    assert found == GenerationRequest(ChatPrompt((Message("user", (TextPart("hi"),)),)), sampling=found.sampling)


@pytest.mark.parametrize("limit", [-1, -2, 0])
def test_no_limit_is_written_in_three_ways(limit: int) -> None:
    assert chat(options={"num_predict": limit}).max_tokens is None


def test_defaults_hold_where_nothing_is_set() -> None:
    body = {"model": "m", "messages": [HI], "options": {"temperature": 0.1, "top_p": None}}
    defaults: Any = {
        "temperature": 0.9,
        "top_p": 0.5,
        "max_tokens": 11,
        "chat_template_kwargs": {"enable_thinking": False, "x": 1},
    }
    request = ollama_chat.parse(body, defaults).requests[0]
    assert (request.sampling.temperature, request.sampling.top_p, request.max_tokens) == (0.1, 0.5, 11)
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.template_kwargs == {"enable_thinking": False, "x": 1}
    unlimited = ollama_chat.parse({**body, "options": {"num_predict": -1}}, defaults).requests[0]
    assert unlimited.max_tokens is None


@pytest.mark.parametrize(
    ("think", "kwargs"),
    [
        (None, {}),
        (True, {"enable_thinking": True}),
        (False, {"enable_thinking": False}),
        ("high", {"enable_thinking": True, "reasoning_effort": "high"}),
    ],
)
def test_think_reaches_the_template(think: object, kwargs: dict[str, object]) -> None:
    assert prompt(think=think).template_kwargs == kwargs


@pytest.mark.parametrize(
    ("body", "budget"),
    [
        ({}, 7),
        ({"think": False}, 0),
        ({"think": True}, None),
        ({"think": "low"}, None),
        ({"think": True, "options": {"reasoning_budget": 5}}, 5),
        ({"options": {"reasoning_budget": 5}}, 5),
    ],
)
def test_how_much_may_be_thought(body: dict[str, Any], budget: int | None) -> None:
    exchange = ollama_chat.parse({"model": "m", "messages": [HI], **body}, {"reasoning_budget": 7})
    assert exchange.requests[0].reasoning_budget == budget


def test_formats() -> None:
    assert chat(format="").response_format is None
    assert chat(format="json").response_format == JsonObject()
    assert chat(format={"type": "object"}).response_format == JsonSchema({"type": "object"})


def test_log_probabilities() -> None:
    assert chat(top_logprobs=3).top_logprobs is None
    assert chat(logprobs=True).top_logprobs == 0
    assert chat(logprobs=True, top_logprobs=3).top_logprobs == 3


def test_tools_need_no_type() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    assert [tool.name for tool in prompt(tools=[{"function": function}]).tools] == ["f"]
    assert prompt(tools=[{"type": "function", "function": function}]).tools[0].description == "d"


def test_images_become_data_urls_by_what_they_begin_with() -> None:
    images = ["iVBORw0KGgo", "/9j/4AAQ", "R0lGODlh", "UklGRg", "????", "data:image/png;base64,AA"]
    content = prompt(messages=[{"role": "user", "content": "what is it?", "images": images}]).messages[0].content
    kinds = [part.url.split(",")[0] for part in content if isinstance(part, ImagePart)]
    assert kinds == [f"data:image/{kind};base64" for kind in ("png", "jpeg", "gif", "webp", "jpeg", "png")]
    assert content[-1] == TextPart("what is it?")


def test_calls_and_results_find_each_other_without_ids() -> None:
    messages = prompt(
        messages=[
            HI,
            {
                "role": "assistant",
                "content": "",
                "thinking": "hmm",
                "tool_calls": [
                    {"function": {"name": "a", "arguments": {"x": 1}}},
                    {"id": "mine", "function": {"name": "b", "arguments": '{"y":2}'}},
                    {"function": {"name": "c"}},
                ],
            },
            {"role": "tool", "content": "1", "tool_name": "c"},
            {"role": "tool", "content": "2", "tool_call_id": "mine"},
            {"role": "tool", "content": "3"},
        ]
    ).messages
    calls = messages[1].tool_calls
    assert messages[1].reasoning == "hmm"
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("a", {"x": 1}), ("b", {"y": 2}), ("c", {})]
    assert calls[1] == ToolCall("mine", "b", '{"y":2}')
    assert len({call.id for call in calls}) == 3
    assert [message.tool_call_id for message in messages[2:]] == [calls[2].id, "mine", calls[0].id]
    assert [message.name for message in messages[2:]] == ["c", "b", "a"]


def test_a_result_of_nothing_is_taken_as_it_is() -> None:
    result = prompt(messages=[HI, {"role": "tool", "content": "1", "tool_call_id": "gone"}]).messages[1]
    assert (result.tool_call_id, result.name) == ("gone", None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "god", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "images": ["http://x/y.png"]}]}, "messages[0].images[0]"),
        ({"messages": "x"}, "messages"),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"options": {"temperature": -1}}, "options.temperature"),
        ({"options": 3}, "options"),
        ({"think": "very"}, "think"),
        ({"format": "yaml"}, "format"),
        ({"format": {"$ref": "http://x"}}, "format"),
        ({"keep_alive": "soon"}, "keep_alive"),
        ({"stream": "yes"}, "stream"),
        ({"model": None}, "model"),
    ],
)
def test_refusals_name_the_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**body)
    assert caught.value.param == param


@pytest.mark.parametrize(("value", "seconds"), [(60, 60), ("5m", 300), (-1, -1), ("-1m", -60), (0, 0), ("0", 0)])
def test_keep_alive(value: object, seconds: float) -> None:
    exchange = ollama_chat.parse({"model": "m", "messages": [HI], "keep_alive": value})
    assert exchange.keep_alive_seconds == seconds


def test_what_only_loads() -> None:
    assert ollama_chat.is_load(Fields({"model": "m"}))
    assert ollama_chat.is_load(Fields({"model": "m", "messages": []}))
    assert not ollama_chat.is_load(Fields({"messages": [HI]}))
    assert ollama_generate.is_load(Fields({"prompt": ""}))
    assert not ollama_generate.is_load(Fields({"prompt": "x"}))


def test_the_wished_context() -> None:
    assert read_num_ctx(Fields({})) is None
    assert read_num_ctx(Fields({"options": {"num_ctx": 8192}})) == 8192
    assert read_num_ctx(Fields({"options": {"num_ctx": 8192.0}})) == 8192
    assert read_num_ctx(Fields({"options": {"num_ctx": 0}})) is None


# ---- generate ----------------------------------------------------------------------------------


def test_a_prompt_becomes_a_conversation() -> None:
    found = generate(system="be brief", images=["iVBOR"], think=False, context=[1, 2, 3]).prompt
    assert found == ChatPrompt(
        (
            Message("system", (TextPart("be brief"),)),
            Message("user", (ImagePart("data:image/png;base64,iVBOR"), TextPart("hi"))),
        ),
        template_kwargs={"enable_thinking": False},
    )


def test_a_raw_prompt_goes_to_the_model_as_it_is() -> None:
    request = generate(raw=True, options={"num_predict": 5})
    assert request.prompt == TextPrompt("hi")
    assert request.max_tokens == 5


@pytest.mark.parametrize("rest", [{}, {"system": "be brief"}, {"raw": True}])
def test_a_text_with_a_gap_goes_to_the_model_without_its_chat_template(rest: dict[str, Any]) -> None:
    assert generate(suffix="end", **rest).prompt == TextPrompt("hi", "end")


@pytest.mark.parametrize(
    "body",
    [
        {"suffix": "x", "images": ["x"]},
        {"template": "{{ .Prompt }}"},
        {"raw": True, "system": "x"},
        {"raw": True, "images": ["x"]},
    ],
)
def test_what_generate_cannot_do_is_refused_by_name(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        generate(**body)
    assert caught.value.param == list(body)[-1]
    assert caught.value.param in caught.value.message


# ---- anything ----------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "x", "images": ["iVBOR"]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "t",
            "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}],
        },
        {"role": "tool", "content": "x", "tool_name": "f", "tool_call_id": "a"},
    ],
    "prompt": "x",
    "raw": False,
    "system": "s",
    "context": [1],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}
    ],
    "options": {"temperature": 1, "top_k": 1, "num_predict": 1, "num_ctx": 1, "stop": ["a"], "seed": 1},
    "format": {"type": "object"},
    "think": True,
    "keep_alive": "5m",
    "stream": True,
    "logprobs": True,
    "top_logprobs": 1,
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
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
    for parse in (ollama_chat.parse, ollama_generate.parse):
        with suppress(InvalidRequest):
            assert parse(changed).requests
    for read in (ollama_chat.is_load, ollama_generate.is_load, read_num_ctx):
        with suppress(InvalidRequest):
            read(Fields(changed))
