"""Every kind of model artifact comes in, is listed and goes out again; what is no model does not."""

import json
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.protocol.errors import RegistryError, UnsupportedModel
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.store import ModelStore
from tests.fakes import faulty_registry as faulty
from tests.fakes.faulty_registry import FaultyRegistry, on_blobs, on_manifests
from tests.fakes.gguf_files import STR, TINY, U32, gguf_bytes

DOCKER_V01 = "application/vnd.docker.ai.model.config.v0.1+json"
DOCKER_V02 = "application/vnd.docker.ai.model.config.v0.2+json"
CNCF = "application/vnd.cncf.model.config.v1+json"
GGUF = gguf_bytes(TINY, [("a.weight", (32, 4), 0, 0)])
MMPROJ = gguf_bytes({**TINY, "general.architecture": (STR, "clip")}, [("v.weight", (32, 4), 0, 0)])
_HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
SAFETENSORS = struct.pack("<Q", len(_HEADER)) + _HEADER + bytes(8)
QUICK = Patience(
    connect_seconds=2,
    stall_seconds=0.4,
    give_up_seconds=4,
    first_delay_seconds=0.001,
    longest_delay_seconds=0.01,
    longest_rate_limit_seconds=2,
)

Layer = tuple[str, bytes, str]
"""Media type, content, path."""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRegistry]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    with FaultyRegistry() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", patience=QUICK)


def publish(registry: FaultyRegistry, config_type: str, config: dict[str, Any], *layers: Layer, **more: str) -> str:
    """The id of the model that is there now, as ``ai/x:latest``."""
    raw = json.dumps(config).encode()
    described = []
    for media_type, content, path in layers:
        entry = faulty.descriptor(media_type, content)
        if path:
            entry["annotations"] = {"org.cncf.model.filepath": path}
        described.append(entry)
    document = {
        "schemaVersion": 2,
        "mediaType": faulty.OCI_MANIFEST,
        "config": faulty.descriptor(config_type, raw),
        "layers": described,
        **more,
    }
    manifest = json.dumps(document).encode()
    registry.add("latest", manifest, raw, *(content for _, content, _ in layers))
    return faulty.digest(manifest)


def pull(store: ModelStore, registry: FaultyRegistry) -> str:
    return store.pull(f"{registry.host}/ai/x", progress=lambda _: None, cancelled=threading.Event())


def goes_out_again(store: ModelStore, registry: FaultyRegistry) -> None:
    with FaultyRegistry() as other:
        store.tag(f"{registry.host}/ai/x", f"{other.host}/ai/x")
        store.push(f"{other.host}/ai/x", progress=lambda _: None, cancelled=threading.Event())
        assert other.manifests["latest"] == registry.manifests["latest"]
        assert set(registry.blobs) == set(other.blobs)


def test_docker_v01_with_everything(registry: FaultyRegistry, store: ModelStore) -> None:
    docker = "application/vnd.docker.ai."
    model_id = publish(
        registry,
        DOCKER_V01,
        {"config": {"format": "gguf", "size": "1 KiB"}},
        (docker + "gguf.v3", GGUF, "model.gguf"),
        (docker + "mmproj", MMPROJ, ""),
        (docker + "chat.template.jinja", b"{{ messages }}", ""),
        (docker + "license", b"do what you like", ""),
        ("application/x-nobody-knows", b"?", ""),
    )
    assert pull(store, registry) == "Model pulled successfully"
    (model,) = store.list()
    assert (model.id, model.config.format) == (model_id, "gguf")
    files = store.files(model_id)
    assert files.weights.read_bytes() == GGUF
    assert files.mmproj is not None
    assert files.chat_template is not None
    goes_out_again(store, registry)


def test_shards_without_annotations(registry: FaultyRegistry, store: ModelStore) -> None:
    shards = [
        gguf_bytes({**TINY, "split.count": (U32, 2), "split.no": (U32, n)}, [(f"t{n}.weight", (32, 4), 0, 0)])
        for n in range(2)
    ]
    layers = [("application/vnd.docker.ai.gguf.v3", shard, "") for shard in shards]
    publish(registry, DOCKER_V01, {"config": {"format": "gguf"}}, *layers)
    pull(store, registry)
    weights = store.files(f"{registry.host}/ai/x").weights
    assert weights.name == "model-00001-of-00002.gguf"
    assert weights.with_name("model-00002-of-00002.gguf").read_bytes() == shards[1]


def test_docker_v02_of_safetensors(registry: FaultyRegistry, store: ModelStore) -> None:
    """Stored and listed, though nothing here runs it."""
    docker = "application/vnd.docker.ai."
    publish(
        registry,
        DOCKER_V02,
        {"config": {"format": "safetensors"}},
        (docker + "safetensors", SAFETENSORS, "model.safetensors"),
        (docker + "model.file", b"{}", "config.json"),
    )
    pull(store, registry)
    assert store.list()[0].config.format == "safetensors"
    with pytest.raises(UnsupportedModel):
        store.files(f"{registry.host}/ai/x")
    goes_out_again(store, registry)


def test_cncf_model_pack(registry: FaultyRegistry, store: ModelStore) -> None:
    config = {
        "descriptor": {"createdAt": "2025-03-24T11:49:41Z", "family": "llama", "name": "x"},
        "modelfs": {"type": "layers", "diffIds": [faulty.digest(GGUF), faulty.digest(b"read me")]},
        "config": {"architecture": "llama", "format": "GGUF", "paramSize": "8b", "quantization": "Q4_K_M"},
    }
    publish(
        registry,
        CNCF,
        config,
        ("application/vnd.cncf.model.weight.v1.raw", GGUF, "weights/x.gguf"),
        ("application/vnd.cncf.model.doc.v1.raw", b"read me", "README.md"),
        artifactType="application/vnd.cncf.model.manifest.v1+json",
    )
    pull(store, registry)
    (model,) = store.list()
    assert (model.config.format, model.config.parameters, model.config.size) == ("gguf", "8b", "8b")
    assert model.created == 1742816981
    assert store.files(model.id).weights.read_bytes() == GGUF
    goes_out_again(store, registry)


@pytest.mark.parametrize("version", ["v99.0", "v0.3"])
def test_models_of_the_future(registry: FaultyRegistry, store: ModelStore, version: str) -> None:
    publish(registry, f"application/vnd.docker.ai.model.config.{version}+json", {}, ("x", GGUF, ""))
    with pytest.raises(UnsupportedModel, match=r"is not supported .* - try upgrading: unsupported model config"):
        pull(store, registry)
    assert store.list() == []


# ---- cut anywhere ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [faulty.cut_after, faulty.reset_after, faulty.flip_byte], ids=lambda f: f.__name__)
def test_a_layer_that_breaks_at_any_byte(registry: FaultyRegistry, tmp_path: Path, fault: Any) -> None:
    publish(registry, DOCKER_V01, {"config": {}}, ("application/vnd.docker.ai.gguf.v3", GGUF, ""))
    for at in (0, 1, 2, *range(3, len(GGUF), len(GGUF) // 8), len(GGUF) - 2, len(GGUF) - 1):
        registry.faults[:] = [on_blobs(fault(at), 1, only=GGUF)]
        store = ModelStore(tmp_path / f"models-{at}", patience=QUICK)
        assert pull(store, registry) == "Model pulled successfully", at
        assert store.files(f"{registry.host}/ai/x").weights.read_bytes() == GGUF


@pytest.mark.parametrize("fault", [faulty.cut_after, faulty.reset_after], ids=lambda f: f.__name__)
def test_a_manifest_that_breaks_at_any_byte(registry: FaultyRegistry, tmp_path: Path, fault: Any) -> None:
    publish(registry, DOCKER_V01, {"config": {}}, ("application/vnd.docker.ai.gguf.v3", GGUF, ""))
    for at in range(0, len(registry.manifests["latest"]), 61):
        registry.faults[:] = [on_manifests(fault(at), 1)]
        assert pull(ModelStore(tmp_path / f"models-{at}", patience=QUICK), registry) == "Model pulled successfully", at


def test_a_limit_is_named_with_the_way_out(registry: FaultyRegistry, store: ModelStore) -> None:
    publish(registry, DOCKER_V01, {"config": {}}, ("x", GGUF, ""))
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    registry.faults.append(on_manifests(faulty.status(429, {"Retry-After": "21600"}, body)))
    with pytest.raises(RegistryError, match=f"the rate limit of {registry.host} is reached") as caught:
        pull(store, registry)
    assert caught.value.hint == f"wait 21600 seconds, or log in for a higher limit: docker login {registry.host}"
    assert len(registry.exchanges) == 1
