"""``/engines/requests``: what was asked and answered, through the running service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import Failed, Started, TextDelta
from tests.fakes.scripted_backend import Script, words
from tests.fixtures_service import LiveInProcess, live_in_process

MODEL = "dmr.local/demo"
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}


async def log_of(http: httpx.AsyncClient, **query: str) -> list[Any]:
    response = await http.get("/engines/requests", params=query)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    found: list[Any] = response.json()
    return found


async def records(http: httpx.AsyncClient) -> list[Any]:
    (group,) = await log_of(http)
    assert group["count"] == len(group["records"])
    found: list[Any] = group["records"]
    return found


@asynccontextmanager
async def followed(http: httpx.AsyncClient, query: str = "") -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    async with http.stream("GET", f"/engines/requests{query}", headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["content-type"] == "text/event-stream"

        async def events() -> AsyncIterator[tuple[str, Any]]:
            name = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

        yield events()


async def test_nothing_was_asked_yet(live: LiveInProcess) -> None:
    assert await log_of(live.http) == []
    assert await log_of(live.http, model="ai/none") == []
    assert (await live.http.post("/engines/requests")).status_code == 404


async def test_a_whole_answer_is_kept_as_it_was_sent(live: LiveInProcess) -> None:
    headers = {"User-Agent": "docker-model-cli/v1.2.3", "Authorization": "Bearer secret-of-mine"}
    answer = await live.http.post("/engines/v1/chat/completions", json=CHAT, headers=headers)
    (group,) = await log_of(live.http)
    model = (await live.http.get("/models")).json()[0]
    assert (group["count"], group["model"], group["config"]) == (1, model["id"], {})
    (record,) = group["records"]
    assert record["id"].startswith(f"{model['id']}_")
    assert (record["model"], record["method"], record["url"]) == (MODEL, "POST", "/engines/v1/chat/completions")
    assert json.loads(record["request"]) == CHAT
    assert record["response"] == answer.text
    assert (record["status_code"], record["user_agent"], record["state"]) == (200, "docker-model-cli/v1.2.3", "done")
    assert (record["prompt_tokens"], record["completion_tokens"]) == (5, 2)
    assert 0 <= record["first_token_ms"] <= record["duration_ms"]
    assert "error" not in record
    assert "origin" not in record
    assert "secret-of-mine" not in json.dumps(group)


async def test_a_stream_is_put_together(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    await live.http.post("/v1/completions", json={"model": MODEL, "prompt": "hi", "stream": True, "logprobs": 2})
    for record in await records(live.http):
        whole = json.loads(record["response"])
        assert whole["object"] == "chat.completion"
        assert whole["choices"][0]["message"]["content"] == "Hello world"
        assert whole["choices"][0]["finish_reason"] == "stop"
        assert whole["usage"]["completion_tokens"] == 2


async def test_embeddings_and_what_is_no_inference(live: LiveInProcess) -> None:
    answer = await live.http.post("/v1/embeddings", json={"model": MODEL, "input": "a"})
    await live.http.post("/v1/chat/completions", json=CHAT, headers={"X-Preload-Only": "true"})
    await live.http.get("/v1/models")
    (record,) = await records(live.http)
    assert (record["url"], record["response"]) == ("/v1/embeddings", answer.text)


async def test_a_refusal_has_an_error_and_no_response(live: LiveInProcess) -> None:
    answer = await live.http.post("/v1/chat/completions", json={**CHAT, "n": 99})
    (record,) = await records(live.http)
    assert (record["status_code"], record["state"], answer.status_code) == (400, "failed", 400)
    assert json.loads(record["error"]) == answer.json()
    assert "response" not in record


async def test_a_crash_in_mid_stream_keeps_what_came(live: LiveInProcess) -> None:
    crash = Failed(ErrorInfo("runner_crashed", "it died"))
    live.script.answer = lambda request: [(Started(5, 0),), (TextDelta("half"),), (crash,)]
    await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    (record,) = await records(live.http)
    assert (record["status_code"], record["state"]) == (200, "failed")
    assert json.loads(record["response"])["choices"][0]["message"]["content"] == "half"
    assert json.loads(record["error"])["error"]["message"] == "it died"


async def test_one_that_runs_is_shown_with_what_it_said_so_far(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(2)
    async with asyncio.timeout(10), followed(live.http) as events:
        assert (await anext(events))[0] == "connected"
        async with live.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response:
            lines = response.aiter_lines()
            while "Hello" not in await anext(lines):
                pass
            (record,) = await records(live.http)
            assert (record["state"], record["status_code"]) == ("running", 200)
            assert json.loads(record["response"])["choices"][0]["message"]["content"] == "Hello"
        _, (group,) = await anext(events)
    assert group["records"][0]["state"] == "cancelled"


async def test_a_client_that_left_without_an_answer(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    async with asyncio.timeout(10), followed(live.http) as events:
        assert (await anext(events))[0] == "connected"
        request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
        await live.script.begun.get()
        assert (await records(live.http))[0]["status_code"] == 0
        request.cancel()
        _, (group,) = await anext(events)
    (record,) = group["records"]
    assert (record["state"], record["status_code"]) == ("cancelled", 408)
    assert "message" in json.loads(record["error"])["error"]


async def test_only_the_last_ten_of_a_model(live: LiveInProcess) -> None:
    for number in range(12):
        await live.http.post("/v1/completions", json={"model": MODEL, "prompt": str(number)})
    assert [json.loads(record["request"])["prompt"] for record in await records(live.http)] == [
        str(number) for number in range(2, 12)
    ]


async def test_they_go_with_the_runner(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    assert len(await records(live.http)) == 1
    await live.http.post("/engines/unload", json={"all": True})
    assert await log_of(live.http) == []


async def test_also_those_that_ran_when_it_went(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json={**CHAT, "stream": True}))
    await live.script.begun.get()
    async with followed(live.http) as events:
        assert (await anext(events))[0] == "connected"
        assert (await live.http.delete(f"/models/{MODEL}", params={"force": "true"})).status_code == 200
        name, [group] = await anext(events)
        assert (name, group["records"][0]["state"]) == ("new_request", "failed")
    await request
    assert await log_of(live.http) == []


async def test_what_was_configured_is_shown(live: LiveInProcess) -> None:
    await live.http.post("/engines/_configure", json={"model": MODEL, "context-size": 2048})
    await live.http.post("/v1/chat/completions", json=CHAT)
    assert (await log_of(live.http, model=MODEL))[0]["config"] == {"context-size": 2048}


async def test_by_model(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    model_id = (await live.http.get("/models")).json()[0]["id"]
    for name in (MODEL, f"{MODEL}:latest", model_id, model_id.removeprefix("sha256:")[:12]):
        assert [group["model"] for group in await log_of(live.http, model=name)] == [model_id]
    assert await log_of(live.http, model="dmr.local/other") == []


async def test_following(live: LiveInProcess) -> None:
    await live.http.post("/v1/completions", json={"model": MODEL, "prompt": "first"})
    query = f"?include_existing=true&model={MODEL}"
    async with asyncio.timeout(10), followed(live.http, query) as events, followed(live.http) as others:
        name, (group,) = await anext(events)
        assert (name, group["count"]) == ("existing_request", 1)
        assert json.loads(group["records"][0]["request"])["prompt"] == "first"
        for stream in (events, others):
            assert await anext(stream) == ("connected", {"status": "connected"})
        await live.http.post("/v1/completions", json={"model": MODEL, "prompt": "second", "stream": True})
        for stream in (events, others):
            name, (group,) = await anext(stream)
            assert name == "new_request"
            (record,) = group["records"]
            assert json.loads(record["request"])["prompt"] == "second"
            assert json.loads(record["response"])["choices"][0]["message"]["content"] == "Hello world"


async def test_followers_of_another_model_hear_nothing(live: LiveInProcess) -> None:
    async with asyncio.timeout(10), followed(live.http, "?model=ai/other") as events:
        assert (await anext(events))[0] == "connected"
        await live.http.post("/v1/chat/completions", json=CHAT)
        waiting = asyncio.ensure_future(anext(events))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_without_bodies_if_so_set(home: Path) -> None:
    async with live_in_process(home, Script(), keep_request_bodies=False) as live:
        await live.http.post("/v1/chat/completions", json=CHAT)
        await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
        for record in await records(live.http):
            assert (record["request"], record["status_code"], record["completion_tokens"]) == ("", 200, 2)
            assert "response" not in record


async def test_a_long_answer_is_cut(live: LiveInProcess) -> None:
    live.script.answer = lambda request: words("x" * 100_000)
    await live.http.post("/v1/chat/completions", json=CHAT)
    await live.http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    for record in await records(live.http):
        assert len(record["response"]) < 66_000
        assert record["response"].endswith("bytes]")


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_every_dialect_is_recorded(live: LiveInProcess, is_streamed: bool) -> None:
    messages = CHAT["messages"]
    asked: list[tuple[str, dict[str, Any], str | None]] = [
        ("/anthropic/v1/messages", {"max_tokens": 9, "messages": messages}, "anthropic/messages"),
        ("/v1/messages", {"max_tokens": 9, "messages": messages}, "anthropic/messages"),
        ("/api/chat", {"messages": messages}, "ollama/completion"),
        ("/api/generate", {"prompt": "hi"}, "ollama/completion"),
        ("/v1/responses", {"input": "hi"}, None),
    ]
    for path, body, _ in asked:
        answer = await live.http.post(path, json={"model": MODEL, "stream": is_streamed, **body})
        assert answer.status_code == 200, answer.text
    for (path, _, origin), record in zip(asked, await records(live.http), strict=True):
        assert (record["url"], record.get("origin"), record["state"]) == (path, origin, "done")
        whole = json.loads(record["response"])
        if is_streamed:
            assert whole["choices"][0]["message"]["content"] == "Hello world"
        else:
            assert "Hello world" in record["response"]


async def test_pictures_are_cut(live: LiveInProcess) -> None:
    url = "data:image/png;base64," + "A" * 5000
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
    await live.http.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": [{"role": "user", "content": parts}]}
    )
    (record,) = await records(live.http)
    shown = json.loads(record["request"])["messages"][0]["content"]
    assert shown[0]["text"] == "What?"
    assert shown[1]["image_url"]["url"] == f"{url[:100]}...[truncated {len(url) - 100} chars]"
