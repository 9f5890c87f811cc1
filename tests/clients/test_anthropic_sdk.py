"""The whole stack under Anthropic's own client: service process, runner process, the bundled model."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from dmr_desktop.protocol.errors import QueueFull, RunnerCrashed
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Failed,
    Finished,
    Message,
    ReasoningDelta,
    Started,
    TextDelta,
    TextPart,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)
from tests.fakes.scripted_backend import words
from tests.fixtures_live import DEMO, LiveService
from tests.fixtures_service import LiveInProcess

anthropic = pytest.importorskip("anthropic", reason="anthropic is not installed")
httpx2 = pytest.importorskip("httpx2", reason="anthropic 2 needs httpx2")

pytestmark = pytest.mark.slow

BASES = ("/anthropic", "", "/engines", "/engines/llama.cpp")
HELLO: Any = [{"role": "user", "content": "Hello"}]
GREEDY = {"temperature": 0}  # an argument no longer, but still a parameter
WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make_client(service: LiveService, base: str = "/anthropic") -> Any:
    http = httpx2.Client(transport=httpx2.HTTPTransport(uds=str(service.socket_path)), timeout=60)
    return anthropic.Anthropic(base_url=f"http://localhost{base}", api_key="any", http_client=http, max_retries=0)


@pytest.fixture
def client(live_service: LiveService) -> Iterator[Any]:
    with make_client(live_service) as found:
        yield found


@pytest.fixture
async def async_client(live_service: LiveService) -> AsyncIterator[Any]:
    transport = httpx2.AsyncHTTPTransport(uds=str(live_service.socket_path))
    http = httpx2.AsyncClient(transport=transport, timeout=60)
    base_url = "http://localhost/anthropic"
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", http_client=http, max_retries=0) as found:
        yield found


# ---- text --------------------------------------------------------------------------------------


def test_streaming_says_the_same_as_not_streaming(live_service: LiveService, base: str) -> None:
    with make_client(live_service, base) as client:
        asked: Any = {"model": DEMO, "max_tokens": 24, "messages": HELLO, "extra_body": GREEDY}
        answer = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            text = "".join(stream.text_stream)
            streamed = stream.get_final_message()
    assert answer.content[0].text
    assert [block.type for block in answer.content] == ["text"]
    assert text == streamed.content[0].text == answer.content[0].text
    assert streamed.stop_reason == answer.stop_reason
    assert streamed.id != answer.id
    assert answer.model == streamed.model == DEMO
    for usage in (answer.usage, streamed.usage):
        assert usage.output_tokens > 0
    assert total_input(streamed) == total_input(answer)


def total_input(message: Any) -> int:
    usage = message.usage
    return int(usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens)


def test_the_raw_events_come_in_anthropics_order(client: Any) -> None:
    events = list(client.messages.create(model=DEMO, max_tokens=8, messages=HELLO, stream=True))
    kinds = [event.type for event in events]
    deltas = kinds.count("content_block_delta")
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].message.content == []
    assert events[0].message.stop_reason is None
    assert events[-2].usage.output_tokens >= deltas


def test_limits_and_stop_sequences(client: Any) -> None:
    asked: Any = {"model": DEMO, "messages": HELLO, "extra_body": GREEDY}
    whole = client.messages.create(max_tokens=24, **asked).content[0].text
    cut = client.messages.create(max_tokens=2, **asked)
    assert (cut.stop_reason, cut.stop_sequence, cut.usage.output_tokens) == ("max_tokens", None, 2)
    stop = whole[3:5]
    stopped = client.messages.create(max_tokens=24, stop_sequences=["never", stop], **asked)
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", stop)
    assert stopped.content[0].text == whole[: whole.index(stop)]
    with client.messages.stream(max_tokens=24, stop_sequences=[stop], **asked) as stream:
        streamed = stream.get_final_message()
    assert (streamed.stop_reason, streamed.stop_sequence) == ("stop_sequence", stop)


def test_a_repeated_prefix_is_read_from_the_cache(client: Any) -> None:
    asked: Any = {
        "model": DEMO,
        "max_tokens": 4,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cch=11111;"},
            {"type": "text", "text": "You answer in short sentences. " * 8, "cache_control": {"type": "ephemeral"}},
        ],
        "messages": HELLO,
    }
    first = client.messages.create(**asked)
    asked["system"][0]["text"] = "x-anthropic-billing-header: cch=22222;"
    second = client.messages.create(**asked)
    assert second.usage.cache_read_input_tokens > second.usage.input_tokens > 0
    assert total_input(second) == total_input(first)


def test_a_prompt_may_be_computed_ahead(client: Any) -> None:
    asked: Any = {"model": DEMO, "messages": [{"role": "user", "content": "Is there anything to prepare? " * 4}]}
    ahead = client.messages.create(max_tokens=0, **asked)
    assert (ahead.content, ahead.stop_reason, ahead.usage.output_tokens) == ([], "max_tokens", 0)
    assert client.messages.create(max_tokens=1, **asked).usage.cache_read_input_tokens >= total_input(ahead) - 1


def test_an_answer_that_was_begun_is_gone_on_with(client: Any) -> None:
    begun: Any = [{"role": "user", "content": "Count from 1 to 5"}, {"role": "assistant", "content": "1, 2, 3,"}]
    answer = client.messages.create(model=DEMO, max_tokens=12, messages=begun, extra_body=GREEDY)
    assert not answer.content[0].text.lstrip().startswith("1")


def test_thinking_may_be_asked_of_a_model_that_does_not(client: Any) -> None:
    for thinking in ({"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}, {"type": "disabled"}):
        answer = client.messages.create(model=DEMO, max_tokens=1100, messages=HELLO, thinking=thinking)
        assert answer.content[-1].type == "text"


# ---- forms and tools ---------------------------------------------------------------------------


class Answer(BaseModel):
    n: int
    ok: bool


def test_an_answer_in_the_form_of_a_class(client: Any) -> None:
    messages: Any = [{"role": "user", "content": "Give me a number"}]
    answer = client.messages.parse(model=DEMO, max_tokens=80, messages=messages, output_format=Answer)
    assert isinstance(answer.parsed_output, Answer)
    assert set(json.loads(answer.content[0].text)) == {"n", "ok"}


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_demanded_tool_is_called_streamed_or_not(client: Any, choice: Any) -> None:
    asked: Any = {
        "model": DEMO,
        "max_tokens": 80,
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        "tools": [WEATHER],
        "tool_choice": {**choice, "disable_parallel_tool_use": True},
        "extra_body": GREEDY,
    }
    answer = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    for message in (answer, streamed):
        assert message.stop_reason == "tool_use"
        assert [block.type for block in message.content] == ["tool_use"]
        assert message.content[0].name == "get_weather"
        assert message.content[0].input == {"city": "Paris"}
        assert message.content[0].id
    assert answer.content[0].input == streamed.content[0].input


def test_the_clients_own_agent_loop(client: Any) -> None:
    """Ask, call, result, answer: the history goes back and forth in the client's own objects."""
    asked_for: list[str] = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        asked_for.append(city)
        return "21 degrees and sunny"

    runner = client.beta.messages.tool_runner(
        model=DEMO,
        max_tokens=80,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[get_weather],
        betas=["context-management-2025-06-27"],
        max_iterations=3,
        extra_body=GREEDY,
    )
    last = list(runner)[-1]
    assert asked_for == ["Paris"]
    assert last.stop_reason == "end_turn"
    assert "21" in last.content[-1].text


def test_a_tool_that_must_not_be_called_is_not(client: Any) -> None:
    answer = client.messages.create(
        model=DEMO,
        max_tokens=40,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        tool_choice={"type": "none"},
    )
    assert [block.type for block in answer.content] == ["text"]


# ---- counting, listing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"system": "Be brief."},
        {"system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}], "tools": [WEATHER]},
        {"tools": [WEATHER], "tool_choice": {"type": "none"}},
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "42"}]},
            ]
        },
    ],
)
def test_what_is_counted_is_what_is_read(live_service: LiveService, base: str, fields: Any) -> None:
    asked: Any = {"model": DEMO, "messages": HELLO, **fields}
    with make_client(live_service, base) as client:
        counted = client.messages.count_tokens(**asked).input_tokens
        assert counted == total_input(client.messages.create(max_tokens=1, **asked))


def test_the_model_list(client: Any) -> None:
    models = list(client.models.list(limit=1))
    assert f"{DEMO}:latest" in [model.id for model in models]
    found = client.models.retrieve(DEMO)
    assert (found.id, found.type, found.display_name) == (f"{DEMO}:latest", "model", DEMO)
    assert found.created_at.year >= 2025
    with pytest.raises(anthropic.NotFoundError, match="Model not found: ai/none"):
        client.models.retrieve("ai/none")


# ---- refusals ----------------------------------------------------------------------------------


def test_refusals_are_the_clients_own_exceptions(live_service: LiveService, base: str) -> None:
    with make_client(live_service, base) as client:
        with pytest.raises(anthropic.NotFoundError, match="Model not found: ai/none") as missing:
            client.messages.create(model="ai/none", max_tokens=1, messages=HELLO)
        assert missing.value.type == "not_found_error"
        assert missing.value.request_id == missing.value.body["request_id"]
        with pytest.raises(anthropic.BadRequestError, match="temperature") as hot:
            client.messages.create(model=DEMO, max_tokens=1, messages=HELLO, extra_body={"temperature": 9})
        assert hot.value.type == "invalid_request_error"
        long: Any = [{"role": "user", "content": "word " * 20_000}]
        with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > 4096 maximum"):
            client.messages.create(model=DEMO, max_tokens=1, messages=long)
        server_tool: Any = {"type": "web_search_20250305", "name": "web_search"}
        with pytest.raises(anthropic.BadRequestError, match="web_search_20250305"):
            client.messages.create(model=DEMO, max_tokens=1, messages=HELLO, tools=[server_tool])
        with pytest.raises(anthropic.BadRequestError, match="messages"):
            client.messages.count_tokens(model=DEMO, messages=[])
        with pytest.raises(anthropic.APIStatusError) as huge:
            client.messages.create(model=DEMO, max_tokens=1, messages=[{"role": "user", "content": "x" * 11_000_000}])
        assert (huge.value.status_code, huge.value.body["error"]["type"]) == (413, "request_too_large")
        assert client.messages.create(model=DEMO, max_tokens=1, messages=HELLO).id


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": PIXEL},
        {"type": "url", "url": "https://example.org/never-fetched.png"},
    ],
)
def test_an_image_for_a_model_without_eyes(client: Any, source: Any, stream: bool) -> None:
    messages: Any = [
        {"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]}
    ]
    with pytest.raises(anthropic.BadRequestError, match="image"):
        client.messages.create(model=DEMO, max_tokens=1, messages=messages, stream=stream)


def test_every_answer_has_an_id_for_support(client: Any) -> None:
    answer = client.messages.with_raw_response.create(model=DEMO, max_tokens=1, messages=HELLO)
    assert answer.headers["request-id"].startswith("req_")
    assert answer.parse()._request_id == answer.headers["request-id"]


# ---- several at once ---------------------------------------------------------------------------


async def test_many_at_once(async_client: Any) -> None:
    async def ask(index: int) -> str:
        messages = [{"role": "user", "content": f"Hello {index}"}]
        async with async_client.messages.stream(model=DEMO, max_tokens=8, messages=messages) as stream:
            return "".join([text async for text in stream.text_stream])

    answers = await asyncio.gather(*(ask(index) for index in range(12)))
    assert all(answers)


async def test_leaving_a_stream_frees_its_slot(async_client: Any, live_service: LiveService) -> None:
    messages = [{"role": "user", "content": "Tell me a long story about a house"}]
    async with async_client.messages.stream(model=DEMO, max_tokens=3000, messages=messages) as stream:
        async for _ in stream.text_stream:
            break
    async with live_service.async_http() as http:
        for _ in range(200):
            lines = (await http.get("/engines/ps")).json()
            if not any(line.get("in_use") for line in lines):
                break
        else:
            pytest.fail("the request went on without its client")
    answer = await async_client.messages.create(model=DEMO, max_tokens=1, messages=HELLO)
    assert answer.usage.output_tokens == 1


# ---- what the bundled model cannot do: told by a script ----------------------------------------


@pytest.fixture
async def scripted_client(live: LiveInProcess) -> AsyncIterator[Any]:
    http = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=str(live.settings.socket_path)))
    async with anthropic.AsyncAnthropic(
        base_url="http://localhost", api_key="any", http_client=http, max_retries=0
    ) as found:
        yield found


async def test_thoughts_come_out_and_go_back_in(live: LiveInProcess, scripted_client: Any) -> None:
    live.script.answer = lambda request: [
        (Started(5, 2),),
        (ReasoningDelta("Let me "), ReasoningDelta("see.")),
        (TextDelta("I will look."), ToolCallStarted(0, "call_1", "look"), ToolCallArguments(0, '{"at":"it"}')),
        (ToolCallStarted(1, "call_2", "wait"), ChoiceFinished("tool_calls"), Finished(Usage(5, 9, 2, 3))),
    ]
    asked: Any = {"model": DEMO, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    answer = await scripted_client.messages.create(messages=HELLO, **asked)
    async with scripted_client.messages.stream(messages=HELLO, **asked) as stream:
        streamed = await stream.get_final_message()
    for message in (answer, streamed):
        thinking, text, call, other = message.content
        assert (thinking.type, thinking.thinking, text.text) == ("thinking", "Let me see.", "I will look.")
        assert thinking.signature
        assert (call.id, call.name, call.input) == ("call_1", "look", {"at": "it"})
        assert (other.id, other.name, other.input) == ("call_2", "wait", {})
        assert message.stop_reason == "tool_use"
        assert (message.usage.input_tokens, message.usage.output_tokens_details.thinking_tokens) == (3, 3)
    results = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "seen"},
        {"type": "tool_result", "tool_use_id": "call_2", "content": "too late", "is_error": True},
    ]
    history = [*HELLO, {"role": "assistant", "content": streamed.content}, {"role": "user", "content": results}]
    await scripted_client.messages.create(messages=history, **asked)
    prompt = live.script.requests[-1].prompt
    assert isinstance(prompt, ChatPrompt)
    assert prompt.messages[1:] == (
        Message(
            "assistant",
            (TextPart("I will look."),),
            reasoning="Let me see.",
            tool_calls=(ToolCall("call_1", "look", '{"at":"it"}'), ToolCall("call_2", "wait", "{}")),
        ),
        Message("tool", (TextPart("seen"),), tool_call_id="call_1"),
        Message("tool", (TextPart("The tool failed:"), TextPart("too late")), tool_call_id="call_2"),
    )
    assert prompt.template_kwargs == {"enable_thinking": True}


async def test_a_crash_in_mid_stream_is_the_clients_own_exception(live: LiveInProcess, scripted_client: Any) -> None:
    crash = RunnerCrashed("the model's process died").info
    live.script.answer = lambda request: [(Started(1, 0),), (TextDelta("a"), Failed(crash))]
    read: list[str] = []
    with pytest.raises(anthropic.APIStatusError, match="the model's process died") as caught:
        async with scripted_client.messages.stream(model=DEMO, max_tokens=9, messages=HELLO) as stream:
            read += [text async for text in stream.text_stream]
    assert caught.value.type == "api_error"


async def test_the_client_tries_again_when_there_is_no_room(live: LiveInProcess, scripted_client: Any) -> None:
    tries = iter([[(Failed(QueueFull("busy").info),)], words("now")])
    live.script.answer = lambda request: next(tries)
    patient = scripted_client.with_options(max_retries=1)
    answer = await patient.messages.create(model=DEMO, max_tokens=9, messages=HELLO)
    assert answer.content[0].text == "now"
