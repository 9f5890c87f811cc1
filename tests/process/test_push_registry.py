"""Pushing to Debian's docker-registry: plain, behind a password, behind TLS; skopeo and oras read what came."""

import hashlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import oras.provider
import pytest

from dmr_desktop.protocol.errors import ModelNotFound, RegistryError, Unauthorized
from dmr_desktop.protocol.models import Model, Progress
from dmr_desktop.store.store import ModelStore
from tests.fakes.faulty_registry import store_files
from tests.fakes.gguf_files import STR, TINY, gguf_bytes
from tests.fakes.line import Line
from tests.real_registry import Registry, certificate, copy, export, needs_registry, push

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), needs_registry]
MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    return ModelStore(tmp_path / "models")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as found:
        yield found


def package(store: ModelStore, folder: Path, name: str, *, size: int = MIB) -> Model:
    metadata = {**TINY, "general.name": (STR, name)}
    payload = hashlib.shake_128(name.encode()).digest(size)
    (folder / "m.gguf").write_bytes(gguf_bytes(metadata, [("a.weight", (32, size // 128), 0, 0)], data=payload))
    (folder / "LICENSE").write_text("do what you like")
    return store.package_gguf(folder / "m.gguf", name, licenses=[folder / "LICENSE"])


def send(store: ModelStore, reference: str, lines: list[Progress] | None = None) -> str:
    lines = [] if lines is None else lines
    return store.push(reference, progress=lines.append, cancelled=threading.Event())


def fetch(store: ModelStore, reference: str) -> str:
    return store.pull(reference, progress=lambda _: None, cancelled=threading.Event())


def test_skopeo_and_oras_read_what_we_push(registry: Registry, store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, f"{registry.host}/ai/x:1")
    lines: list[Progress] = []
    assert send(store, f"{registry.host}/ai/x:1", lines) == "Model pushed successfully"

    assert copy(f"{registry.host}/ai/x:1", tmp_path / "copy") == model.id
    manifest, blobs = store_files(tmp_path / "models", model.id)
    for content in (manifest, *blobs):
        copied = tmp_path / "copy" / "blobs" / "sha256" / hashlib.sha256(content).hexdigest()
        assert copied.read_bytes() == content

    client = oras.provider.Registry(registry.host, insecure=True)
    assert client.get_manifest(f"{registry.host}/ai/x:1") == json.loads(manifest)

    layers = json.loads(manifest)["layers"]
    for layer in layers:
        shown = [line for line in lines if line.layer_id == layer["digest"]]
        assert shown[-1].layer_current == shown[-1].layer_size == shown[-1].total == layer["size"]
    assert {(line.type, line.mode) for line in lines} == {("progress", "push")}
    assert any(line.message == "Uploaded: 1.00 MB" for line in lines)


def test_the_model_comes_back_as_it_went(registry: Registry, store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, f"{registry.host}/ai/x")
    send(store, f"{registry.host}/ai/x")
    other = ModelStore(tmp_path / "other")
    assert fetch(other, f"{registry.host}/ai/x") == "Model pulled successfully"
    assert other.get(model.id).config == model.config
    assert other.inspect_remote(f"{registry.host}/ai/x").id == model.id


def test_what_skopeo_pushed_and_we_pulled_goes_on_elsewhere(
    registry: Registry, store: ModelStore, tmp_path: Path
) -> None:
    model = package(ModelStore(tmp_path / "theirs"), tmp_path, "x")
    push(export(tmp_path / "theirs", model.id, tmp_path / "layout"), f"{registry.host}/ai/x:latest")
    fetch(store, f"{registry.host}/ai/x")
    store.tag(f"{registry.host}/ai/x", f"{registry.host}/deep/er/y:2")
    send(store, f"{registry.host}/deep/er/y:2")
    assert copy(f"{registry.host}/deep/er/y:2", tmp_path / "copy") == model.id


def test_what_oras_pushed_is_pulled(registry: Registry, store: ModelStore, tmp_path: Path) -> None:
    """And goes on to another registry with the same digest."""
    package(ModelStore(tmp_path / "other"), tmp_path, "x")
    (tmp_path / "config.json").write_text('{"config":{"format":"gguf","size":"1MiB"}}')
    client = oras.provider.Registry(registry.host, insecure=True)
    answer = client.push(
        f"{registry.host}/ai/x:1",
        files=[f"{tmp_path}/m.gguf:application/vnd.docker.ai.gguf.v3"],
        manifest_config=f"{tmp_path}/config.json:application/vnd.docker.ai.model.config.v0.1+json",
        disable_path_validation=True,
        quiet=True,
    )
    assert fetch(store, f"{registry.host}/ai/x:1") == "Model pulled successfully"
    (model,) = store.list()
    assert model.id == answer.headers["Docker-Content-Digest"]
    assert store.files(model.id).weights.read_bytes() == (tmp_path / "m.gguf").read_bytes()
    store.tag(model.id, f"{registry.host}/other/y")
    send(store, f"{registry.host}/other/y")
    assert copy(f"{registry.host}/other/y", tmp_path / "copy") == model.id


def test_what_the_registry_has_is_not_sent_again(registry: Registry, store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, f"{registry.host}/ai/x", size=4 * MIB)
    with Line(registry.host) as line:
        for name in ("ai/x", "ai/x:second", "other/y"):
            store.tag(model.id, f"{line.host}/{name}")
        sent = []
        for name in ("ai/x", "ai/x:second", "other/y"):
            before = line.bytes_up
            send(store, f"{line.host}/{name}")
            sent.append(line.bytes_up - before)
    assert sent[0] > 4 * MIB
    # There already, and mounted from the repository that has it.
    assert max(sent[1:]) < 64 * 1024


def test_a_cut_line_costs_little(registry: Registry, store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x", size=12 * MIB)
    with Line(registry.host, 48 * MIB) as line:
        store.tag(model.id, f"{line.host}/ai/x")
        line.cut_after_bytes_up(3 * MIB, 7 * MIB)
        assert send(store, f"{line.host}/ai/x") == "Model pushed successfully"
        assert line.num_cuts == 2
        assert line.bytes_up < 20 * MIB
    assert copy(f"{registry.host}/ai/x", tmp_path / "copy") == model.id


def test_a_registry_killed_in_the_middle(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x", size=12 * MIB)
    with Registry(tmp_path / "registry") as registry, Line(registry.host, 8 * MIB) as line:
        store.tag(model.id, f"{line.host}/ai/x")
        halfway = threading.Event()
        sender = threading.Thread(
            target=lambda: store.push(
                f"{line.host}/ai/x",
                progress=lambda line: halfway.set() if line.layer_current > 4 * MIB else None,
                cancelled=threading.Event(),
            )
        )
        sender.start()
        assert halfway.wait(30)
        registry.restart()
        sender.join(60)
        assert not sender.is_alive()
        assert copy(f"{registry.host}/ai/x", tmp_path / "copy") == model.id


@pytest.mark.parametrize("by", ["ca_file", "SSL_CERT_FILE", "certs.d"])
def test_tls_with_an_own_authority_and_a_password(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A registry on loopback that speaks TLS is spoken to in TLS, and verified."""
    pem = certificate(tmp_path, "IP:127.0.0.1", "DNS:localhost")
    with Registry(tmp_path / "registry", certificate=pem, with_password=True) as registry:
        model = package(store, tmp_path, f"{registry.host}/ai/x")
        with pytest.raises(RegistryError, match="certificate is not trusted"):
            send(store, f"{registry.host}/ai/x")
        if by == "ca_file":
            store = ModelStore(tmp_path / "models", ca_file=pem)
        elif by == "SSL_CERT_FILE":
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        else:
            folder = tmp_path / ".docker" / "certs.d" / registry.host
            folder.mkdir(parents=True)
            (folder / "ca.crt").write_bytes(pem.read_bytes())
        with pytest.raises(Unauthorized):
            send(store, f"{registry.host}/ai/x")
        docker = tmp_path / "docker-config"
        docker.mkdir()
        (docker / "config.json").write_text(
            json.dumps({"auths": {registry.host: {"username": "me", "password": "secret"}}})
        )
        monkeypatch.setenv("DOCKER_CONFIG", str(docker))
        assert send(store, f"{registry.host}/ai/x") == "Model pushed successfully"
        store.remove(model.id, force=True)
        assert fetch(store, f"{registry.host}/ai/x") == "Model pulled successfully"
        options = ("--src-creds", "me:secret")
        assert copy(f"{registry.host}/ai/x", tmp_path / "copy", *options) == model.id


def test_what_is_not_stored_is_not_pushed(registry: Registry, store: ModelStore) -> None:
    with pytest.raises(ModelNotFound):
        send(store, f"{registry.host}/ai/nothing")
    with urllib.request.urlopen(f"http://{registry.host}/v2/_catalog", timeout=5) as answer:
        assert json.load(answer) == {"repositories": []}
