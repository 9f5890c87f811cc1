"""The management routes of the running service, in Docker Model Runner's words."""

import asyncio
import html
import json
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.client.client import Client
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.settings import asset
from tests.fakes.scripted_backend import Script
from tests.fixtures_service import LiveInProcess, live_in_process

DEMO = "dmr.local/demo:latest"
CHAT = {"model": DEMO, "messages": [{"role": "user", "content": "hi"}]}


# ---- models ----------------------------------------------------------------------------------


async def test_list_and_inspect_by_every_name(live: LiveInProcess) -> None:
    response = await live.http.get("/models")
    assert response.headers["content-type"] == "application/json"
    assert response.content.endswith(b"\n")
    assert b"<" not in response.content  # the chat template has some: they are escaped as Go does
    (model,) = response.json()
    assert model["tags"] == [DEMO]
    short = model["id"].removeprefix("sha256:")[:12]
    for name in (DEMO, "dmr.local/demo", "dmr.local%2Fdemo", model["id"], short, "demo"):
        assert (await live.http.get(f"/models/{name}")).json()["id"] == model["id"]
    assert (await live.http.head("/models")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/models/ai/none", 404, "model not found\n"),
        ("GET", "/models/", 404, "model not found\n"),
        ("GET", "/models/create", 404, "model not found\n"),
        ("GET", "/v1/models/ai/none", 404, None),
        ("PATCH", "/models", 404, "not found\n"),
        ("PUT", "/models/x", 404, "not found\n"),
        ("POST", "/engines/ps", 404, "not found\n"),
        ("GET", "/engines/unload", 404, "not found\n"),
        ("GET", "/engines/llama.cpp/_configure", 404, "not found\n"),
        ("GET", "/engines/nothing/here", 404, "not found\n"),
        ("POST", "/models/ai/x/zap", 404, 'unknown action "zap"\n'),
        ("POST", "/models/ai/x/tag", 400, "missing repo or tag query parameter\n"),
        ("POST", "/models/ai/none/tag?repo=a&tag=b", 404, "model not found\n"),
        ("DELETE", "/models/ai/none", 404, "error while deleting model: model not found\n"),
        ("GET", "/nothing", 404, "404 page not found\n"),
        ("POST", "/nothing", 404, "404 page not found\n"),
        ("GET", "/models/ai%0d%0a/x", 400, "the address holds control characters\n"),
        ("DELETE", "/models/ai/x%00", 400, "the address holds control characters\n"),
        ("DELETE", "/settings", 405, "Method Not Allowed\n"),
        ("POST", "/api/tags", 405, '{"error":"Method Not Allowed"}'),
        (
            "POST",
            "/v1/models",
            405,
            '{"error":{"message":"Method Not Allowed","type":"invalid_request_error","param":null,"code":null}}',
        ),
        ("POST", "/engines/nope/_configure", 404, "backend not found\n"),
        (
            "GET",
            "/engines/llama.cpp/v1/",
            404,
            "not found: this is a base URL, and right as one: models are listed at /engines/llama.cpp/v1/models\n",
        ),
    ],
)
async def test_refusals(live: LiveInProcess, method: str, path: str, status: int, text: str | None) -> None:
    response = await live.http.request(method, path)
    assert response.status_code == status
    assert ("allow" in response.headers) == (status == 405)
    if text is not None:
        assert response.text == text
        if text.startswith("{"):
            assert response.headers["content-type"] == "application/json"
        else:
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/models"), ("DELETE", "/models"), ("GET", "/engines"), ("GET", "/v1")]
)
async def test_bare_prefixes_redirect(live: LiveInProcess, method: str, path: str) -> None:
    response = await live.http.request(method, path)
    assert (response.status_code, response.headers["location"]) == (301, f"{path}/")


async def test_the_root_and_dockers_prefix(live: LiveInProcess) -> None:
    assert (await live.http.get("/")).text == "Docker Model Runner is running"
    assert "version" in (await live.http.get("/exp/vDD4.40/version")).json()
    assert len((await live.http.get("/exp/vDD4.40/engines/v1/models")).json()["data"]) == 1


async def test_health_checks_are_answered_and_load_nothing(live: LiveInProcess) -> None:
    response = await live.http.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert (await live.http.get("/engines/ps")).json() == []


async def test_tagging_and_untagging(live: LiveInProcess) -> None:
    response = await live.http.post(f"/models/{DEMO}/tag", params={"repo": "docker.io/ai/copy", "tag": "v1"})
    assert (response.status_code, response.json()) == (
        201,
        {"message": 'Model tagged successfully with "docker.io/ai/copy:v1"', "target": "docker.io/ai/copy:v1"},
    )
    (model,) = (await live.http.get("/models")).json()
    assert model["tags"] == [DEMO, "docker.io/ai/copy:v1"]
    refused = await live.http.delete(f"/models/{model['id']}")
    assert refused.status_code == 409
    assert refused.text.startswith("error while deleting model: unable to delete")
    assert (await live.http.delete("/models/ai/copy:v1")).json() == [{"Untagged": "docker.io/ai/copy:v1"}]
    assert (await live.http.delete(f"/models/{DEMO}")).json() == [{"Untagged": DEMO}, {"Deleted": model["id"]}]
    assert (await live.http.get("/models")).content == b"[]\n"


async def test_a_model_in_use_is_deleted_only_by_force(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
    await live.script.begun.get()
    refused = await live.http.delete(f"/models/{DEMO}")
    assert refused.status_code == 409
    assert "1 requests use it" in refused.text
    with Client(UnixEndpoint(live.settings.socket_path)) as client, pytest.raises(Conflict) as caught:
        await asyncio.to_thread(client.remove, DEMO)
    assert caught.value.hint == "wait for them, or delete with force", "Docker's plain text has no room for it"
    assert (await live.http.delete(f"/models/{DEMO}?force")).status_code == 200
    assert (await request).status_code == 500
    assert live.service.loader.statuses() == []


async def test_a_tag_among_others_goes_without_harm_to_requests_even_by_force(live: LiveInProcess) -> None:
    await live.http.post(f"/models/{DEMO}/tag?repo=ai/copy&tag=v1")
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
    await live.script.begun.get()
    answer = await live.http.delete("/models/ai/copy:v1?force=true")
    assert answer.json() == [{"Untagged": "docker.io/ai/copy:v1"}]
    for _ in range(9):
        live.script.gate.release()
    assert (await request).status_code == 200


async def test_a_model_that_is_asked_for_while_it_is_deleted_leaves_no_runner(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    remove = live.service.catalog.remove

    async def slowly(reference: str, *, force: bool) -> Any:
        assert live.service.loader.statuses() == []
        assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200
        return await remove(reference, force=force)

    monkeypatch.setattr(live.service.catalog, "remove", slowly)
    assert (await live.http.delete(f"/models/{DEMO}")).status_code == 200
    assert live.service.loader.statuses() == []


async def test_deleting_an_idle_model_unloads_it(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    assert len((await live.http.get("/engines/ps")).json()) == 1
    assert (await live.http.delete(f"/models/{DEMO}")).status_code == 200
    assert (await live.http.get("/engines/ps")).json() == []


async def test_packaging_a_file(live: LiveInProcess) -> None:
    body = {"gguf": str(asset("demo/demo.gguf")), "target": "ai/mine:q8", "context_size": 512}
    response = await live.http.post("/models/package", json=body)
    assert response.status_code == 201
    assert response.json()["tags"] == ["docker.io/ai/mine:q8"]
    assert response.json()["config"]["context_size"] == 512
    assert len((await live.http.get("/v1/models")).json()["data"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"gguf": "relative.gguf", "target": "x"},
        {"gguf": "/x.gguf"},
        {"gguf": "/x.gguf", "target": "x", "context_size": 0},
        {"gguf": 3, "target": "x"},
        {"gguf": "/x.gguf", "target": "../x"},
    ],
)
async def test_bad_packaging_requests(live: LiveInProcess, body: dict[str, object]) -> None:
    assert (await live.http.post("/models/package", json=body)).status_code == 400


# ---- pull ------------------------------------------------------------------------------------


async def test_the_demo_comes_back_without_a_network(live: LiveInProcess) -> None:
    await live.http.delete(f"/models/{DEMO}")
    response = await live.http.post(
        "/models/create", json={"from": "dmr.local/demo"}, headers={"Accept": "application/json"}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert lines[-1] == {
        "type": "success",
        "message": "Model pulled successfully",
        "total": 0,
        "layer": {"size": 0, "current": 0},
        "mode": "pull",
    }
    assert (await live.http.get(f"/models/{DEMO}")).status_code == 200


async def test_without_accept_the_lines_are_html_escaped(live: LiveInProcess) -> None:
    response = await live.http.post("/models/create", json={"from": "dmr.local/demo"})
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["cache-control"] == "no-cache"
    last = response.text.splitlines()[-1]
    assert last.startswith("{&#34;type&#34;:&#34;success&#34;")
    assert json.loads(html.unescape(last))["type"] == "success"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"from": "../x"}, 400, "Invalid model reference\n"),
        ({"from": ""}, 400, "Invalid model reference\n"),
        ({}, 400, "Invalid model reference\n"),
        ({"from": 5}, 400, "invalid request body\n"),
        ({"from": "ai/x", "bearer-token": ["a"]}, 400, "invalid request body\n"),
        ({"from": "dmr.local/other"}, 404, "Model not found\n"),
    ],
)
async def test_pulls_that_cannot_be(live: LiveInProcess, body: dict[str, object], status: int, text: str) -> None:
    response = await live.http.post("/models/create", json=body)
    assert (response.status_code, response.text) == (status, text)


async def test_a_removed_demo_stays_removed_over_a_restart(home: Path) -> None:
    async with live_in_process(home, Script()) as live:
        await live.http.delete(f"/models/{DEMO}")
    async with live_in_process(home, Script()) as live:
        assert (await live.http.get("/models")).json() == []


# ---- engines ---------------------------------------------------------------------------------


async def test_ps_and_unload(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)
    await live.http.post("/v1/embeddings", json={"model": "dmr.local/demo", "input": "x"})
    first, second = (await live.http.get("/engines/ps")).json()
    assert (first["backend_name"], first["model_name"], first["mode"]) == ("llama.cpp", DEMO, "completion")
    assert (second["model_name"], second["mode"]) == ("dmr.local/demo", "embedding")
    assert not first["last_used"].startswith("0001")
    for body, count in (
        ({"models": ["ai/none"]}, 0),
        ({"models": [DEMO], "backend": "vllm"}, 0),
        ({"models": [DEMO], "backend": ""}, 2),
        ({"all": True}, 0),
    ):
        assert (await live.http.post("/engines/unload", json=body)).json() == {"unloaded_runners": count}


async def test_ps_while_loading_and_in_use(live: LiveInProcess) -> None:
    live.script.load_gate = asyncio.Event()
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
    await live.script.launched.get()
    (line,) = (await live.http.get("/engines/ps")).json()
    assert (line["loading"], line["last_used"]) == (True, "0001-01-01T00:00:00Z")
    live.script.load_gate.set()
    await live.script.begun.get()
    (line,) = (await live.http.get("/engines/ps")).json()
    assert (line["in_use"], line["last_used"]) == (True, "0001-01-01T00:00:00Z")
    assert (await live.http.post("/engines/unload", json={"models": [DEMO]})).json() == {"unloaded_runners": 0}
    configured = await live.http.post("/engines/_configure", json={"model": DEMO, "context-size": 64})
    assert (configured.status_code, configured.text) == (409, "runner already active\n")
    for _ in range(4):
        live.script.gate.release()
    assert (await request).status_code == 200


async def test_configure_is_shown_as_it_was_written(live: LiveInProcess) -> None:
    body = {"model": "dmr.local/demo", "context-size": 512, "keep_alive": "10m", "raw-runtime-flags": "--temp 0.5"}
    assert (await live.http.post("/engines/llama.cpp/_configure", json=body)).status_code == 202
    for query in ("", "?model=dmr.local/demo"):
        (shown,) = (await live.http.get(f"/engines/_configure{query}")).json()
        assert shown["Model"] == DEMO
        assert (shown["Backend"], shown["Mode"]) == ("llama.cpp", "completion")
        assert shown["Config"] == {"context-size": 512, "runtime-flags": ["--temp", "0.5"], "keep_alive": "10m0s"}
    assert (await live.http.get("/engines/_configure?model=ai/none")).json() == []
    await live.http.post("/v1/chat/completions", json=CHAT)
    assert (await live.http.get("/engines/ps")).json()[0]["keep_alive"] == "10m0s"
    await live.http.post("/engines/unload", json={"all": True})
    assert (await live.http.get("/engines/_configure")).json() == []


async def test_configuring_an_unknown_model_is_accepted(live: LiveInProcess) -> None:
    assert (await live.http.post("/engines/_configure", json={"model": "ai/none"})).status_code == 202


async def test_configure_loads_ahead_in_the_configured_mode(live: LiveInProcess) -> None:
    await live.http.post("/engines/_configure", json={"model": DEMO, "mode": "embedding"})
    assert (await live.script.launched.get()).mode.value == "embedding"


async def test_status_and_disk_usage(live: LiveInProcess) -> None:
    assert (await live.http.get("/engines/status")).json()["llama.cpp"].startswith("Running")
    usage = (await live.http.get("/engines/df")).json()
    assert usage["models_disk_usage"] >= asset("demo/demo.gguf").stat().st_size
