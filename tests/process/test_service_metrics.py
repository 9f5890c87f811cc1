"""``/metrics`` of the running service, read by a strict reader of Prometheus' text format."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.protocol.errors import ErrorInfo, RunnerStartFailed
from dmr_desktop.protocol.generation import ChoiceFinished, Failed, Finished, Started, TextDelta, Timings, Usage
from tests.fakes.scripted_backend import Script
from tests.fixtures_service import LiveInProcess, live_in_process

TAG = "dmr.local/demo:latest"
CHAT: dict[str, Any] = {"model": "dmr.local/demo", "messages": [{"role": "user", "content": "hi"}]}
_SAMPLE = re.compile(r'([a-z_:]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? ([0-9.e+-]+|\+Inf|NaN)')
_HERE = {"backend": "llama.cpp", "model": TAG, "mode": "completion"}


async def series(http: httpx.AsyncClient) -> dict[str, float]:
    """Values by ``name`` of the completion runner's series (with ``:outcome`` or ``:le`` where there is one)."""
    response = await http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, typed = {}, set()
    for line in response.text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in typed, "a family comes in one piece"
            typed.add(name)
        if line.startswith("#"):
            continue
        matched = _SAMPLE.fullmatch(line)
        assert matched, line
        name, inside, value = matched.groups()
        assert any(name == family or name.startswith(f"{family}_") for family in typed), line
        labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', inside or ""))
        assert {key: labels.pop(key) for key in _HERE} == _HERE
        found[":".join((name, *labels.values()))] = float(value)
    return found


async def test_without_runners(live: LiveInProcess) -> None:
    response = await live.http.get("/metrics")
    assert (response.status_code, response.text) == (200, "# No active runners\n")
    refused = await live.http.post("/metrics")
    assert (refused.status_code, refused.text) == (405, "Method Not Allowed\n")
    assert "GET" in refused.headers["allow"]


async def test_requests_are_counted(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [
        (Started(5, 2), TextDelta("a")),
        (TextDelta("b"), ChoiceFinished("stop")),
        (Finished(Usage(5, 3, cached_tokens=2), Timings(predicted_ms=400)),),
    ]
    live.script.stats = {"running": 1, "waiting": 0, "kv_cells": 4096, "kv_cells_used": 1024, "generated_tokens": 9}
    await live.http.post("/v1/chat/completions", json=CHAT)
    await live.http.post("/v1/chat/completions", json={**CHAT, "n": 99})
    found = await series(live.http)
    assert (found["dmr_requests_total:done"], found["dmr_requests_total:failed"]) == (1, 1)
    assert found["dmr_requests_total:cancelled"] == 0
    assert (found["dmr_prompt_tokens_total"], found["dmr_cached_tokens_total"]) == (3, 2)
    assert found["dmr_generated_tokens_total"] == 3
    assert found["dmr_time_to_first_token_seconds_count"] == 1
    assert found["dmr_time_to_first_token_seconds_bucket:+Inf"] == 1
    # 400 ms between three tokens: 200 ms each.
    assert found["dmr_time_per_output_token_seconds_sum"] == pytest.approx(0.2)
    assert found["dmr_time_per_output_token_seconds_bucket:0.1"] == 0
    assert found["dmr_time_per_output_token_seconds_bucket:0.25"] == 1
    assert found["dmr_request_duration_seconds_count"] == 2
    assert (found["dmr_runner_loads_total"], found["dmr_runner_crashes_total"]) == (1, 0)
    assert (found["dmr_runner_ready"], found["dmr_runner_requests"]) == (1, 0)
    assert found["llamacpp:requests_processing"] == 1
    assert found["llamacpp:tokens_predicted_total"] == 9
    assert found["llamacpp:kv_cache_usage_ratio"] == 0.25


async def test_counts_outlive_the_runner(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    await live.http.post("/engines/unload", json={"all": True})
    assert (await live.http.get("/metrics")).text.startswith("# No active runners\n# HELP dmr_requests_total ")
    found = await series(live.http)
    assert found["dmr_requests_total:done"] == 1
    assert "dmr_runner_ready" not in found


async def test_a_failed_load_and_a_crash(live: LiveInProcess) -> None:
    live.script.load_error = RunnerStartFailed("no")
    await live.http.post("/v1/chat/completions", json=CHAT)
    assert (await series(live.http))["dmr_runner_load_failures_total"] == 1
    live.script.load_error = None
    live.script.answer = lambda request: [(Failed(ErrorInfo("runner_crashed", "died")),)]
    await live.http.post("/v1/chat/completions", json=CHAT)
    live.script.runners[-1].kill("for the test")
    while not (found := await series(live.http))["dmr_runner_crashes_total"]:
        pass
    assert (found["dmr_runner_loads_total"], found["dmr_runner_ready"]) == (1, 0)
    assert found["dmr_requests_total:failed"] == 2


async def test_switched_off(home: Path) -> None:
    async with live_in_process(home, Script(), disable_metrics=True) as live:
        response = await live.http.get("/metrics")
        assert (response.status_code, response.text) == (404, "404 page not found\n")


async def test_prometheus_itself_can_read_it(live: LiveInProcess) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    await live.http.post("/v1/chat/completions", json=CHAT)
    families = {
        family.name: family for family in parser.text_string_to_metric_families((await live.http.get("/metrics")).text)
    }
    assert families["dmr_requests"].type == "counter"
    assert families["dmr_time_to_first_token_seconds"].type == "histogram"
