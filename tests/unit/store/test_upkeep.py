"""Verify, prune and purge: what is damaged is named and comes back, what is in use or unfinished is left alone."""

import errno
import fcntl
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import ModelNotFound, StoreError
from dmr_desktop.protocol.models import Model
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.prune import Pruned
from dmr_desktop.store.store import ModelStore
from dmr_desktop.store.verify import Verified
from tests.fakes.gguf_files import write_gguf

HOUR = 3600.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def store(root: Path) -> ModelStore:
    return ModelStore(root)


def package(store: ModelStore, tmp_path: Path, target: str, fill: bytes = b"\0", context_size: int = 512) -> Model:
    path = write_gguf(tmp_path / "source.gguf", fill * 4096)
    os.utime(path, (10**9, 10**9))
    return store.package_gguf(path, target, context_size=context_size)


def blob(root: Path, store: ModelStore, reference: str, number: int = 0) -> Path:
    """A blob of the model, in the order of its files: the weights first, the config last."""
    return root / "blobs" / "sha256" / store.identify(reference).files[number][7:]


def verify(store: ModelStore, *, remove: bool = False) -> Verified:
    return store.verify(remove=remove, progress=lambda done, total: None, cancelled=threading.Event())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def age(path: Path, hours: float) -> None:
    moment = time.time() - hours * HOUR
    os.utime(path, (moment, moment))


@pytest.fixture
def all_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's change time cannot be set: the clock goes ahead instead."""
    real = time.time
    monkeypatch.setattr("dmr_desktop.store.prune.time.time", lambda: real() + 48 * HOUR)


# ---- verify ----------------------------------------------------------------------------------


def test_a_sound_store(store: ModelStore, root: Path, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    package(store, tmp_path, "y", b"2")
    heard: list[tuple[int, int]] = []
    found = store.verify(progress=lambda done, total: heard.append((done, total)), cancelled=threading.Event())
    assert (found.num_models, found.num_files, found.damages) == (2, 6, ())
    names = ("blobs", "manifests")
    size = sum(path.stat().st_size for name in names for path in (root / name).rglob("*") if path.is_file())
    assert found.num_bytes == size
    assert heard[-1] == (size, size)


def test_damage_is_named_with_the_models_it_hurts(store: ModelStore, root: Path, tmp_path: Path) -> None:
    package(store, tmp_path, "x", context_size=100)
    package(store, tmp_path, "y", context_size=200)  # the same weights
    package(store, tmp_path, "z", b"3")
    weights, config = blob(root, store, "x"), blob(root, store, "z", -1)
    flip(weights)
    config.unlink()
    damages = verify(store).damages
    assert [(each.kind, each.digest, each.problem, each.models, each.removed) for each in damages] == [
        (
            "blob",
            f"sha256:{weights.name}",
            "does not have the content its name says",
            ("docker.io/ai/x:latest", "docker.io/ai/y:latest"),
            False,
        ),
        ("blob", f"sha256:{config.name}", "is missing", ("docker.io/ai/z:latest",), False),
    ]
    assert weights.exists()
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "4096 bytes" not in verify(store).damages[0].problem
    assert "expected" in verify(store).damages[0].problem


def test_a_blob_nobody_uses_is_checked_too(store: ModelStore, root: Path) -> None:
    path = root / "blobs" / "sha256" / ("0" * 64)
    path.write_bytes(b"x")
    assert [(each.digest, each.models) for each in verify(store).damages] == [(f"sha256:{'0' * 64}", ())]
    assert verify(store, remove=True).damages[0].removed
    assert not path.exists()


def test_what_was_removed_comes_back_with_the_next_package(store: ModelStore, root: Path, tmp_path: Path) -> None:
    """With a pull it is the same: what is not here in full is fetched."""
    model = package(store, tmp_path, "x")
    linked = store.files("x").weights
    good = linked.read_bytes()
    manifest = root / "manifests" / "sha256" / model.id[7:]
    flip(blob(root, store, "x"))  # the bundle's link has the same bytes
    manifest.write_bytes(manifest.read_bytes().replace(b"sha256", b"sha257"))
    found = verify(store, remove=True).damages
    assert [(each.kind, each.removed) for each in found] == [("manifest", True), ("blob", True)]
    assert not linked.exists()
    with pytest.raises(StoreError, match="a file of the model is missing"):
        store.files("x")
    fresh = ModelStore(root)
    assert fresh.list() == []
    assert fresh.identify("x").id == model.id
    assert package(fresh, tmp_path, "x") == model
    assert fresh.files("x").weights.read_bytes() == good
    assert verify(fresh).damages == ()


def test_a_bundle_of_older_bytes_is_made_anew(store: ModelStore, root: Path, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    linked, path = store.files("x").weights, blob(root, store, "x")
    good = path.read_bytes()
    flip(path)
    path.unlink()
    path.write_bytes(good)
    assert linked.read_bytes() != good
    assert store.files("x").weights.read_bytes() == good


def test_verifying_can_be_cancelled(store: ModelStore, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        store.verify(progress=lambda done, total: None, cancelled=cancelled)


# ---- prune -----------------------------------------------------------------------------------


def kinds(found: Pruned) -> list[str]:
    return sorted(leftover.kind for leftover in found.leftovers)


def litter(root: Path) -> None:
    (root / "blobs" / "sha256" / ("a" * 64)).write_bytes(b"x" * 100)
    (root / "blobs" / "sha256" / ("b" * 64 + ".incomplete")).write_bytes(b"x" * 200)
    (root / "manifests" / "sha256" / ("c" * 64)).write_bytes(b"x" * 300)
    (root / "models.json.tmp-0123").write_bytes(b"x" * 400)
    bundle = root / "bundles" / "sha256" / ("d" * 64) / "model"
    bundle.mkdir(parents=True)
    os.link(root / "blobs" / "sha256" / ("a" * 64), bundle / "model.gguf")
    (bundle.parent / "config.json").write_bytes(b"x" * 500)


@pytest.mark.usefixtures("all_is_old")
@pytest.mark.parametrize("dry_run", [True, False])
def test_leftovers_go_and_models_stay(store: ModelStore, root: Path, tmp_path: Path, dry_run: bool) -> None:
    package(store, tmp_path, "x")
    store.files("x")
    (root / "unknown-to-us").write_bytes(b"?")
    (root / "blobs" / "sha256" / "README").write_bytes(b"?")
    clean = {path for path in root.rglob("*") if path.is_file()}
    litter(root)
    before = store.disk_usage()
    found = store.prune(dry_run=dry_run)
    assert kinds(found) == ["blob", "bundle", "manifest", "partial", "temporary"]
    assert found.num_bytes == 1500
    assert not found.is_under_way
    assert store.disk_usage() == (before if dry_run else before - 1500)
    if not dry_run:
        assert {path for path in root.rglob("*") if path.is_file()} == clean
        assert store.prune().leftovers == ()
    assert store.files("x").weights.is_file()


def test_young_files_are_left_alone(store: ModelStore, root: Path) -> None:
    litter(root)
    found = store.prune(older_than_seconds=0)  # never less than an hour
    assert found.leftovers == ()
    assert found.is_under_way


@pytest.mark.usefixtures("all_is_old")
def test_a_locked_partial_keeps_itself_and_all_blobs(store: ModelStore, root: Path) -> None:
    """A pull of many layers has finished some of them; its model is listed at the very end."""
    litter(root)
    partial = root / "blobs" / "sha256" / ("b" * 64 + ".incomplete")
    with partial.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = store.prune()
    assert found.is_under_way
    assert kinds(found) == ["bundle", "temporary"]
    assert partial.exists()
    assert (root / "blobs" / "sha256" / ("a" * 64)).exists()


@pytest.mark.usefixtures("all_is_old")
def test_what_another_programs_entries_list_stays(store: ModelStore, root: Path, tmp_path: Path) -> None:
    litter(root)
    package(store, tmp_path, "x")
    index = json.loads((root / "models.json").read_text())
    index["models"].append({"id": f"sha256:{'d' * 64}", "tags": 5, "files": [f"sha256:{'a' * 64}", "sha512:x"]})
    index["models"].append({"id": f"sha256:{'c' * 64}", "files": None, "new": True})
    (root / "models.json").write_text(json.dumps(index))
    assert kinds(store.prune()) == ["partial", "temporary"]


# ---- purge -----------------------------------------------------------------------------------


def test_purging(store: ModelStore, root: Path, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    store.files("x")
    litter(root)
    (root / "unknown").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"x")
    (root / "link").symlink_to(outside)
    store.purge()
    assert store.list() == []
    assert (outside / "mine").exists()
    names = {path.name for path in root.iterdir()}
    assert names == {"blobs", "manifests", "bundles", "layout.json", "models.json", ".dmr-desktop.lock"}
    assert json.loads((root / "layout.json").read_text()) == {"version": "1.0.0"}
    with pytest.raises(ModelNotFound):
        store.get("x")
    assert package(store, tmp_path, "x").tags == ("docker.io/ai/x:latest",)


def test_a_purge_that_is_stopped_half_way_leaves_a_store(
    store: ModelStore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another program that stores a file in a folder that is being deleted."""
    package(store, tmp_path, "x")
    rmtree = shutil.rmtree

    def delete(path: Path) -> None:
        rmtree(path)
        if path.name == "blobs":
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", delete)
        with pytest.raises(StoreError, match="Directory not empty"):
            store.purge()
    assert package(store, tmp_path, "x").tags == ("docker.io/ai/x:latest",)
    store.purge()
    assert store.list() == []


def test_purging_somebody_elses_folder_is_refused(store: ModelStore, root: Path, tmp_path: Path) -> None:
    package(store, tmp_path, "x")
    (root / "layout.json").unlink()
    with pytest.raises(StoreError, match=r"refusing to reset: directory .* \(missing layout.json\)"):
        store.purge()
    assert len(store.list()) == 1


def test_the_root_may_move(store: ModelStore, root: Path, tmp_path: Path) -> None:
    model = package(store, tmp_path, "x")
    store.files("x")
    root.rename(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    moved = ModelStore(tmp_path / "link")
    assert moved.list() == [model]
    assert moved.files("x").weights.is_file()
    moved.purge()
    assert (tmp_path / "link").is_symlink()
