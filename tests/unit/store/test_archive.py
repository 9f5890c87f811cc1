"""Model archives: a round trip keeps every digest, other tools read them, and hostile ones change nothing."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import DMRError, ModelNotFound, StoreError, UnsupportedModel
from dmr_desktop.protocol.models import Model
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.store import ModelStore
from dmr_desktop.store.tar import BadArchive
from tests.fakes.gguf_files import write_gguf

NOT_CANCELLED = threading.Event()
Files = dict[str, bytes]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def other(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "other")


def package(store: ModelStore, folder: Path, target: str = "x") -> Model:
    text = folder / "LICENSE"
    text.write_text("do what you like")
    return store.package_gguf(write_gguf(folder / "source.gguf"), target, licenses=[text])


def exported(store: ModelStore, reference: str = "x", **options: bool) -> bytes:
    archive = store.export(reference, **options)
    data = b"".join(archive.chunks())
    assert len(data) == archive.num_bytes
    return data


def load(store: ModelStore, data: bytes, size: int = 5000) -> Model:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return store.load(chunks, cancelled=NOT_CANCELLED)


def unpacked(data: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: found.read() for info in archive if (found := archive.extractfile(info))}


def packed(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def contents(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_the_form_is_dockers(store: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(exported(store))) as archive:
        names = archive.getnames()
        modes = {info.mode for info in archive if info.isreg()}
    manifest = json.loads((tmp_path / "models" / "manifests" / "sha256" / model.id[7:]).read_bytes())
    digests = [layer["digest"] for layer in manifest["layers"]] + [manifest["config"]["digest"]]
    blobs = [f"blobs/sha256/{digest[7:]}" for digest in digests]
    assert names == ["blobs", "blobs/sha256", *blobs, "manifest.json"]
    assert modes == {0o666}


def test_a_round_trip_keeps_every_digest(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path)
    data = exported(store)
    loaded = load(other, data)
    assert loaded.id == model.id
    assert loaded.tags == ()
    assert exported(other, model.id) == data
    assert other.files(model.id).weights.read_bytes() == (tmp_path / "source.gguf").read_bytes()
    assert load(store, data).tags == model.tags  # there already: its names stay
    assert not any("incomplete" in name or "tmp" in name for name in contents(tmp_path / "other"))


@pytest.mark.parametrize("size", [1 << 9, 1 << 20])
def test_the_order_of_the_members_is_free(store: ModelStore, other: ModelStore, tmp_path: Path, size: int) -> None:
    model = package(store, tmp_path)
    files = unpacked(exported(store))
    renamed = {name.replace("blobs/", "manifests/") if n == 0 else name: files[name] for n, name in enumerate(files)}
    shuffled = packed({**dict(reversed(renamed.items())), "README": b"hello", "some/deep/file": bytes(3000)})
    assert load(other, shuffled, size).id == model.id


def test_as_an_oci_layout_skopeo_reads_it(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path)
    data = exported(store, as_oci_layout=True)
    assert load(other, data).id == model.id
    assert load(other, exported(store)).id == model.id
    # The manifest came as a blob too, which no model names.
    assert not (tmp_path / "other" / "blobs" / "sha256" / model.id[7:]).exists()
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", f"oci-archive:{path}"], capture_output=True, check=True, timeout=30
    ).stdout
    assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == model.id
    # And what it writes itself is loaded.
    copy = ["skopeo", "copy", "--preserve-digests", "--insecure-policy", f"oci-archive:{path}"]
    subprocess.run([*copy, f"oci-archive:{tmp_path / 'y.tar'}"], capture_output=True, check=True, timeout=30)
    written = (tmp_path / "y.tar").read_bytes()
    assert "manifest.json" not in unpacked(written)
    third = ModelStore(tmp_path / "third")
    assert load(third, written).id == model.id
    assert not (tmp_path / "third" / "blobs" / "sha256" / model.id[7:]).exists()


def test_exporting_what_is_not_there_or_not_whole(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        store.export("x")
    package(store, tmp_path)
    archive = store.export("x")
    weights = store.files("x").weights
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(StoreError, match="too short"):
        b"".join(archive.chunks())


def _without(part: str) -> Callable[[Files], Files]:
    return lambda files: {name: data for name, data in files.items() if part not in name}


def _flip_weights(files: Files) -> Files:
    largest = max(files, key=lambda name: len(files[name]))
    return {**files, largest: files[largest][:-1] + b"\1"}


def _shorten_weights(files: Files) -> Files:
    largest = max(files, key=lambda name: len(files[name]))
    return {**files, largest: files[largest][:-1]}


def _with_manifest(change: Callable[[dict[str, object]], object]) -> Callable[[Files], Files]:
    def apply(files: Files) -> Files:
        document = json.loads(files["manifest.json"])
        change(document)
        return {**files, "manifest.json": json.dumps(document).encode()}

    return apply


HOSTILE: dict[str, tuple[Callable[[Files], Files], type[DMRError], str]] = {
    "no manifest": (_without("manifest.json"), BadArchive, "manifest not found"),
    "no blobs": (_without("blobs/"), StoreError, "missing blob"),
    "flipped": (_flip_weights, BadArchive, "damaged"),
    "short": (_shorten_weights, BadArchive, "damaged"),
    "an index of nothing here": (
        lambda files: {
            **_without("manifest.json")(files),
            "index.json": json.dumps(
                {"manifests": [{"mediaType": "m", "size": 1, "digest": "sha256:" + "0" * 64}]}
            ).encode(),
        },
        BadArchive,
        "manifest not found",
    ),
    "an index of several": (
        lambda files: {**_without("manifest.json")(files), "index.json": b'{"manifests": []}'},
        UnsupportedModel,
        "several artifacts",
    ),
    "manifest no JSON": (lambda files: {**files, "manifest.json": b"{"}, UnsupportedModel, "not JSON"),
    "manifest too large": (lambda files: {**files, "manifest.json": bytes(5 << 20)}, BadArchive, "larger"),
    "no model": (
        _with_manifest(lambda found: found["config"].update(mediaType="application/x")),  # type: ignore[attr-defined]
        UnsupportedModel,
        "not supported",
    ),
    "a layer that is not there": (
        _with_manifest(lambda found: found["layers"][0].update(digest="sha256:" + "0" * 64)),  # type: ignore[index]
        StoreError,
        "missing blob .sha256:000",
    ),
    "a layer of another size": (
        _with_manifest(lambda found: found["layers"][0].update(size=5)),  # type: ignore[index]
        StoreError,
        "missing blob",
    ),
    "climbing": (lambda files: {"../../evil": b"x", **files}, BadArchive, "outside"),
    "climbing blob": (lambda files: {**files, "blobs/sha256/../../../evil": b"x"}, BadArchive, "outside"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_used_changes_nothing(name: str, store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path)
    change, error, reason = HOSTILE[name]
    before = contents(tmp_path)
    with pytest.raises(error, match=reason):
        load(other, packed(change(unpacked(exported(store)))))
    assert other.list() == []
    left = {each for each in contents(tmp_path) - before if not each.endswith((".lock", "models.json"))}
    assert left == set()
    assert load(other, exported(store)).config.format == "gguf"  # and the right one still loads


def test_absolute_names_and_links_are_only_names(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    model = package(store, tmp_path)
    files = unpacked(exported(store))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("blobs")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "elsewhere")
        archive.addfile(link)
        for name, data in {
            "/etc/evil": b"x",
            f"{tmp_path}/evil": b"x",
            "blobs/sha512/" + "a" * 128: b"x",
            **files,
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert load(other, out.getvalue()).id == model.id
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_cut_anywhere(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path)
    data = exported(store)
    needed = len(data) - 1024
    for cut in range(0, needed, 1013):
        with pytest.raises(BadArchive):
            load(other, data[:cut])
    assert other.list() == []
    assert load(other, data[:needed]).tags == ()  # without the zeros at the end it is whole nevertheless


def test_cancelling(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path)
    data, cancelled = exported(store), threading.Event()

    def chunks() -> Iterator[bytes]:
        yield data[:4000]
        cancelled.set()
        yield data[4000:]

    with pytest.raises(Cancelled):
        other.load(chunks(), cancelled=cancelled)
    assert other.list() == []


def test_a_wrong_partial_file_does_not_spoil_it(store: ModelStore, other: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path)
    for path in (tmp_path / "models" / "blobs" / "sha256").iterdir():
        (tmp_path / "other" / "blobs" / "sha256" / f"{path.name}.incomplete").write_bytes(b"rubbish")
    assert load(other, exported(store)).config.format == "gguf"


def test_a_full_disk_is_said_before_the_transfer(
    store: ModelStore, other: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(store, tmp_path)
    data = exported(store)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 30, 1 << 30, 0))  # type: ignore[attr-defined]
    with pytest.raises(DMRError, match="not enough disk space"):
        load(other, data)
