"""Anthropic's messages through the running service, with a backend that says what the test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dmr_desktop.protocol.errors import ContextOverflow, ErrorInfo, QueueFull, RunnerStartFailed, ShuttingDown
from dmr_desktop.protocol.generation import ChatPrompt, Failed, Message, Started, TextDelta, TextPart
from dmr_desktop.service import generate
from tests.fixtures_service import LiveInProcess

MODEL = "dmr.local/demo"
BODY: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
BASES = ("/anthropic/v1", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp", "/engines")
CRASH = Failed(ErrorInfo("runner_crashed", "the model's process died: killed by SIGSEGV", evidence="last words"))


def events_of(text: str) -> list[Any]:
    assert text.endswith("\n\n")
    found = []
    for frame in text.removesuffix("\n\n").split("\n\n"):
        if not frame.startswith(":"):
            name, data = frame.split("\n")
            found.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {found[-1]['type']}"
    return found


@pytest.mark.parametrize("base", BASES)
async def test_every_base(live: LiveInProcess, base: str) -> None:
    answer = (await live.http.post(f"{base}/messages?beta=true", json=BODY)).json()
    assert answer["content"] == [{"type": "text", "text": "Hello world"}]
    assert answer["stop_reason"] == "end_turn"
    usage = answer["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (3, 2, 2)
    streamed = await live.http.post(f"{base}/messages", json={**BODY, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    events = events_of(streamed.text)
    assert [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"] == ["Hello", " world"]
    assert events[-1] == {"type": "message_stop"}
    assert events[-2]["usage"] == usage
    counted = await live.http.post(f"{base}/messages/count_tokens", json=BODY)
    assert counted.json() == {"input_tokens": 3}
    wrong = await live.http.get(f"{base}/messages")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


async def test_no_header_is_needed_and_any_is_taken(live: LiveInProcess) -> None:
    for headers in (
        {},
        {"x-api-key": "k", "anthropic-version": "2023-06-01", "anthropic-beta": "a,b"},
        {"Authorization": "Bearer", "anthropic-version": "9999-99-99", "Content-Type": "text/plain"},
    ):
        response = await live.http.post("/anthropic/v1/messages", content=json.dumps(BODY), headers=headers)
        assert response.status_code == 200


@pytest.mark.parametrize("endpoint", ["messages", "messages/count_tokens"])
@pytest.mark.parametrize(
    ("content", "status", "kind", "message"),
    [
        (b"", 400, "invalid_request_error", "the body is empty"),
        (b"{", 400, "invalid_request_error", "not acceptable JSON"),
        (b"[]", 400, "invalid_request_error", "must be a JSON object"),
        (b"{}", 400, "invalid_request_error", "model is required"),
        (b'{"model":"ai/none"}', 404, "not_found_error", "Model not found: ai/none. `dmr pull ai/none` gets"),
        (b'{"model":"../x"}', 400, "invalid_request_error", ""),
        (b'{"model":"dmr.local/demo"}', 400, "invalid_request_error", "'messages'"),
    ],
)
async def test_refusals(
    live: LiveInProcess, endpoint: str, content: bytes, status: int, kind: str, message: str
) -> None:
    response = await live.http.post(f"/anthropic/v1/{endpoint}", content=content)
    body = response.json()
    assert (response.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert message in body["error"]["message"]
    assert body["request_id"] == response.headers["request-id"]
    for_cli = await live.http.post(
        f"/anthropic/v1/{endpoint}", content=content, headers={"User-Agent": "docker-model-cli/v1"}
    )
    assert (for_cli.status_code, for_cli.text) == (status, f"{body['error']['message'].partition('. `dmr pull')[0]}\n")
    assert live.script.launches == []


async def test_an_unknown_backend_and_a_body_that_is_too_large(live: LiveInProcess) -> None:
    unknown = await live.http.post("/engines/nope/v1/messages", json=BODY)
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
    for base in BASES:
        large = await live.http.post(f"{base}/messages", content=b" " * (10 * 1024 * 1024 + 1))
        assert (large.status_code, large.json()["error"]["type"]) == (413, "request_too_large")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ContextOverflow("9 tokens"), 400, "invalid_request_error"),
        (QueueFull("busy"), 429, "rate_limit_error"),
        (ShuttingDown("bye"), 503, "overloaded_error"),
    ],
)
async def test_a_failure_before_the_first_token_has_its_own_status(
    live: LiveInProcess, error: Any, status: int, kind: str, stream: bool
) -> None:
    live.script.answer = lambda request: [(Failed(error.info),)]
    response = await live.http.post("/v1/messages", json={**BODY, "stream": stream})
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    assert response.headers["request-id"]
    assert ("retry-after" in response.headers) == (status == 429)


async def test_a_model_that_cannot_load(live: LiveInProcess) -> None:
    live.script.load_error = RunnerStartFailed("bad weights")
    for endpoint in ("messages", "messages/count_tokens"):
        response = await live.http.post(f"/anthropic/v1/{endpoint}", json=BODY)
        assert (response.status_code, response.json()["error"]["type"]) == (500, "api_error")
        assert response.json()["error"]["message"] == "unable to load runner: bad weights"


async def test_a_crash_in_mid_stream_is_an_error_event(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(Started(1, 0),), (TextDelta("a"), CRASH)]
    response = await live.http.post("/v1/messages", json={**BODY, "stream": True})
    assert response.status_code == 200
    assert events_of(response.text)[-1]["error"] == {
        "type": "api_error",
        "message": "the model's process died: killed by SIGSEGV",
        "evidence": "last words",
    }


async def test_a_failure_after_the_headers_is_an_error_event(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PATIENCE_SECONDS", 0.02)
    live.script.load_gate = asyncio.Event()
    live.script.load_error = RunnerStartFailed("bad weights")
    async with live.http.stream("POST", "/v1/messages", json={**BODY, "stream": True}) as response:
        assert response.status_code == 200
        live.script.load_gate.set()
        text = (await response.aread()).decode()
    assert [event["type"] for event in events_of(text)] == ["error"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_its_request(live: LiveInProcess, stream: bool) -> None:
    live.script.gate = asyncio.Semaphore(1)
    request = asyncio.create_task(live.http.post("/v1/messages", json={**BODY, "stream": stream}))
    await live.script.begun.get()
    request.cancel()
    async with asyncio.timeout(5):
        await live.script.cancelled.wait()
    live.script.gate = None
    assert (await live.http.post("/v1/messages", json=BODY)).status_code == 200
    assert [runner.active_requests for runner in live.service.loader.statuses()] == [0]


async def test_the_id_that_a_client_sees_is_the_one_in_the_log(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(CRASH,)]
    for endpoint in ("messages", "messages/count_tokens"):
        request_id = (await live.http.post(f"/v1/{endpoint}", json=BODY)).headers["request-id"]
        assert f" {request_id} /v1/{endpoint} " in (await live.http.get("/logs?no-engines=true")).text


async def test_a_request_as_a_proxy_passes_it_on(live: LiveInProcess) -> None:
    """In pieces, without a length, a key or a content type."""

    async def pieces() -> AsyncIterator[bytes]:
        body = json.dumps({**BODY, "stream": True}).encode()
        for start in range(0, len(body), 16):
            yield body[start : start + 16]

    headers = {"via": "1.1 proxy", "x-forwarded-for": "10.0.0.1", "x-proxied-by": "proxy", "x-model": MODEL}
    response = await live.http.post("/anthropic/v1/messages", content=pieces(), headers=headers)
    assert events_of(response.text)[-1] == {"type": "message_stop"}


async def test_preloading_loads_and_generates_nothing(live: LiveInProcess) -> None:
    response = await live.http.post("/v1/messages", json={"model": MODEL}, headers={"X-Preload-Only": "true"})
    assert (response.status_code, response.content) == (200, b"")
    assert len(live.script.launches) == 1
    assert live.script.requests == []


async def test_what_is_configured_holds_where_the_request_sets_nothing(live: LiveInProcess) -> None:
    flags = ["--temp", "1.7", "--top-k=7"]
    await live.http.post("/engines/_configure", json={"model": MODEL, "runtime-flags": flags})
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    await live.http.post("/v1/messages", json={**BODY, "top_k": 3, "system": system})
    request = live.script.requests[0]
    assert (request.sampling.temperature, request.sampling.top_k) == (1.7, 3)
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.messages[0] == Message("system", (TextPart("Be brief."),))


async def test_the_model_list_speaks_to_each_client_in_its_own_way(live: LiveInProcess) -> None:
    as_openai = (await live.http.get("/v1/models")).json()
    assert as_openai["object"] == "list"
    headers = {"anthropic-version": "2023-06-01"}
    for response in (await live.http.get("/anthropic/v1/models"), await live.http.get("/v1/models", headers=headers)):
        listed = response.json()
        assert [model["id"] for model in listed["data"]] == [model["id"] for model in as_openai["data"]]
        assert (listed["has_more"], listed["first_id"]) == (False, "dmr.local/demo:latest")
    one = await live.http.get("/v1/models/dmr.local%2Fdemo", headers=headers)
    assert one.json()["type"] == "model"
    for base in ("/anthropic/v1", "/v1"):
        missing = await live.http.get(f"{base}/models/ai/none", headers=headers)
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
        bad = await live.http.get(f"{base}/models?limit=no", headers=headers)
        assert (bad.status_code, bad.json()["error"]["param"]) == (400, "limit")
        assert [answer.json()["type"] for answer in (missing, bad)] == ["error", "error"]
