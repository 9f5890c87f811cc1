"""Models in and out of the running service without a registry, and the upkeep of its store."""

import asyncio
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from dmr_desktop.service import guard
from dmr_desktop.service.disk_use import engine_bytes
from dmr_desktop.settings import asset
from tests.fakes.faulty_registry import FaultyRegistry, descriptor
from tests.fakes.gguf_files import STR, gguf_bytes
from tests.fakes.until import until
from tests.fixtures_live import LiveService
from tests.fixtures_service import LiveInProcess
from tests.real_registry import Registry, export, needs_registry, push

DEMO = "dmr.local/demo:latest"
CHAT = {"model": DEMO, "messages": [{"role": "user", "content": "hi"}]}


# ---- export and load -------------------------------------------------------------------------


async def test_a_round_trip(live: LiveInProcess) -> None:
    response = await live.http.get(f"/models/{DEMO}/export")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-tar"
    assert response.headers["content-disposition"] == f'attachment; filename="{DEMO}.tar"'
    assert int(response.headers["content-length"]) == len(response.content)
    (before,) = (await live.http.get("/models")).json()
    await live.http.delete(f"/models/{DEMO}")
    loaded = await live.http.post("/models/load", content=response.content, headers={"accept": "text/html"})
    assert loaded.status_code == 200
    assert loaded.content == (
        b'{"type":"success","message":"Model loaded successfully","total":0,'
        b'"layer":{"size":0,"current":0},"mode":"pull"}\n'
    )
    (after,) = (await live.http.get("/models")).json()
    assert after == {key: value for key, value in before.items() if key != "tags"}
    tagged = await live.http.post(f"/models/{after['id']}/tag", params={"repo": "ai/back", "tag": "v1"})
    assert tagged.status_code == 201
    again = await live.http.get("/models/ai/back:v1/export")
    assert again.content == response.content


def archive_of(config: bytes) -> bytes:
    """A loadable archive of the demo model's weights with another config."""
    weights = asset("demo/demo.gguf").read_bytes()
    config_type = "application/vnd.docker.ai.model.config.v0.1+json"
    digests = {name: f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in (("c", config), ("w", weights))}
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": config_type, "digest": digests["c"], "size": len(config)},
        "layers": [
            {"mediaType": "application/vnd.docker.ai.gguf.v3", "digest": digests["w"], "size": len(weights)},
        ],
    }
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, data in (
            (digests["w"], weights),
            (digests["c"], config),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(f"blobs/{name.replace(':', '/')}" if ":" in name else name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()


@pytest.mark.parametrize(
    ("config", "is_taken"),
    [
        (rb'{"config":{"format":"gguf","quantization":"\ud800"}}', False),
        (rb'{"config":{"format":"gguf","gguf":{"\udfff":"x"}}}', False),
        (b'{"config":{"gguf":{"llama.context_length":"' + b"9" * 30 + b'"}}}', True),
        (b'{"config":{"gguf":{"llama.context_length":"' + b"9" * 5000 + b'"}}}', True),
        (b'{"config":{},"descriptor":{"created":"9999-12-31T23:59:59-12:00"}}', True),
    ],
)
async def test_what_one_model_says_of_itself_hides_no_other(live: LiveInProcess, config: bytes, is_taken: bool) -> None:
    loaded = await live.http.post("/models/load", content=archive_of(config))
    assert (loaded.status_code == 200) is is_taken
    for path in ("/models", "/v1/models", "/api/tags", "/anthropic/v1/models"):
        listed = await live.http.get(path)
        assert (listed.status_code, DEMO in listed.text) == (200, True)
    async with live.http.stream("GET", "/events") as events:
        assert (await anext(events.aiter_lines())) == "event: snapshot"


async def test_heads_and_refusals_of_export(live: LiveInProcess) -> None:
    head = await live.http.head("/models/dmr.local/demo/export")
    assert int(head.headers["content-length"]) > asset("demo/demo.gguf").stat().st_size
    missing = await live.http.get("/models/ai/none/export")
    assert (missing.status_code, missing.text) == (404, "get model '\"ai/none\"': model not found\n")
    assert (await live.http.get("/models/demo/export")).status_code == 404  # no partial names here
    assert (await live.http.head("/models/dmr.local/demo%E3%80%80/export")).headers == head.headers  # blanks fall away
    assert (await live.http.get("/models/a%0d%0ab/export")).status_code in (400, 404)
    assert (await live.http.get("/models/a%00b/export")).status_code == 400
    assert (await live.http.post(f"/models/{DEMO}/export")).text == 'unknown action "export"\n'


async def test_a_model_that_lost_a_layer_is_not_exported_by_half(live: LiveInProcess) -> None:
    blobs = live.settings.models_path / "blobs" / "sha256"
    max(blobs.iterdir(), key=lambda path: path.stat().st_size).unlink()
    refused = await live.http.get(f"/models/{DEMO}/export")
    assert refused.status_code == 500
    assert refused.text.startswith("a file of the model is missing: sha256:")


async def test_the_oci_layout(live: LiveInProcess) -> None:
    response = await live.http.get(f"/models/{DEMO}/export?oci")
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        assert {"oci-layout", "index.json", "manifest.json"} <= set(archive.getnames())


async def test_a_large_body_is_taken_but_an_endless_other_one_is_not(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (await live.http.get(f"/models/{DEMO}/export")).content
    monkeypatch.setattr(guard, "MAX_BODY_BYTES", 1000)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.0)
    assert (await live.http.post("/models/load", content=data)).status_code == 200

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1 << 16):
            yield data[start : start + (1 << 16)]

    assert (await live.http.post("/models/load", content=pieces())).status_code == 200
    assert (await live.http.post("/models/create", content=data)).status_code in (408, 413)


async def test_bad_archives(live: LiveInProcess) -> None:
    data = (await live.http.get(f"/models/{DEMO}/export")).content
    await live.http.delete(f"/models/{DEMO}")
    await live.http.get("/models")
    before = (await live.http.get("/engines/df")).json()
    for bad, reason in (
        (b"", "manifest not found"),
        (b"x" * 10_000, "not a tar archive"),
        (data[:-5000], "too early"),
        (data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], "damaged"),
    ):
        answer = await live.http.post("/models/load", content=bad)
        assert answer.status_code == 500
        assert answer.text.startswith("error while loading model: ")
        assert reason in answer.text
    assert (await live.http.get("/engines/df")).json() == before
    assert (await live.http.post("/models/load", content=data)).status_code == 200


async def test_a_client_that_leaves_in_the_middle_of_a_load(live: LiveInProcess) -> None:
    data = (await live.http.get(f"/models/{DEMO}/export")).content
    await live.http.delete(f"/models/{DEMO}")
    _, writer = await asyncio.open_unix_connection(str(live.settings.socket_path))
    writer.write(b"POST /models/load HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data))
    writer.write(data[: len(data) // 2])
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await writer.wait_closed()
    assert (await live.http.get("/models")).json() == []
    # Its thread is free again, four times over.
    loads = [live.http.post("/models/load", content=data) for _ in range(5)]
    assert [answer.status_code for answer in await asyncio.gather(*loads)] == [200] * 5


# ---- package and repackage -------------------------------------------------------------------


async def test_repackaging(live: LiveInProcess) -> None:
    response = await live.http.post(f"/models/{DEMO}/repackage", json={"target": "ai/small", "context_size": 128})
    assert (response.status_code, response.json()) == (
        201,
        {"message": 'Model repackaged successfully as "ai/small"', "source": DEMO, "target": "ai/small"},
    )
    assert (await live.http.get("/models/ai/small")).json()["config"]["context_size"] == 128
    chat = await live.http.post("/v1/chat/completions", json={**CHAT, "model": "ai/small"})
    assert chat.status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "invalid request body: "),
        (b"[]", 400, "invalid request body: "),
        (b'{"target":5}', 400, "invalid request body: "),
        (b"{}", 400, "target is required\n"),
        (b'{"target":"x","context_size":-1}', 400, "invalid request body: "),
        (b'{"target":"../x"}', 400, "invalid model reference"),
    ],
)
async def test_repackaging_refuses(live: LiveInProcess, body: bytes, status: int, text: str) -> None:
    response = await live.http.post(f"/models/{DEMO}/repackage", content=body)
    assert response.status_code == status
    assert response.text.startswith(text)
    missing = await live.http.post("/models/ai/none/repackage", json={"target": "x"})
    assert (missing.status_code, missing.text) == (404, "get model '\"ai/none\"': model not found\n")


async def test_packaging_everything(live: LiveInProcess, tmp_path: Path) -> None:
    projector, template, terms = tmp_path / "p.gguf", tmp_path / "t.jinja", tmp_path / "LICENSE"
    projector.write_bytes(gguf_bytes({"general.architecture": (STR, "clip")}))
    template.write_text("{{ x }}")
    terms.write_text("mine")
    body = {
        "gguf": str(asset("demo/demo.gguf")),
        "target": "ai/full",
        "mmproj": str(projector),
        "chat_template": str(template),
        "licenses": [str(terms)],
        "context_size": 300,
    }
    response = await live.http.post("/models/package", json=body)
    assert response.status_code == 201, response.text
    manifest = live.settings.models_path / "manifests" / "sha256" / response.json()["id"][7:]
    kinds = [layer["mediaType"].rpartition("ai.")[2] for layer in json.loads(manifest.read_bytes())["layers"]]
    assert kinds == ["gguf.v3", "license", "mmproj", "chat.template.jinja"]
    for change in ({"licenses": "x"}, {"licenses": ["relative"]}, {"mmproj": 5}, {"safetensors_dir": "/tmp"}):
        assert (await live.http.post("/models/package", json={**body, **change})).status_code == 400


async def test_packaging_ends_with_its_client_and_leaves_nothing(live: LiveInProcess, tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    head = gguf_bytes(tensors=[("token_embd.weight", (1024, 2_000_000), 0, 0)], data=b"")
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 1024 * 2_000_000 * 4)
    blobs = live.settings.models_path / "blobs"
    before = set(blobs.rglob("*"))
    asking = asyncio.create_task(live.http.post("/models/package", json={"gguf": str(path), "target": "ai/large"}))

    def copying() -> set[Path]:
        return {found for found in set(blobs.rglob("*")) - before if found.exists()}

    await until(lambda: any(found.stat().st_size > 20_000_000 for found in copying()))
    asking.cancel()
    began = time.monotonic()
    await until(lambda: not copying())
    assert time.monotonic() - began < 3, "8 GB are not copied to their end"
    assert [model["tags"] for model in (await live.http.get("/models")).json()] == [[DEMO]]


async def test_packaging_a_folder(live: LiveInProcess, tmp_path: Path) -> None:
    folder = tmp_path / "qwen"
    folder.mkdir()
    header = b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    response = await live.http.post("/models/package", json={"safetensors_dir": str(folder), "target": "q"})
    assert response.status_code == 201, response.text
    assert response.json()["config"]["format"] == "safetensors"
    assert len((await live.http.get("/models")).json()) == 2
    chat = await live.http.post("/v1/chat/completions", json={**CHAT, "model": "q"})
    assert chat.status_code == 422
    assert "GGUF" in chat.text
    assert (await live.http.delete("/models/q")).status_code == 200


async def test_files_are_packaged_over_the_unix_socket_only(live: LiveInProcess) -> None:
    port = await live.open_tcp()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        response = await http.post("/models/package", json={"gguf": "/etc/passwd", "target": "x"})
    assert response.status_code == 403


# ---- remote ----------------------------------------------------------------------------------


async def test_a_page_cannot_make_the_service_connect_anywhere(live: LiveInProcess) -> None:
    port = await live.open_tcp()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for headers in ({"Origin": f"http://127.0.0.1:{port}"}, {"Sec-Fetch-Site": "same-origin"}):
            refused = await http.get("/models/127.0.0.1:9/x?remote=true", headers=headers)
            assert refused.status_code == 403
    for path in ("..%2fx?remote", "http:%2f%2fx?remote=1", "169.254.169.254/x?remote=t"):
        assert (await live.http.get(f"/models/{path}")).status_code == 400
    unreachable = await live.http.get("/models/dmr.local/nothing?remote=true")
    assert unreachable.status_code in (404, 500)
    assert unreachable.text.startswith("error while getting remote model: ")


# ---- upkeep ----------------------------------------------------------------------------------


def blobs(live: LiveInProcess) -> list[Path]:
    """Largest last."""
    return sorted((live.settings.models_path / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


async def verify(live: LiveInProcess, **body: bool) -> list[dict[str, object]]:
    response = await live.http.post("/models/verify", json=body) if body else await live.http.post("/models/verify")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return [json.loads(line) for line in response.text.splitlines()]


async def test_verifying(live: LiveInProcess) -> None:
    lines = await verify(live)
    assert lines[-1] | {"bytes": 0} == {
        "type": "success",
        "message": "1 model in 3 files: all is sound",
        "models": 1,
        "files": 3,
        "bytes": 0,
        "damaged": 0,
    }
    assert lines[-2] == {"type": "progress", "current": lines[-1]["bytes"], "total": lines[-1]["bytes"]}
    weights = blobs(live)[-1]
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    damage, result = (await verify(live, remove=True))[-2:]
    assert damage == {
        "type": "damage",
        "kind": "blob",
        "digest": f"sha256:{weights.name}",
        "problem": "does not have the content its name says",
        "models": [DEMO],
        "removed": True,
    }
    assert (result["type"], result["damaged"]) == ("error", 1)
    assert not weights.exists()
    chat = await live.http.post("/v1/chat/completions", json=CHAT)
    assert chat.status_code == 500
    assert (await live.http.post("/models/create", json={"from": DEMO})).status_code == 200
    assert (await verify(live))[-1]["damaged"] == 0
    assert (await live.http.post("/v1/chat/completions", json=CHAT)).status_code == 200


async def test_a_model_with_a_damaged_manifest_can_be_removed(live: LiveInProcess) -> None:
    (model,) = (await live.http.get("/models")).json()
    manifest = live.settings.models_path / "manifests" / "sha256" / model["id"][7:]
    await live.http.post(f"/models/{DEMO}/repackage", json={"target": "ai/other", "context_size": 99})
    manifest.write_bytes(b"rubbish")
    live.service.catalog.changed()
    assert (await live.http.post(f"/models/{DEMO}/tag", params={"repo": "ai/more", "tag": "1"})).status_code == 201
    assert (await live.http.delete("/models/ai/more:1")).json() == [{"Untagged": "docker.io/ai/more:1"}]
    assert (await live.http.delete(f"/models/{model['id'][7:19]}")).json() == [
        {"Untagged": DEMO},
        {"Deleted": model["id"]},
    ]
    assert not manifest.exists()
    assert [each["tags"] for each in (await live.http.get("/models")).json()] == [["docker.io/ai/other:latest"]]


async def test_pruning(live: LiveInProcess) -> None:
    stale = live.settings.models_path / "blobs" / "sha256" / ("0" * 64 + ".incomplete")
    stale.write_bytes(b"x" * 100)
    answer = (await live.http.post("/models/prune", json={"dry_run": True, "older_than_hours": 2})).json()
    assert answer == {"leftovers": [], "bytes": 0, "transfer_under_way": True, "dry_run": True}
    for bad in ({"dry_run": "yes"}, {"older_than_hours": -1}, {"older_than_hours": "x"}):
        assert (await live.http.post("/models/prune", json=bad)).status_code == 400
    assert (await live.http.post("/models/prune")).status_code == 200
    assert stale.exists()


async def test_purging(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/v1/chat/completions", json=CHAT))
    await live.script.begun.get()
    refused = await live.http.delete("/models/purge")
    assert (refused.status_code, "1 requests use models" in refused.text) == (409, True)
    live.script.gate.release()
    for _ in range(1000):
        live.script.gate.release()
    await request
    done = await live.http.delete("/models/purge")
    assert (done.status_code, done.content) == (200, b"")
    assert (await live.http.get("/models")).content == b"[]\n"
    assert live.service.loader.statuses() == []
    (live.settings.models_path / "layout.json").unlink()
    refused = await live.http.delete("/models/purge")
    assert refused.status_code == 500
    assert refused.text.startswith("refusing to reset: directory ")


async def test_disk_use_counts_a_file_once(live: LiveInProcess) -> None:
    await live.http.post("/v1/chat/completions", json=CHAT)  # makes the bundle of hard links
    answer = (await live.http.get("/engines/df")).json()
    assert answer["default_backend_disk_usage"] == engine_bytes()
    du = ("du", "--apparent-size", "--bytes", "--summarize", str(live.settings.models_path))
    process = await asyncio.create_subprocess_exec(*du, stdout=asyncio.subprocess.PIPE)
    total, _ = await process.communicate()
    folders = sum(os.stat(here).st_size for here, _, _ in os.walk(live.settings.models_path))
    assert answer["models_disk_usage"] == int(total.split()[0]) - folders


# ---- the real service ------------------------------------------------------------------------


def test_a_large_model_through_the_real_service_takes_little_memory(live_service: LiveService, tmp_path: Path) -> None:
    """A made model of 200 MB: out as a stream, in as a stream, by the real process."""
    import psutil

    path = tmp_path / "large.gguf"
    head = gguf_bytes(tensors=[("token_embd.weight", (1024, 50_000), 0, 0)], data=b"")
    with path.open("wb") as file:
        file.write(head)
        file.seek(200_000_000, 1)
        file.truncate(len(head) + 1024 * 50_000 * 4)
    process = psutil.Process(live_service.process.pid)
    with live_service.http() as http:
        before = process.memory_info().rss
        created = http.post("/models/package", json={"gguf": str(path), "target": "ai/large"}, timeout=60)
        assert created.status_code == 201, created.text
        tar = tmp_path / "large.tar"
        with tar.open("wb") as out, http.stream("GET", "/models/ai/large/export") as answer:
            for chunk in answer.iter_bytes():
                out.write(chunk)
        assert tar.stat().st_size == int(answer.headers["content-length"])
        assert len(http.delete("/models/ai/large").json()) == 2
        with tar.open("rb") as source:
            assert http.post("/models/load", content=iter(lambda: source.read(1 << 20), b"")).status_code == 200
        assert process.memory_info().rss - before < 60_000_000
        assert http.delete(f"/models/{created.json()['id']}").status_code == 200


def test_the_engines_files_are_counted_without_loading_them() -> None:
    code = "import sys; from dmr_desktop.service.disk_use import engine_bytes as size; print(size(), *sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[0]) > 1_000_000
    assert "llama_cpp" not in out


@needs_registry
async def test_a_model_in_a_registry_is_inspected_without_pulling_it(live: LiveInProcess, tmp_path: Path) -> None:
    (model,) = (await live.http.get("/models")).json()
    layout = export(live.settings.models_path, model["id"], tmp_path / "layout")
    with Registry(tmp_path / "registry") as registry:
        await asyncio.to_thread(push, layout, f"{registry.host}/ai/far:v1")
        here = (await live.http.get(f"/models/{model['id']}/fit")).json()
        before = (await live.http.get("/engines/df")).json()
        for flag in ("remote=true", "remote", "remote=1"):
            answer = await live.http.get(f"/models/{registry.host}/ai/far:v1?{flag}")
            assert answer.status_code == 200, answer.text
            assert answer.json() == {key: value for key, value in model.items() if key != "tags"}
        far = (await live.http.get(f"/models/{registry.host}/ai/far:v1/fit?remote=true")).json()
        assert far["config"] == model["config"]
        assert far["size_bytes"] > far["weights_bytes"] * 0.9
        for name in ("context_size", "weights_bytes", "kv_bytes"):
            assert far[name] == here[name], "the estimate before the pull is the one after it"
        assert far["total_bytes"] == pytest.approx(here["total_bytes"], rel=0.01)
        assert far["fits"] is True
        missing = await live.http.get(f"/models/{registry.host}/ai/none?remote")
        assert missing.status_code == 404
        assert missing.text == (
            f'error while getting remote model: failed to pull model "{registry.host}/ai/none": '
            "MANIFEST_UNKNOWN - Model not found\n"
        )
        assert (await live.http.get("/engines/df")).json() == before
        assert (await live.http.get(f"/models/{registry.host}/ai/far:v1")).status_code == 404


async def test_nonsense_from_a_registry_is_told_as_it_is(live: LiveInProcess) -> None:
    names = ("block_count", "embedding_length", "attention.head_count", "attention.key_length", "context_length")
    metadata = {"general.architecture": "llama", **{f"llama.{name}": "9" * 18 for name in names}}
    config = json.dumps({"config": {"format": "gguf", "gguf": metadata}}).encode()
    with FaultyRegistry() as registry:
        manifest = json.loads(registry.add_model("plain", b"weights"))
        manifest["config"] = descriptor("application/vnd.docker.ai.model.config.v0.1+json", config)
        registry.add("nonsense", json.dumps(manifest).encode(), config)
        manifest["layers"][0]["size"] = 1 << 62
        registry.add("huge", json.dumps(manifest).encode(), config)
        for tag in ("nonsense", "huge"):
            for path in ("", "/fit"):
                found = await live.http.get(f"/models/{registry.host}/ai/far:{tag}{path}?remote=true")
                assert (found.status_code, "config" in found.json()) == (200, True)


async def test_a_registry_that_never_answers_keeps_nobody_waiting(live: LiveInProcess) -> None:
    """Clients that leave free their threads at once, and the service's own end is not held up."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        url = f"/models/127.0.0.1:{silent.getsockname()[1]}/x?remote"
        for _ in range(2):
            asked = [asyncio.create_task(live.http.get(url, timeout=0.5)) for _ in range(4)]
            done = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(each, httpx.ReadTimeout) for each in done)
        assert (await live.http.get(f"/models/{DEMO}/export", timeout=5)).status_code == 200
        waiting = asyncio.create_task(live.http.get(url))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        await live.service.close()
        assert time.monotonic() - begun < 10
        await asyncio.gather(waiting, return_exceptions=True)
