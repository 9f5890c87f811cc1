"""Pulling from Hugging Face: a hub with its API's shapes, whose large files come from another host."""

import hashlib
import shutil
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dmr_desktop.protocol.errors import (
    DMRError,
    DoesNotFit,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    RegistryError,
    Unauthorized,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.store import ModelStore
from dmr_desktop.store.survey import BEGINNING_BYTES
from tests.fakes import faulty_registry as faulty
from tests.fakes.fake_hub import FakeHub
from tests.fakes.faulty_registry import Fault, on_blobs
from tests.fakes.gguf_files import ARR, STR, TINY, U32, gguf_bytes

MIB = 1 << 20
QUICK = Patience(
    connect_seconds=2,
    stall_seconds=0.5,
    give_up_seconds=4,
    first_delay_seconds=0.01,
    longest_delay_seconds=0.05,
    longest_rate_limit_seconds=2,
)


def gguf(name: str, size: int = MIB, **more: int) -> bytes:
    payload = hashlib.shake_128(name.encode()).digest(size)
    metadata = {**TINY, "general.name": (STR, name), **{key.replace("_", "."): (U32, n) for key, n in more.items()}}
    return gguf_bytes(metadata, [(f"{name}.weight", (32, size // 128), 0, 0)], data=payload)


def safetensors(size: int) -> bytes:
    header = b'{"w":{"dtype":"BF16","shape":[%d],"data_offsets":[0,%d]}}' % (size // 2, size)
    return struct.pack("<Q", len(header)) + header + bytes(size)


Q4, Q8, MMPROJ = gguf("q4", 4 * MIB), gguf("q8"), gguf("mmproj")
REPOSITORIES = {
    "Org/Model-GGUF": {
        "Model-Q4_K_M.gguf": Q4,
        "Model-Q8_0.gguf": Q8,
        "mmproj-Model-F16.gguf": MMPROJ,
        "chat_template.jinja": b"{{ messages }}",
        "LICENSE": b"do what you like",
        "README.md": b"# Model",
        ".gitattributes": b"*.gguf filter=lfs",
    },
    "Org/Sharded": {
        "Q4_K_M/m-Q4_K_M-00001-of-00002.gguf": gguf("one", split_count=2, split_no=0),
        "Q4_K_M/m-Q4_K_M-00002-of-00002.gguf": gguf("two", split_count=2, split_no=1),
    },
    "Org/Tensors": {
        "model.safetensors": safetensors(MIB),
        "config.json": b'{"model_type":"llama","max_position_embeddings":4096}',
        "tokenizer.json": b"{}",
        "sub/notes.txt": b"hello",
        "LICENSE.md": b"do what you like",
    },
    "Org/Broken": {"m.gguf": b"GGUF" + bytes(MIB)},
    "Org/Nothing": {"README.md": b"empty"},
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HOME", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with FakeHub({name: dict(files) for name, files in REPOSITORIES.items()}) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        yield found


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", patience=QUICK)


def pull(store: ModelStore, reference: str, lines: list[Progress] | None = None, **more: str) -> str:
    lines = [] if lines is None else lines
    return store.pull(reference, progress=lines.append, cancelled=threading.Event(), **more)


def test_a_pull(hub: FakeHub, store: ModelStore) -> None:
    lines: list[Progress] = []
    assert pull(store, "hf.co/Org/Model-GGUF", lines) == "Model pulled successfully"
    (model,) = store.list()
    assert model.tags == ("huggingface.co/org/model-gguf:latest",)
    assert model.config.format == "gguf"
    assert model.config.gguf["general.name"] == "q4"
    assert model.created == 1742816981
    files = store.files(model.id)
    assert files.weights.read_bytes() == Q4
    assert files.mmproj is not None
    assert files.mmproj.read_bytes() == MMPROJ
    assert files.chat_template is not None
    assert files.chat_template.read_bytes() == b"{{ messages }}"

    said = [line.message for line in lines if not line.layer_id]
    assert said == [
        "Fetching file list...",
        "Selected Q4_K_M quantization (default)",
        "Found 4 files (5.00 MB total)",
        "Building model artifact...",
    ]
    big = "sha256:" + hashlib.sha256(Q4).hexdigest()
    shown = [line for line in lines if line.layer_id == big]
    assert shown[-1].layer_current == shown[-1].layer_size == len(Q4)
    assert {line.total for line in shown} == {sum(map(len, (Q4, MMPROJ, b"{{ messages }}", b"do what you like")))}


def test_another_quantization_and_another_spelling(hub: FakeHub, store: ModelStore) -> None:
    lines: list[Progress] = []
    pull(store, "huggingface.co/Org/Model-GGUF:Q8_0", lines)
    assert "Selected Q8_0 quantization" in [line.message for line in lines]
    assert store.files("hf.co/org/model-gguf:Q8_0").weights.read_bytes() == Q8
    # Both quantizations share the projector.
    before = len(hub.cdn.exchanges)
    pull(store, "hf.co/Org/Model-GGUF")
    assert len(hub.cdn.exchanges) == before + 1


def test_what_is_stored_is_not_asked_for(hub: FakeHub, store: ModelStore) -> None:
    pull(store, "hf.co/Org/Model-GGUF")
    hub.api.exchanges.clear()
    assert pull(store, "hf.co/org/model-gguf").startswith("Using cached model: ")
    assert hub.api.exchanges == []


def test_the_same_commit_gives_the_same_model(hub: FakeHub, tmp_path: Path) -> None:
    stores = [ModelStore(tmp_path / name) for name in ("a", "b")]
    for store in stores:
        pull(store, "hf.co/Org/Model-GGUF")
    assert stores[0].list()[0].id == stores[1].list()[0].id


def test_shards(hub: FakeHub, store: ModelStore) -> None:
    pull(store, "hf.co/Org/Sharded:Q4_K_M")
    (model,) = store.list()
    assert model.config.gguf["general.name"] == "one"
    weights = store.files(model.id).weights
    assert weights.name == "model-00001-of-00002.gguf"
    assert weights.with_name("model-00002-of-00002.gguf").exists()


def test_safetensors_are_stored_and_listed(hub: FakeHub, store: ModelStore) -> None:
    pull(store, "hf.co/Org/Tensors")
    (model,) = store.list()
    assert (model.config.format, model.config.architecture) == ("safetensors", "llama")
    assert model.config.context_size == 4096
    assert model.config.parameters == "524.29K"
    with pytest.raises(UnsupportedModel):
        store.files(model.id)


def test_a_model_that_nothing_can_run_is_stored(hub: FakeHub, store: ModelStore) -> None:
    pull(store, "hf.co/Org/Broken")
    assert store.list()[0].config.format == "gguf"
    with pytest.raises(UnsupportedModel):
        store.files("hf.co/Org/Broken")


def test_a_list_in_pages(hub: FakeHub, store: ModelStore) -> None:
    hub.page_size = 2
    pull(store, "hf.co/Org/Model-GGUF:Q8_0")
    assert len(hub.api.requests_for("/tree/")) == 4


# ---- who we are --------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["request", "environment", "file"])
def test_the_token_goes_to_the_hub_only(
    hub: FakeHub, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    hub.tokens = {"hf_secret"}
    with pytest.raises(Unauthorized, match="Unauthorized"):
        pull(store, "hf.co/Org/Model-GGUF")
    with pytest.raises(Unauthorized) as caught:
        pull(store, "hf.co/Org/Model-GGUF", bearer_token="hf_wrong")
    assert "HF_TOKEN" in caught.value.hint
    if by == "request":
        pull(store, "hf.co/Org/Model-GGUF", bearer_token="hf_secret")
    else:
        if by == "environment":
            monkeypatch.setenv("HF_TOKEN", "hf_secret")
        else:
            folder = tmp_path / "home" / ".cache" / "huggingface"
            folder.mkdir(parents=True)
            (folder / "token").write_text("hf_secret\n")
        pull(store, "hf.co/Org/Model-GGUF")
    assert hub.cdn.exchanges
    assert all("authorization" not in exchange.headers for exchange in hub.cdn.exchanges)


# ---- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("hf.co/Org/Missing", ModelNotFound, "Model not found"),
        ("hf.co/org/model-gguf", ModelNotFound, "Model not found"),
        ("hf.co/Org/Nothing", UnsupportedModel, "no model weight files"),
        ("hf.co/Org/Model-GGUF:Q5_K_M", InvalidRequest, "has no quantization Q5_K_M; it has: Q4_K_M, Q8_0"),
        ("hf.co/Org/Tensors:Q4_K_M", InvalidRequest, "no GGUF"),
        ("hf.co/a/b/c", InvalidReference, "does not name a repository"),
        ("hf.co/a/b@sha256:" + "0" * 64, InvalidRequest, "digest"),
    ],
)
def test_models_that_are_not_there(
    hub: FakeHub, store: ModelStore, reference: str, error: type[DMRError], text: str
) -> None:
    with pytest.raises(error, match=text):
        pull(store, reference)
    assert store.list() == []


@pytest.mark.parametrize("fault", [faulty.cut_after(MIB), faulty.reset_after(MIB), faulty.stall_after(MIB)])
def test_an_interrupted_file_goes_on_where_it_stopped(hub: FakeHub, store: ModelStore, fault: Fault) -> None:
    hub.cdn.faults.append(on_blobs(fault, 2, only=Q4))  # type: ignore[arg-type]
    pull(store, "hf.co/Org/Model-GGUF")
    starts = [each.range_start for each in hub.cdn.requests_for(faulty.digest(Q4))]
    assert len(starts) == 3
    assert starts == sorted(set(starts))


def test_wrong_bytes_are_never_stored(hub: FakeHub, store: ModelStore) -> None:
    hub.cdn.faults.append(on_blobs(faulty.flip_byte(1000), only=Q4))
    with pytest.raises(RegistryError, match="digest mismatch"):
        pull(store, "hf.co/Org/Model-GGUF")
    assert store.list() == []
    hub.cdn.faults.clear()
    pull(store, "hf.co/Org/Model-GGUF")


def test_a_small_file_with_wrong_bytes(hub: FakeHub, store: ModelStore) -> None:
    def lie(exchange: faulty.Exchange) -> bool:
        if not exchange.path.endswith("chat_template.jinja"):
            return False
        exchange.answer(200, b"{{ malice  }}"[: len(b"{{ messages }}")].ljust(14))
        return True

    hub.api.faults.append(lie)
    with pytest.raises(RegistryError, match="wrong content"):
        pull(store, "hf.co/Org/Model-GGUF")
    assert store.list() == []


@pytest.mark.parametrize(
    ("status", "headers", "text"),
    [
        (429, {}, 'rate limited while accessing repository "Org/Model-GGUF"'),
        (429, {"Retry-After": "3000"}, "rate limited"),
        (500, {}, "problem of its own"),
        (200, {}, "no sense"),
    ],
)
def test_answers_that_are_no_list(
    hub: FakeHub, store: ModelStore, status: int, headers: dict[str, str], text: str
) -> None:
    def fault(exchange: faulty.Exchange) -> bool:
        exchange.answer(status, b"<html>hotel</html>", headers)
        return True

    hub.api.faults.append(fault)
    with pytest.raises(RegistryError, match=text) as caught:
        pull(store, "hf.co/Org/Model-GGUF")
    assert "hotel" not in caught.value.message
    assert len(hub.api.exchanges) <= 3


@pytest.mark.parametrize(
    "entry",
    [
        b'{"type":"file","path":"../x.gguf","size":5,"lfs":{"oid":"%s","size":5}}' % (b"a" * 64),
        b'{"type":"file","path":"/etc/x.gguf","size":5,"lfs":{"oid":"%s","size":5}}' % (b"a" * 64),
        b'{"type":"file","path":"x.gguf","size":5,"lfs":{"oid":"../../x","size":5}}',
        b'{"type":"file","path":"x.gguf","size":-5,"lfs":{"oid":"%s","size":-5}}' % (b"a" * 64),
        b'{"type":"file","path":"x.gguf","size":"5","lfs":{"oid":"%s","size":"5"}}' % (b"a" * 64),
        b'{"type":"file","path":5}',
        b"5",
        b"null",
    ],
)
def test_entries_that_cannot_be_used(hub: FakeHub, store: ModelStore, entry: bytes) -> None:
    def fault(exchange: faulty.Exchange) -> bool:
        if "/tree/" not in exchange.path:
            return False
        exchange.answer(200, b"[" + entry + b"]")
        return True

    hub.api.faults.append(fault)
    with pytest.raises(UnsupportedModel, match="no model weight files"):
        pull(store, "hf.co/Org/Model-GGUF")


def test_a_model_larger_than_the_disk(hub: FakeHub, store: ModelStore) -> None:
    def fault(exchange: faulty.Exchange) -> bool:
        if "/tree/" not in exchange.path:
            return False
        entry = b'[{"type":"file","path":"x.gguf","size":%d,"lfs":{"oid":"%s","size":%d}}]'
        exchange.answer(200, entry % (10 << 50, b"a" * 64, 10 << 50))
        return True

    hub.api.faults.append(fault)
    with pytest.raises(DoesNotFit, match="free"):
        pull(store, "hf.co/Org/Model-GGUF")
    assert hub.cdn.exchanges == []


def test_small_files_take_room_too(hub: FakeHub, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = len(REPOSITORIES["Org/Tensors"]["model.safetensors"])
    disk = SimpleNamespace(free=(16 << 20) + weights + 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    with pytest.raises(DoesNotFit, match="free"):
        pull(store, "hf.co/Org/Tensors")
    assert hub.api.requests_for("/resolve/") == []


def test_a_hub_in_plain_http_elsewhere_gets_no_token(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")
    with pytest.raises(RegistryError, match="plain HTTP"):
        pull(store, "hf.co/Org/Model-GGUF", bearer_token="hf_secret")


# ---- before a pull ------------------------------------------------------------------------------

WIDE = {
    **{key: value for key, value in TINY.items() if not key.startswith("tokenizer.")},
    "llama.block_count": (U32, 28),
    "llama.embedding_length": (U32, 2048),
    "llama.attention.head_count": (U32, 16),
    "llama.attention.head_count_kv": (U32, 8),
    "llama.feed_forward_length": (U32, 8192),
    "tokenizer.ggml.tokens": (ARR, (STR, [f"a rather long token {number}" for number in range(40_000)])),
}


def test_a_model_is_known_before_it_is_pulled(hub: FakeHub, store: ModelStore) -> None:
    whole = gguf_bytes(WIDE, [("w", (32, 8 * MIB // 128), 0, 0)], data=bytes(8 * MIB))
    assert whole.find(b"token 39999") > 2 * BEGINNING_BYTES, "the vocabulary goes on beyond what is fetched"
    hub.repositories["Org/Wide"] = {"Wide-Q4_K_M.gguf": whole, "LICENSE": b"do what you like"}
    hub.cdn.blobs[f"sha256:{hashlib.sha256(whole).hexdigest()}"] = whole
    found = store.survey("hf.co/Org/Wide")
    assert found.model.size_bytes == len(whole) + len(b"do what you like")
    assert (found.model.config.quantization, found.model.config.architecture) == ("F32", "llama")
    assert found.shape is not None
    assert (found.shape.num_layers, found.shape.width, found.shape.key_width) == (28, 2048, 28 * 1024)
    assert found.shape.weights_bytes == len(whole)
    assert store.list() == []


def test_what_is_no_gguf_is_surveyed_without_an_estimate(hub: FakeHub, store: ModelStore) -> None:
    assert store.survey("hf.co/Org/Tensors").shape is None
    assert store.survey("hf.co/Org/Tensors").model.size_bytes > MIB
    assert store.survey("hf.co/Org/Broken").shape is None
    with pytest.raises(ModelNotFound):
        store.survey("hf.co/Org/None")
    with pytest.raises(InvalidRequest):
        store.survey("dmr.local/x")
