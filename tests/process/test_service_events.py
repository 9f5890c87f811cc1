"""``/events``, ``/telemetry``, ``/logs`` and the way the service ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import GpuSample, PullStatus, RequestNotice, Snapshot, TcpStatus, TelemetrySample
from dmr_desktop.protocol.runners import RunnerStatus
from dmr_desktop.protocol.wire import dump, load
from dmr_desktop.service import app as service_app
from dmr_desktop.service.sleep_watch import SleepClock, SleepWatch
from tests.fakes.scripted_backend import Script
from tests.fixtures_service import LiveInProcess, live_in_process

DEMO = "dmr.local/demo:latest"
CHAT = {"model": DEMO, "messages": [{"role": "user", "content": "hi"}]}


class Events:
    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(10):
            name = ""
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                if line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))
        raise EOFError

    async def until(self, wanted: str, **fields: JSON) -> Any:
        """The data of the next such event that has these fields."""
        while True:
            name, data = await self.next()
            if name == wanted and all(data.get(field) == value for field, value in fields.items()):
                return data


@asynccontextmanager
async def listening(live: LiveInProcess, path: str = "/events") -> AsyncIterator[Events]:
    async with live.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        yield Events(response.aiter_lines())


async def test_it_begins_with_a_snapshot(live: LiveInProcess) -> None:
    async with listening(live) as events:
        name, data = await events.next()
    snapshot = load(Snapshot, data)
    assert name == "snapshot"
    assert snapshot.socket_path == str(live.settings.socket_path)
    assert snapshot.tcp == TcpStatus(False, False, 12434)
    assert snapshot.models[0]["tags"] == [DEMO]
    size = snapshot.models[0]["size_bytes"]
    assert isinstance(size, int)
    assert size > 1_000_000


async def test_sections_follow_what_happens(live: LiveInProcess) -> None:
    async with listening(live) as events:
        await events.until("snapshot")
        await live.open_tcp()
        assert load(TcpStatus, await events.until("tcp")).listening
        await live.http.post("/v1/chat/completions", json=CHAT)
        done = load(RequestNotice, await events.until("request", state="done"))
        assert (done.model, done.path, done.prompt_tokens, done.completion_tokens) == (
            DEMO,
            "/v1/chat/completions",
            5,
            2,
        )
        runners = [load(RunnerStatus, entry) for entry in (await events.until("runners"))["runners"]]
        assert [runner.model_name for runner in runners] == [DEMO]
        await live.http.delete(f"/models/{DEMO}")
        assert (await events.until("models"))["models"] == []
        await live.http.post("/models/create", json={"from": DEMO})
        pull = load(PullStatus, await events.until("pull", state="done"))
        assert (pull.reference, pull.message) == (DEMO, "Model pulled successfully")
        assert len((await events.until("models"))["models"]) == 1


async def test_failed_and_cancelled_requests_are_told_apart(live: LiveInProcess) -> None:
    async with listening(live) as events:
        await live.http.post("/v1/chat/completions", json={**CHAT, "n": 99})
        failed = load(RequestNotice, await events.until("request", state="failed"))
        assert "'n'" in failed.error
        live.script.gate = asyncio.Semaphore(1)
        request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
        await live.script.begun.get()
        request.cancel()
        await events.until("request", state="cancelled")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/anthropic/v1/messages", "/api/chat"])
async def test_a_request_for_a_model_that_is_not_here_is_shown_as_failed(live: LiveInProcess, path: str) -> None:
    body = {**CHAT, "model": "ai/nobody", "input": "hi", "max_tokens": 5}
    async with listening(live, "/events?telemetry=false") as events:
        answer = await live.http.post(path, json=body, headers={"User-Agent": "n8n/1.0"})
        assert answer.status_code == 404
        notice = load(RequestNotice, await events.until("request"))
    assert (notice.state, notice.model, notice.path, notice.client) == ("failed", "ai/nobody", path, "n8n/1.0")
    assert "ai/nobody" in notice.error
    assert (await live.service.snapshot()).requests == (notice,)
    assert "ai/nobody" not in (await live.http.get("/metrics")).text


async def test_telemetry_flows_while_somebody_listens(live: LiveInProcess) -> None:
    async with listening(live) as events:
        sample = load(TelemetrySample, await events.until("telemetry"))
        assert 0 < sample.memory_used_bytes < sample.memory_total_bytes
        assert sample.active_requests == 0
    kept = (await live.http.get("/telemetry")).json()["telemetry"]
    assert load(TelemetrySample, kept[0]) == sample


async def test_nothing_is_measured_for_who_shows_nothing_of_it(live: LiveInProcess) -> None:
    async with listening(live, "/events?telemetry=false") as events:
        snapshot = load(Snapshot, await events.until("snapshot"))
        assert snapshot.telemetry == ()
        await live.http.post("/v1/chat/completions", json=CHAT)
        await events.until("request", state="done")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await events.until("telemetry")
    assert live.service.telemetry.samples == ()


async def test_telemetry_is_there_even_if_nobody_listened(live: LiveInProcess) -> None:
    kept = (await live.http.get("/telemetry")).json()["telemetry"]
    assert load(TelemetrySample, kept[0]).memory_total_bytes > 0


async def test_stopping_answers_and_is_announced(live: LiveInProcess) -> None:
    async with listening(live) as events:
        await events.until("snapshot")
        assert (await live.http.post("/service/stop")).status_code == 202
        assert live.service.stopping.is_set()
        closing = asyncio.create_task(live.service.close())
        assert await events.until("stopping") == {}
        with pytest.raises(EOFError):
            await events.next()
        await closing
    assert not live.settings.socket_path.exists()


async def test_logs_are_read_and_followed(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    text = (await live.http.get("/logs")).text
    assert "scripted runner is ready" in text
    assert "done, 5 prompt and 2 completion tokens" in text
    assert "scripted runner" not in (await live.http.get("/logs?no-engines=true")).text
    async with live.http.stream("GET", "/logs?follow=1") as response:
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith("[2")
        await live.http.post("/v1/completions", json={"model": DEMO, "prompt": "x"})
        async with asyncio.timeout(10):
            async for line in lines:
                if "/v1/completions" in line:
                    break


@pytest.mark.parametrize("name", ["follow", "no-engines"])
async def test_a_bad_log_parameter_is_named(live: LiveInProcess, name: str) -> None:
    response = await live.http.get("/logs", params={name: "maybe"})
    assert (response.status_code, response.text) == (
        400,
        f'invalid {name} parameter: "maybe" is not a valid boolean\n',
    )


@pytest.mark.parametrize("path", ["/events", "/logs?follow=true"])
async def test_head_of_a_stream_has_an_end(live: LiveInProcess, path: str) -> None:
    response = await live.http.head(path)
    assert (response.status_code, response.content) == (200, b"")


async def test_a_card_that_did_not_outlast_a_sleep_is_told_and_so_is_its_return(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards, awake, slept = home / "cards.json", 0.0, 0.0
    card = json.dumps([dump(GpuSample("A card", 1.0, 2, 4))])
    cards.write_text(card)
    monkeypatch.setenv("DMR_FAKE_GPU", str(cards))
    clock = SleepClock(lambda: awake, (lambda: awake + slept,))
    watch = partial(SleepWatch, clock=clock, period_seconds=0.02, settle_seconds=0.0)
    monkeypatch.setattr(service_app, "SleepWatch", watch)
    async with live_in_process(home, Script()) as live, listening(live, "/events?telemetry=false") as events:
        assert (await events.next())[1]["gpus"]["missing"] == []
        await live.http.get("/telemetry")
        cards.write_text("[]")
        slept += 600
        assert (await events.until("gpus"))["missing"] == ["A card"]
        async with listening(live) as later:
            assert (await later.next())[1]["gpus"]["missing"] == ["A card"]
        cards.write_text(card)
        slept += 600
        assert (await events.until("gpus"))["missing"] == []
