"""Inference through the running service, with a backend that says what the test tells it to."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from dmr_desktop.protocol.errors import (
    ContextOverflow,
    DMRError,
    DoesNotFit,
    ErrorInfo,
    QueueFull,
    RunnerStartFailed,
    UnsupportedModel,
)
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Started,
    TextDelta,
    TextPrompt,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)
from dmr_desktop.service import bodies, catalog, generate, inference_endpoints
from tests.fakes.scripted_backend import Script, words
from tests.fixtures_service import LiveInProcess, live_in_process

MODEL = "dmr.local/demo"
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT: dict[str, Any] = {"model": MODEL, "messages": MESSAGES}
BASES = ("/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp", "/engines")
CRASH = Failed(ErrorInfo("runner_crashed", "the model's process died: killed by SIGSEGV", evidence="last words"))


def events_of(text: str) -> list[Any]:
    assert text.endswith("\n\n")
    payloads = [frame.removeprefix("data: ") for frame in text.split("\n\n") if frame.startswith("data: ")]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


# ---- the official client -----------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
async def test_the_openai_client_on_every_base(live: LiveInProcess, base: str) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(live.settings.socket_path))
    http = httpx.AsyncClient(transport=transport)
    async with openai.AsyncOpenAI(base_url=f"http://localhost{base}", api_key="any", http_client=http) as client:
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello world"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 2
        answer = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content == "Hello world"
        older = await client.completions.create(model=MODEL, prompt="hi")
        assert older.choices[0].text == "Hello world"
        vectors = await client.embeddings.create(model=MODEL, input=["a", "b"])
        assert [len(entry.embedding) for entry in vectors.data] == [4, 4]
        assert [model.id async for model in client.models.list()] == ["dmr.local/demo:latest"]
        assert (await client.models.retrieve(MODEL)).id == "dmr.local/demo:latest"
        with pytest.raises(openai.NotFoundError, match="model not found"):
            await client.chat.completions.create(model="ai/none", messages=[{"role": "user", "content": "hi"}])


async def test_tool_calls_through_the_openai_client(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [
        (Started(1, 0),),
        (ToolCallStarted(0, "call_1", "f"), ToolCallArguments(0, '{"a":')),
        (ToolCallArguments(0, "1}"), ChoiceFinished("tool_calls"), Finished(Usage(1, 2))),
    ]
    transport = httpx.AsyncHTTPTransport(uds=str(live.settings.socket_path))
    http = httpx.AsyncClient(transport=transport)
    async with openai.AsyncOpenAI(base_url="http://localhost/v1", api_key="any", http_client=http) as client:
        answer = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "hi"}],
            tools=[{"type": "function", "function": {"name": "f"}}],
        )
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert [(call.id, call.type) for call in calls] == [("call_1", "function")]
    assert answer.choices[0].finish_reason == "tool_calls"


# ---- the order of checks -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/chat/completions", {}, 400, "model is required"),
        ("/v1/chat/completions", {"model": ""}, 400, "model is required"),
        ("/v1/chat/completions", {"model": 3}, 400, "invalid request: model must be a string"),
        ("/v1/chat/completions", {"model": MODEL}, 400, "Missing required parameter: 'messages'."),
    ],
)
async def test_refusals(live: LiveInProcess, path: str, body: dict[str, Any], status: int, message: str) -> None:
    response = await live.http.post(path, json=body)
    assert (response.status_code, response.json()["error"]["message"]) == (status, message)
    for_cli = await live.http.post(path, json=body, headers={"User-Agent": "docker-model-cli/v1"})
    assert (for_cli.status_code, for_cli.text) == (status, f"{message}\n")


@pytest.mark.parametrize("path", ["/engines/v1/v1/chat/completions", "/engines/v1/v1/messages"])
async def test_a_backend_that_is_none_is_most_often_a_v1_too_many(live: LiveInProcess, path: str) -> None:
    response = await live.http.post(path, json={})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "backend not found. No engine is called 'v1': leave the name away, as in /engines/v1. "
        "A client that adds /v1 itself needs a base URL that ends in /engines"
    )
    for_cli = await live.http.post(path, json={}, headers={"User-Agent": "docker-model-cli/v1"})
    assert (for_cli.status_code, for_cli.text) == (404, "backend not found\n")


@pytest.mark.parametrize(("path", "model"), [("/v1/chat/completions", "ai/None:x"), ("/v1/embeddings", "ai/none")])
async def test_a_model_that_is_not_here(live: LiveInProcess, path: str, model: str) -> None:
    """In Docker Model Runner's words, and with the next step, since clients show the message alone."""
    words = f"error while getting model: get model '\"{model}\"': model not found"
    response = await live.http.post(path, json={"model": model})
    assert response.json()["error"]["message"] == f"{words}. `dmr pull {model}` gets it, `dmr ls` lists what is here"
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    for_cli = await live.http.post(path, json={"model": model}, headers={"User-Agent": "docker-model-cli/v1"})
    assert (for_cli.status_code, for_cli.text) == (404, f"{words}\n")
    assert for_cli.headers["content-type"].startswith("text/plain")
    assert live.script.launches == []


async def test_a_model_whose_name_is_nearly_right(live: LiveInProcess) -> None:
    response = await live.http.post("/v1/chat/completions", json={"model": "demo"})
    hint = "Did you mean dmr.local/demo? Otherwise `dmr pull demo` gets it, `dmr ls` lists what is here"
    assert response.json()["error"]["message"].endswith(f"""'"demo"': model not found. {hint}""")


async def test_a_slash_too_many(live: LiveInProcess) -> None:
    """Base URLs are typed with a slash at their end, and joined with paths that begin with one."""
    for path in ("/engines/llama.cpp/v1//chat/completions", "/engines//v1/chat/completions"):
        assert (await live.http.post(path, json=CHAT)).status_code == 200
    for path in ("/v1/models", "/engines/llama.cpp/v1/models", "/anthropic/v1/models"):
        assert (await live.http.get(f"{path}/")).json() == (await live.http.get(path)).json()
    response = await live.http.post("/v1/chat/completions/", json=CHAT)
    assert response.status_code == 404
    assert response.text.startswith("404 page not found: leave the slash at the end away")


@pytest.mark.parametrize("base", ["", "/v2", "/engines/v1/chat/completions", "/openai/v1"])
async def test_a_wrong_base_url_is_told_the_right_one(live: LiveInProcess, base: str) -> None:
    response = await live.http.post(f"{base}/chat/completions", json={"model": MODEL})
    assert response.status_code == 404
    assert "not found: no model answers at this path. Set the client's base URL" in response.text
    assert "/engines/v1" in response.text


@pytest.mark.parametrize("name", ["../x", "a b", "ai/x:" + "t" * 200, "x\u0000y", "http://a/b"])
async def test_names_that_no_model_can_have_are_400(live: LiveInProcess, name: str) -> None:
    response = await live.http.post("/v1/chat/completions", json={**CHAT, "model": name})
    assert response.status_code == 400


async def test_the_path_names_a_backend_but_the_model_chooses(live: LiveInProcess) -> None:
    assert (await live.http.post("/engines/vllm/v1/chat/completions", json=CHAT)).status_code == 200


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("endpoint", ["chat/completions", "completions", "embeddings"])
async def test_a_wrong_method_is_405_with_allow(live: LiveInProcess, base: str, endpoint: str) -> None:
    response = await live.http.get(f"{base}/{endpoint}")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_any_content_type_and_authorization_will_do(live: LiveInProcess) -> None:
    for headers in (
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "", "Authorization": "Bearer"},
        {"Authorization": "Bearer x", "X-Api-Key": "y"},
    ):
        response = await live.http.post("/v1/chat/completions", content=json.dumps(CHAT), headers=headers)
        assert response.status_code == 200


async def test_preloading_loads_and_generates_nothing(live: LiveInProcess) -> None:
    for path, body in (
        ("/engines/v1/chat/completions", {"model": MODEL, "messages": []}),
        ("/engines/v1/embeddings", {"model": MODEL, "input": []}),
    ):
        response = await live.http.post(path, json=body, headers={"X-Preload-Only": "true"})
        assert (response.status_code, response.content) == (200, b"")
    assert [spec.mode.value for spec in live.script.launches] == ["completion", "embedding"]
    assert live.script.requests == []


# ---- failures --------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (RunnerStartFailed("bad weights"), 500, "unable to load runner: bad weights"),
        (UnsupportedModel("strange"), 422, "unable to load runner: strange"),
        (DoesNotFit("needs 9, have 1"), 507, "needs 9, have 1"),
    ],
)
async def test_a_model_that_cannot_load(
    live: LiveInProcess, error: DMRError, status: int, message: str, stream: bool
) -> None:
    live.script.load_error = error
    response = await live.http.post("/v1/chat/completions", json={**CHAT, "stream": stream})
    assert (response.status_code, response.json()["error"]["message"]) == (status, message)
    live.script.load_error = None


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_token_has_its_own_status(live: LiveInProcess, stream: bool) -> None:
    overflow = ContextOverflow("request (9 tokens) exceeds the available context size (4 tokens)")
    live.script.answer = lambda request: [(Failed(overflow.info),)]
    response = await live.http.post("/v1/chat/completions", json={**CHAT, "stream": stream})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


async def test_a_full_queue_says_when_to_come_back(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(Failed(QueueFull("busy").info),)]
    response = await live.http.post("/v1/chat/completions", json=CHAT)
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")


async def test_a_crash_in_mid_stream_is_a_well_formed_end(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(Started(1, 0),), (TextDelta("a"), CRASH)]
    response = await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert response.status_code == 200
    last = events_of(response.text)[-1]
    assert last["error"]["message"].endswith("killed by SIGSEGV")
    assert last["error"]["evidence"] == "last words"
    unstreamed = await live.http.post("/v1/chat/completions", json=CHAT)
    assert (unstreamed.status_code, unstreamed.json()["error"]["code"]) == (500, "runner_crashed")


async def test_a_bug_in_mid_stream_is_an_error_event_too(live: LiveInProcess) -> None:
    def answer(request: GenerationRequest) -> list[tuple[Event, ...]]:
        broken: Any = "not an event"
        return [(Started(1, 0),), (TextDelta("a"),), (broken,)]

    live.script.answer = answer
    response = await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert events_of(response.text)[-1]["error"]["message"] == "the service failed to answer"
    live.script.answer = lambda request: words("fine")
    assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200


# ---- clients that leave, and slow models --------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_its_request(live: LiveInProcess, stream: bool) -> None:
    live.script.gate = asyncio.Semaphore(1)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json={**CHAT, "stream": stream}))
    await live.script.begun.get()
    request.cancel()
    async with asyncio.timeout(5):
        await live.script.cancelled.wait()
    assert live.script.num_cancelled == 1
    live.script.gate = None
    assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200
    assert [runner.active_requests for runner in live.service.loader.statuses()] == [0]


async def test_headers_go_out_although_the_model_is_still_loading(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PATIENCE_SECONDS", 0.02)
    live.script.load_gate = asyncio.Event()
    async with live.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response:
        assert response.status_code == 200
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith(":")
        live.script.load_gate.set()
        text = "\n".join([line async for line in lines if not line.startswith(":")])
    assert events_of(text + "\n\n")[-1] == "[DONE]"


async def test_a_failure_after_the_headers_is_an_error_event(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PATIENCE_SECONDS", 0.02)
    live.script.load_gate = asyncio.Event()
    live.script.load_error = RunnerStartFailed("bad weights")
    async with live.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response:
        assert response.status_code == 200
        live.script.load_gate.set()
        text = (await response.aread()).decode()
    assert events_of(text)[-1]["error"]["message"] == "unable to load runner: bad weights"


async def test_closing_the_service_ends_streams_with_a_reason(home: Path) -> None:
    script = Script(gate=asyncio.Semaphore(2))
    async with (
        live_in_process(home, script) as live,
        live.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response,
    ):
        lines = response.aiter_lines()
        begin = [await anext(lines) for _ in range(3)]
        await live.service.close()
        rest = [line async for line in lines]
    assert events_of("\n".join([*begin, *rest, ""]))[-1]["error"]["code"] == "shutting_down"


# ---- several prompts, several choices ------------------------------------------------------------


async def test_several_prompts_are_one_answer(live: LiveInProcess) -> None:
    def answer(request: GenerationRequest) -> list[tuple[Event, ...]]:
        assert isinstance(request.prompt, TextPrompt)
        return words(request.prompt.text, "!")

    live.script.answer = answer
    body = {"model": MODEL, "prompt": ["a", "b", "c"]}
    answered = (await live.http.post("/v1/completions", json=body)).json()
    assert [(choice["index"], choice["text"]) for choice in answered["choices"]] == [(0, "a!"), (1, "b!"), (2, "c!")]
    assert answered["usage"]["total_tokens"] == 21
    streamed = await live.http.post("/v1/completions", json={**body, "stream": True})
    events = events_of(streamed.text)
    assert events.count("[DONE]") == 1
    finished = [event["choices"][0]["index"] for event in events[:-1] if event["choices"][0]["finish_reason"]]
    assert sorted(finished) == [0, 1, 2]


async def test_one_failing_prompt_fails_the_request(live: LiveInProcess) -> None:
    def answer(request: GenerationRequest) -> list[tuple[Event, ...]]:
        return [(CRASH,)] if request.prompt == TextPrompt("b") else words("fine")

    live.script.answer = answer
    response = await live.http.post("/v1/completions", json={"model": MODEL, "prompt": ["a", "b"]})
    assert response.status_code == 500


# ---- configured defaults ------------------------------------------------------------------------


async def test_flags_of_configure_become_defaults_of_requests(live: LiveInProcess) -> None:
    flags = ["--temp", "0.1", "--top-k=7", "--ctx-size", "512"]
    configured = await live.http.post("/engines/_configure", json={"model": MODEL, "runtime-flags": flags})
    assert (configured.status_code, configured.content) == (202, b"")
    await live.http.post("/v1/chat/completions", json={**CHAT, "top_k": 3})
    sampling = live.script.requests[0].sampling
    assert (sampling.temperature, sampling.top_k) == (0.1, 3)
    assert live.script.launches[-1].config.context_size == 512


async def test_a_request_may_set_how_long_the_model_stays(live: LiveInProcess) -> None:
    assert (await live.http.post("/v1/chat/completions", json={**CHAT, "keep_alive": -1})).status_code == 200
    assert live.service.loader.statuses()[0].expires_at is None


async def test_files_laid_out_for_a_runner_may_be_deleted(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "FRESH_SECONDS", 0.0)
    for _ in range(2):
        assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200
        await live.http.post("/engines/unload", json={"all": True})
        shutil.rmtree(live.settings.models_path / "bundles")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", CHAT),
        ("embeddings", {"model": MODEL, "input": "hi"}),
        ("messages", {**CHAT, "max_tokens": 5}),
    ],
)
async def test_a_large_body_is_read_apart_from_the_loop(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, object]
) -> None:
    """All of it: the JSON, what the dialect makes of it, and what is kept for the log of requests."""
    apart: list[int] = []

    async def counted(num_bytes: int, work: Callable[[], object]) -> object:
        apart.append(num_bytes)
        return work()

    for module in (bodies, inference_endpoints):
        monkeypatch.setattr(module, "apart_if_large", counted)
    content = json.dumps({**body, "user": "x" * 100_000}).encode()
    assert (await live.http.post(f"/v1/{path}", content=content)).status_code == 200
    assert apart == [len(content)] * 3
