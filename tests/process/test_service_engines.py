"""What ``/engines`` answers besides inference and configurations, in Docker Model Runner's words."""

import asyncio
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import EngineTuning
from tests.fakes.scripted_backend import Script
from tests.fixtures_service import LiveInProcess, live_in_process

MODEL = "dmr.local/demo"
CHAT: dict[str, JSON] = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}


async def test_status(live: LiveInProcess) -> None:
    response = await live.http.get("/engines/status")
    assert response.headers["content-type"] == "application/json"
    assert not response.text.endswith("\n")
    states = response.json()
    assert list(states) == ["diffusers", "llama.cpp", "mlx", "sglang", "vllm"]
    assert states["llama.cpp"].startswith("Running: llama.cpp ")
    assert {state for name, state in states.items() if name != "llama.cpp"} == {"Not Installed"}


@pytest.mark.parametrize(
    ("verb", "body", "status", "text"),
    [
        ("install", {"backend": "llama.cpp"}, 200, ""),
        ("install", {"backend": "llama.cpp", "version": "latest"}, 200, ""),
        (
            "install",
            {"backend": "vllm"},
            500,
            "backend installation failed: vllm is not supported, only llama.cpp is\n",
        ),
        ("install", {"backend": "nope"}, 404, "backend not found\n"),
        ("install", {"backend": ""}, 400, "invalid request: backend is required\n"),
        ("install", {}, 400, "invalid request: backend is required\n"),
        ("install", {"backend": 3}, 400, "invalid request\n"),
        ("install", [], 400, "invalid request\n"),
        ("uninstall", {"backend": "vllm"}, 200, ""),
        ("uninstall", {"backend": "llama.cpp"}, 500, "backend uninstall failed: llama.cpp is part of this program\n"),
        ("uninstall", {}, 400, "invalid request: backend is required\n"),
    ],
)
async def test_backends(live: LiveInProcess, verb: str, body: JSON, status: int, text: str) -> None:
    response = await live.http.post(f"/engines/{verb}-backend", json=body)
    assert (response.status_code, response.text) == (status, text)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/engines/status"),
        ("DELETE", "/engines/ps"),
        ("PUT", "/engines/df"),
        ("GET", "/engines/unload"),
        ("GET", "/engines/install-backend"),
        ("POST", "/engines/requests"),
        ("PUT", "/engines/_configure"),
        ("GET", "/engines/llama.cpp/_configure"),
        ("GET", "/engines/none"),
    ],
)
async def test_a_wrong_method_is_as_unknown_as_a_wrong_path(live: LiveInProcess, method: str, path: str) -> None:
    response = await live.http.request(method, path)
    assert (response.status_code, response.text) == (404, "not found\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/engines/status", "/engines/ps", "/engines/df", "/engines/requests", "/logs"])
async def test_what_can_be_got_can_be_asked_for_its_head(live: LiveInProcess, path: str) -> None:
    response = await live.http.head(path)
    assert (response.status_code, response.content) == (200, b"")


async def test_a_runner_in_use_is_neither_unloaded_nor_configured_anew(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
    await live.script.begun.get()
    for body in ({"all": True}, {"models": [MODEL]}):
        assert (await live.http.post("/engines/unload", json=body)).json() == {"unloaded_runners": 0}
    refused = await live.http.post("/engines/_configure", json={"model": MODEL, "context-size": 512})
    assert (refused.status_code, refused.text) == (409, "runner already active\n")
    (line,) = (await live.http.get("/engines/ps")).json()
    assert (line["in_use"], line["last_used"]) == (True, "0001-01-01T00:00:00Z")
    for _ in range(8):
        live.script.gate.release()
    assert (await request).status_code == 200


async def test_what_is_only_loaded_ahead_can_be_configured_anew(live: LiveInProcess) -> None:
    live.script.load_gate = asyncio.Event()
    for size in (1024, 2048, 4096):
        answer = await live.http.post("/engines/_configure", json={"model": MODEL, "context-size": size})
        assert answer.status_code == 202, answer.text
        assert (await live.script.launched.get()).config.context_size == size
    live.script.load_gate.set()
    assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200
    assert len(live.script.launches) == 3


@pytest.mark.parametrize("body", ['{"all": "yes"}', '{"models": "ai/x"}', '{"backend": 1}', "[]", "x"])
async def test_a_bad_unload(live: LiveInProcess, body: str) -> None:
    response = await live.http.post("/engines/unload", content=body)
    assert (response.status_code, response.text) == (400, "invalid request\n")


async def test_flags_that_hold_for_every_model(home: Path) -> None:
    flags = "--ctx-size 1024 --parallel 3 -ub 64 --temp 0.25 --reasoning-budget 9"
    async with live_in_process(home, Script(), llama_args=flags) as live:
        await live.http.post("/v1/chat/completions", json=CHAT)
        (launch,) = live.script.launches
        assert (launch.config.context_size, launch.config.num_sequences) == (1024, 3)
        assert launch.config.tuning == EngineTuning(ubatch_size=64)
        (request,) = live.script.requests
        assert (request.sampling.temperature, request.reasoning_budget) == (0.25, 9)
        body = {"model": MODEL, "runtime-flags": ["--temp", "1", "-b", "256"], "context-size": 512}
        await live.http.post("/engines/_configure", json=body)
        await live.http.post("/v1/chat/completions", json={**CHAT, "reasoning_budget": -1})
        launch, request = live.script.launches[-1], live.script.requests[-1]
        assert (launch.config.context_size, launch.config.num_sequences) == (512, 3)
        assert launch.config.tuning == EngineTuning(ubatch_size=64, batch_size=256)
        assert (request.sampling.temperature, request.reasoning_budget) == (1, None)
        await live.http.post("/engines/unload", json={"all": True})
        await live.http.post("/v1/chat/completions", json=CHAT)
        assert live.script.requests[-1].sampling.temperature == 0.25  # what was configured is forgotten


@pytest.mark.parametrize(
    ("flags", "named"), [("--model x", "--model"), ("--host=0.0.0.0", "--host"), ("--temp '", "quot")]
)
async def test_flags_that_keep_the_service_from_starting(home: Path, flags: str, named: str) -> None:
    with pytest.raises(DMRError, match=named):
        async with live_in_process(home, Script(), llama_args=flags):
            pass
