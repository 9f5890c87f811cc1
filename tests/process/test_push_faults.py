"""Pushing to a registry that misbehaves: resumed where it can be, never a wrong blob, never a secret gone astray."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import DMRError, InvalidRequest, RegistryError, StoreError, Unauthorized
from dmr_desktop.protocol.models import Model
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.store import ModelStore
from tests.fakes import faulty_registry as faulty
from tests.fakes.faulty_registry import Exchange, Fault, FaultyRegistry
from tests.fakes.gguf_files import STR, TINY, gguf_bytes
from tests.fakes.line import Line

MIB = 1 << 20
QUICK = Patience(
    connect_seconds=2,
    stall_seconds=0.6,
    give_up_seconds=4,
    first_delay_seconds=0.01,
    longest_delay_seconds=0.05,
    longest_rate_limit_seconds=2,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "DOCKER_USERNAME", "DOCKER_HUB_USER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", patience=QUICK)


@pytest.fixture
def model(store: ModelStore, registry: FaultyRegistry, tmp_path: Path) -> Model:
    payload = hashlib.shake_128(b"x").digest(6 * MIB)
    tensors = [("a.weight", (32, 6 * MIB // 128), 0, 0)]
    (tmp_path / "m.gguf").write_bytes(gguf_bytes({**TINY, "general.name": (STR, "x")}, tensors, data=payload))
    return store.package_gguf(tmp_path / "m.gguf", f"{registry.host}/ai/x")


def push(store: ModelStore, reference: str, **more: str) -> str:
    return store.push(reference, progress=lambda _: None, cancelled=threading.Event(), **more)


def weights(registry: FaultyRegistry, model: Model, store: ModelStore) -> bytes:
    return store.files(model.id).weights.read_bytes()


def on(method: str, part: str, fault: Fault, times: int = 1 << 30) -> Fault:
    """``fault`` answers the next ``times`` requests of ``method`` for paths with ``part``."""
    left = [times]

    def apply(exchange: Exchange) -> bool:
        if exchange.method != method or part not in exchange.path or left[0] <= 0:
            return False
        left[0] -= 1
        fault(exchange)
        return True

    return apply


def test_what_arrives_is_what_was_stored(registry: FaultyRegistry, store: ModelStore, model: Model) -> None:
    assert push(store, f"{registry.host}/ai/x") == "Model pushed successfully"
    assert faulty.digest(registry.manifests["latest"]) == model.id
    assert weights(registry, model, store) in registry.blobs.values()
    manifests = [e for e in registry.exchanges if "/manifests/" in e.path]
    assert manifests == [registry.exchanges[-1]]
    assert manifests[0].headers["content-type"] == faulty.OCI_MANIFEST


def test_a_cut_upload_goes_on_where_it_stopped(registry: FaultyRegistry, store: ModelStore, model: Model) -> None:
    registry.cut_upload_at = 2 * MIB
    push(store, f"{registry.host}/ai/x")
    assert faulty.digest(registry.manifests["latest"]) == model.id
    ranges = [e.headers.get("content-range", "") for e in registry.exchanges if e.method == "PATCH"]
    size = len(weights(registry, model, store))
    assert f"{2 * MIB}-{size - 1}" in ranges


@pytest.mark.parametrize(
    "fault",
    [
        on("HEAD", "/blobs/", faulty.status(502), 1),
        on("POST", "/uploads/", faulty.status(503), 2),
        on("PATCH", "/uploads/", faulty.status(500), 1),
        on("PATCH", "/uploads/", faulty.status(404), 1),
        on("PATCH", "/uploads/", faulty.status(416), 1),
        on("PUT", "/uploads/", faulty.status(500), 1),
        on("PUT", "/uploads/", faulty.status(400), 1),
        on("PUT", "/manifests/", faulty.status(502), 1),
        on("PUT", "/manifests/", faulty.status(429, {"Retry-After": "1"}), 1),
    ],
)
def test_hiccups_are_survived(registry: FaultyRegistry, store: ModelStore, model: Model, fault: Fault) -> None:
    registry.faults.append(fault)
    push(store, f"{registry.host}/ai/x")
    assert faulty.digest(registry.manifests["latest"]) == model.id


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (on("POST", "/uploads/", faulty.status(403)), Unauthorized, "Unauthorized"),
        (on("POST", "/uploads/", faulty.status(500)), RegistryError, "problem of its own"),
        (on("POST", "/uploads/", faulty.status(405)), RegistryError, "does not allow"),
        (on("POST", "/uploads/", faulty.status(202)), RegistryError, "no sense"),
        (on("POST", "/uploads/", faulty.status(202, {"Location": "file:///x"})), RegistryError, "cannot be used"),
        (on("POST", "/uploads/", faulty.status(202, {"Location": "http://169.254.169.254/"})), RegistryError, "used"),
        (on("POST", "/uploads/", faulty.redirect_to("/v2/")), RegistryError, "no sense"),
        (on("PATCH", "/uploads/", faulty.status(413)), RegistryError, "layers of this size"),
        (on("PUT", "/uploads/", faulty.status(400)), RegistryError, "does not take a layer"),
        (on("PUT", "/manifests/", faulty.status(404)), RegistryError, "lacks a part"),
        (on("PUT", "/manifests/", faulty.status(201, {"Docker-Content-Digest": "sha256:x"})), RegistryError, "another"),
        (on("POST", "/uploads/", faulty.status(429)), RegistryError, "rate limit of 127"),
    ],
)
def test_refusals(
    registry: FaultyRegistry, store: ModelStore, model: Model, fault: Fault, error: type[DMRError], text: str
) -> None:
    registry.faults.append(fault)
    with pytest.raises(error, match=text):
        push(store, f"{registry.host}/ai/x")
    assert registry.manifests == {}


def test_a_damaged_layer_is_not_the_registrys_fault(
    registry: FaultyRegistry, store: ModelStore, model: Model, tmp_path: Path
) -> None:
    (blob,) = [p for p in (tmp_path / "models" / "blobs" / "sha256").iterdir() if p.stat().st_size > MIB]
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        push(store, f"{registry.host}/ai/x")
    assert registry.manifests == {}


def test_a_token_to_write_with(registry: FaultyRegistry, store: ModelStore, model: Model, tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    folder.mkdir()
    auth = base64.b64encode(b"me:secret").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    realm = f"http://{registry.host}/token"
    registry.faults.append(faulty.demand_token(realm, "t0ken", user="me", password="secret"))
    push(store, f"{registry.host}/ai/x")
    asked = registry.requests_for("/token")
    assert asked
    assert all("scope=repository%3Aai%2Fx%3Apull%2Cpush" in each.path for each in asked)


def test_a_token_service_that_refuses_to_let_us_read_elsewhere(
    registry: FaultyRegistry, store: ModelStore, model: Model
) -> None:
    """What would only have saved bytes must not keep the push from its own repository."""
    store.tag(model.id, f"{registry.host}/private/y")

    def refuse(exchange: Exchange) -> bool:
        if "private" not in exchange.path or not exchange.path.startswith("/token"):
            return False
        exchange.answer(403)
        return True

    registry.faults += [refuse, faulty.demand_token(f"http://{registry.host}/token", "t0ken")]
    assert push(store, f"{registry.host}/ai/x") == "Model pushed successfully"


def test_a_long_upload_is_not_given_up_for_one_cut(registry: FaultyRegistry, tmp_path: Path, model: Model) -> None:
    """It takes longer than we would wait for a byte, but bytes there were."""
    patience = Patience(connect_seconds=2, stall_seconds=5, give_up_seconds=0.3, first_delay_seconds=0.01)
    store = ModelStore(tmp_path / "models", patience=patience)
    with Line(registry.host, 8 * MIB) as line:
        line.cut_after_bytes_up(5 * MIB)
        store.tag(model.id, f"{line.host}/ai/x")
        assert push(store, f"{line.host}/ai/x") == "Model pushed successfully"
        assert line.num_cuts == 1


def test_uploads_elsewhere_get_no_secret(registry: FaultyRegistry, store: ModelStore, model: Model) -> None:
    realm = f"http://{registry.host}/token"
    registry.faults.append(faulty.demand_token(realm, "t0ken"))
    with FaultyRegistry() as storage:
        storage.sessions["s0"] = bytearray()
        location = {"Location": f"http://{storage.host}/v2/ai/x/blobs/uploads/s0"}
        registry.faults.append(on("POST", "/uploads/", faulty.status(202, location), 1))
        push(store, f"{registry.host}/ai/x")
        assert storage.exchanges
        assert all("authorization" not in exchange.headers for exchange in storage.exchanges)


def test_a_blob_is_mounted_from_where_it_is(registry: FaultyRegistry, store: ModelStore, model: Model) -> None:
    push(store, f"{registry.host}/ai/x")
    store.tag(model.id, f"{registry.host}/other/y")
    registry.exchanges.clear()
    registry.faults.append(on("HEAD", "/blobs/", faulty.status(404)))
    push(store, f"{registry.host}/other/y")
    assert {e.path.partition("?")[2].partition("&from=")[2] for e in registry.exchanges if e.method == "POST"} == {
        "ai%2Fx"
    }
    assert not [e for e in registry.exchanges if e.method == "PATCH"]


def test_a_cancelled_push_ends_at_once(registry: FaultyRegistry, tmp_path: Path, model: Model) -> None:
    """The registry says nothing, and nothing would end that for 30 s."""
    asked = threading.Event()

    def never(exchange: Exchange) -> None:
        asked.set()
        exchange.registry.stopping.wait(30)

    registry.faults.append(on("PATCH", "/uploads/", never))
    store, cancelled = ModelStore(tmp_path / "models", patience=Patience()), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(store.push, f"{registry.host}/ai/x", progress=lambda _: None, cancelled=cancelled)
        assert asked.wait(10)
        cancelled.set()
        with pytest.raises(Cancelled):
            pushing.result(5)


def test_names_that_are_no_registrys(store: ModelStore, model: Model) -> None:
    store.tag(model.id, "dmr.local/x")
    for name in ("dmr.local/x", model.id, model.id[7:19]):
        with pytest.raises(InvalidRequest):
            push(store, name)
