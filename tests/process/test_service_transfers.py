"""Transfers over the service's socket: Hugging Face in DMR's words, waiting, errors with a next step."""

import asyncio
import hashlib
import html
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.service import progress_answer, transfers
from tests.fakes import faulty_registry as faulty
from tests.fakes.fake_hub import FakeHub
from tests.fakes.faulty_registry import FaultyRegistry, on_blobs, on_manifests
from tests.fakes.gguf_files import TINY, gguf_bytes
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess

pytestmark = pytest.mark.slow
PAYLOAD = hashlib.shake_128(b"x").digest(1 << 20)
GGUF = gguf_bytes(TINY, [("a.weight", (32, (1 << 20) // 128), 0, 0)], data=PAYLOAD)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub({"Org/Model-GGUF": {"m-Q4_K_M.gguf": GGUF, "m-Q8_0.gguf": GGUF[:-1] + b"x"}}) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        yield found


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as found:
        yield found


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(html.unescape(line)) for line in text.splitlines()]


async def test_hugging_face(live: LiveInProcess, hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hub.tokens = {"hf_secret"}
    body = {"from": "hf.co/Org/Model-GGUF", "bearer-token": "hf_secret"}
    answer = await live.http.post("/models/create", json=body)
    assert answer.status_code == 200
    *progress, last = lines(answer.text)
    assert last["message"] == "Model pulled successfully"
    assert progress[0]["message"] == "Fetching file list..."
    assert progress[0]["layer"] == {"size": 0, "current": 0}
    assert [line["layer"]["current"] for line in progress if "id" in line["layer"]][-1] == len(GGUF)
    tags = [tag for model in (await live.http.get("/models")).json() for tag in model.get("tags", ())]
    assert "huggingface.co/org/model-gguf:latest" in tags
    again = await live.http.post("/models/create", json={"from": "hf.co/org/model-gguf"})
    assert lines(again.text)[-1]["message"].startswith("Using cached model: ")
    assert caplog.messages.count("pull of huggingface.co/org/model-gguf:latest: done") == 2


@pytest.mark.parametrize(
    ("reference", "status", "text"),
    [
        ("hf.co/Org/Model-GGUF:Q2_K", 400, "Org/Model-GGUF has no quantization Q2_K; it has: Q4_K_M, Q8_0\n"),
        ("hf.co/Org/Missing", 404, "Model not found\n"),
        ("hf.co/a/b/c", 400, "Invalid model reference\n"),
    ],
)
async def test_what_hugging_face_has_not(
    live: LiveInProcess, hub: FakeHub, reference: str, status: int, text: str
) -> None:
    answer = await live.http.post("/models/create", json={"from": reference})
    assert (answer.status_code, answer.text) == (status, text)


async def test_a_gated_model(live: LiveInProcess, hub: FakeHub) -> None:
    hub.tokens = {"hf_secret"}
    for token in ("", "hf_wrong"):
        answer = await live.http.post("/models/create", json={"from": "hf.co/Org/Model-GGUF", "bearer-token": token})
        assert (answer.status_code, answer.text) == (401, "Unauthorized\n")


async def test_a_third_pull_waits_and_says_so(live: LiveInProcess, registry: FaultyRegistry) -> None:
    for name in ("a", "b", "c"):
        registry.add_model(name, GGUF + name.encode())
    registry.faults.append(on_blobs(faulty.stall_after(1000)))
    create = lambda name: asyncio.create_task(  # noqa: E731
        live.http.post("/models/create", json={"from": f"{registry.host}/ai/x:{name}"})
    )
    first = [create("a"), create("b")]
    await until(lambda: len(registry.requests_for("/blobs/")) >= 2)
    async with live.http.stream("POST", "/models/create", json={"from": f"{registry.host}/ai/x:c"}) as third:
        received = third.aiter_lines()
        assert lines(await anext(received))[0]["message"] == "Waiting: 2 other pulls are under way"
        assert not registry.requests_for("/manifests/c")
        registry.faults.clear()
        for task in first:
            task.cancel()
        last = [line async for line in received][-1]
    assert lines(last)[0]["message"] == "Model pulled successfully"


async def test_a_pull_that_stands_still_says_so(
    live: LiveInProcess, registry: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_answer, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(transfers, "RATE_SECONDS", 0.5)
    large = gguf_bytes(TINY, [("a.weight", (32, (8 << 20) // 128), 0, 0)], data=8 * PAYLOAD)
    registry.add_model("a", large)
    registry.faults.append(on_blobs(faulty.stall_after(4 << 20), only=large))
    headers = {"accept": "application/json"}
    body = {"from": f"{registry.host}/ai/x:a"}
    async with live.http.stream("POST", "/models/create", json=body, headers=headers) as answer:
        received = answer.aiter_lines()
        seen: list[int] = []
        async for line in received:
            seen += [found["layer"]["current"] for found in lines(line) if found["layer"].get("id")]
            if seen[-4:].count(seen[-1]) == 4 and seen[-1] > 0:
                break
        await asyncio.sleep(0.8)
        (status,) = live.service.pulls.statuses()
        assert (status.current_bytes, status.bytes_per_second) == (seen[-1], 0.0)
        registry.faults.clear()


async def test_a_rate_limit_comes_with_its_next_step(live: LiveInProcess, registry: FaultyRegistry) -> None:
    registry.faults.append(on_manifests(faulty.status(429, {"Retry-After": "900"})))
    answer = await live.http.post("/models/create", json={"from": f"{registry.host}/ai/x"})
    assert answer.status_code == 500
    assert answer.text == (
        f"the rate limit of {registry.host} is reached: "
        f"wait 900 seconds, or log in for a higher limit: docker login {registry.host}\n"
    )


async def test_a_full_disk_is_named_before_anything_is_fetched(live: LiveInProcess, registry: FaultyRegistry) -> None:
    manifest = json.loads(registry.add_model("huge", GGUF))
    manifest["layers"][0]["size"] = 10 << 50
    registry.add("huge", json.dumps(manifest).encode())
    answer = await live.http.post("/models/create", json={"from": f"{registry.host}/ai/x:huge"})
    assert answer.status_code == 507
    assert "10,737,418,240 MiB more needed" in answer.text
    assert "MiB free: free some space" in answer.text


async def test_a_purge_waits_for_transfers(live: LiveInProcess, registry: FaultyRegistry) -> None:
    registry.add_model("v1", GGUF)
    registry.faults.append(on_blobs(faulty.stall_after(1000)))
    pull = asyncio.create_task(live.http.post("/models/create", json={"from": f"{registry.host}/ai/x:v1"}))
    await until(lambda: bool(registry.requests_for("/blobs/")))
    refused = await live.http.delete("/models/purge")
    assert (refused.status_code, f"{registry.host}/ai/x:v1 is being transferred" in refused.text) == (409, True)
    assert len((await live.http.get("/models")).json()) == 1
    pull.cancel()
    await asyncio.gather(pull, return_exceptions=True)
    await until(lambda: not live.service.pulls.statuses())
    assert (await live.http.delete("/models/purge")).status_code == 200
