"""Opening a folder as a store."""

import errno
import os
import time
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import StoreError
from dmr_desktop.store.layout import STALE_SECONDS, Layout

DIGEST = "sha256:" + "a" * 64


def test_a_new_store(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "deep" / "models")
    layout.open()
    assert layout.marker.read_text() == '{\n  "version": "1.0.0"\n}'
    assert layout.blob(DIGEST) == layout.root / "blobs" / "sha256" / ("a" * 64)
    assert layout.partial(DIGEST).name == "a" * 64 + ".incomplete"
    assert layout.root.stat().st_mode & 0o077 == 0
    layout.open()


def test_a_store_that_lost_its_marker(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "models.json").write_text("{}")
    Layout(tmp_path).open()


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("do not touch")
    with pytest.raises(StoreError, match="not a model store"):
        Layout(tmp_path).open()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_newer_store_is_never_written(tmp_path: Path) -> None:
    (tmp_path / "layout.json").write_text('{"version": "2.0.0"}')
    with pytest.raises(StoreError, match="newer"):
        Layout(tmp_path).open()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 5}', '{"version": "x"}', "[" * 9999])
def test_a_marker_nobody_can_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "layout.json").write_text(text)
    with pytest.raises(StoreError, match=r"layout\.json cannot be read"):
        Layout(tmp_path).open()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "models"):
        with pytest.raises(StoreError, match="not a folder"):
            Layout(path).open()


def test_symlinks_to_stores_work_and_dangling_ones_say_so(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    Layout(tmp_path / "link").open()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(StoreError):
        Layout(tmp_path / "dangling").open()


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("dmr_desktop.store.layout.write_atomic", refuse)
    with pytest.raises(StoreError, match="Permission denied") as caught:
        Layout(tmp_path).open()
    assert "writable" in caught.value.hint


def test_old_partial_files_are_swept_and_young_ones_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.open()
    old = [layout.partial(DIGEST), layout.blobs / "copy.tmp-1", tmp_path / "models.json.tmp-2"]
    bundle = layout.bundles / "x.tmp-3"
    (bundle / "model").mkdir(parents=True)
    kept = [layout.blob(DIGEST), layout.partial("sha256:" + "b" * 64), layout.blobs / "copy.tmp-4"]
    for path in (*old, *kept):
        path.write_bytes(b"x")
    past = time.time() - STALE_SECONDS - 60
    for path in (*old, bundle, layout.blob(DIGEST)):
        os.utime(path, (past, past))
    layout.open()
    assert not any(path.exists() for path in (*old, bundle))
    assert all(path.exists() for path in kept)
