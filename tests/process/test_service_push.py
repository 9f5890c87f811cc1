"""``POST /models/{name}/push`` over the service's socket, to docker-registry and to one that misbehaves."""

import asyncio
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.protocol.models import DEMO_REFERENCE
from tests.fakes import faulty_registry as faulty
from tests.fakes.faulty_registry import FaultyRegistry
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess
from tests.real_registry import Registry, copy, needs_registry

pytestmark = pytest.mark.slow


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nothing"))
    with FaultyRegistry() as found:
        yield found


def tag_demo(live: LiveInProcess, name: str) -> str:
    """The id of the model that has got another name."""
    live.service.catalog._store.tag(DEMO_REFERENCE, name)
    return live.service.catalog._store.get(name).id


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(html.unescape(line)) for line in text.splitlines()]


@needs_registry
async def test_a_push(live: LiveInProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nothing"))
    with Registry(tmp_path / "registry") as registry:
        model_id = tag_demo(live, f"{registry.host}/me/demo:1")
        answer = await live.http.post(f"/models/{registry.host}/me/demo:1/push")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        *progress, last = lines(answer.text)
        assert {(line["type"], line["mode"]) for line in progress} == {("progress", "push")}
        assert {line["total"] == line["layer"]["size"] for line in progress} == {True}
        assert last == {
            "type": "success",
            "message": "Model pushed successfully",
            "total": 0,
            "layer": {"size": 0, "current": 0},
            "mode": "push",
        }
        assert copy(f"{registry.host}/me/demo:1", tmp_path / "copy") == model_id

        again = await live.http.post(f"/models/{registry.host}/me/demo:1/push", headers={"accept": "application/json"})
        assert again.headers["content-type"] == "application/json"
        assert json.loads(again.text.splitlines()[-1])["type"] == "success"


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [(401, 401, "Unauthorized\n"), (403, 401, "Unauthorized\n"), (500, 500, "problem of its own"), (405, 500, "allow")],
)
async def test_refusals_of_a_registry(
    live: LiveInProcess, registry: FaultyRegistry, code: int, status: int, text: str
) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="x"'} if code == 401 else {}

    def refuse(exchange: faulty.Exchange) -> bool:
        exchange.answer(code, b"<html>secret inside</html>", headers)
        return True

    registry.faults.append(refuse)
    tag_demo(live, f"{registry.host}/me/demo")
    answer = await live.http.post(f"/models/{registry.host}/me/demo/push")
    assert answer.status_code == status
    assert text in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("name", "body", "status", "text"),
    [
        ("ai/nothing", b"", 404, "Model not found\n"),
        ("a/-b", b"", 400, "Invalid model reference\n"),
        ("ai/x", b"{", 400, "invalid request body\n"),
        ("ai/x", b"[]", 400, "invalid request body\n"),
        ("ai/x", b'{"bearer-token": 5}', 400, "invalid request body\n"),
        (DEMO_REFERENCE, b"", 400, "models cannot be pushed to dmr.local"),
    ],
)
async def test_requests_that_cannot_be_done(
    live: LiveInProcess, name: str, body: bytes, status: int, text: str
) -> None:
    answer = await live.http.post(f"/models/{name}/push", content=body)
    assert (answer.status_code, answer.text.startswith(text)) == (status, True), answer.text


async def test_a_client_that_leaves_cancels_it(live: LiveInProcess, registry: FaultyRegistry) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def never(exchange: faulty.Exchange) -> bool:
        loop.call_soon_threadsafe(asked.set)
        exchange.registry.stopping.wait(30)
        return True

    registry.faults.append(never)
    tag_demo(live, f"{registry.host}/me/demo")
    pushing = asyncio.create_task(live.http.post(f"/models/{registry.host}/me/demo/push"))
    await asyncio.wait_for(asked.wait(), 10)
    pushing.cancel()
    await until(lambda: not live.service.pushes.statuses())
