"""Blobs: whole and right, or not there."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import DoesNotFit, StoreError
from dmr_desktop.store.blobs import BlobStore, Cancelled, WrongContent
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import Descriptor

DATA = bytes(range(256)) * 40
NEVER = threading.Event()


def describe(data: bytes) -> Descriptor:
    return Descriptor("x", "sha256:" + hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "models")
    found.open()
    return found


@pytest.fixture
def blobs(layout: Layout) -> BlobStore:
    return BlobStore(layout)


BLOB = describe(DATA)


def receive_until(blobs: BlobStore, error: Exception) -> None:
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA[:777])
        raise error


def names(layout: Layout) -> list[str]:
    return sorted(path.name for path in layout.blobs.iterdir())


def test_received_in_pieces(blobs: BlobStore, layout: Layout) -> None:
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        for start in range(0, len(DATA), 1000):
            partial.write(DATA[start : start + 1000])
        assert not blobs.has(BLOB)
        partial.finish(NEVER)
    assert blobs.path(BLOB.digest).read_bytes() == DATA
    assert names(layout) == [BLOB.digest.removeprefix("sha256:")]


def test_what_is_there_is_not_received_again(blobs: BlobStore) -> None:
    blobs.path(BLOB.digest).write_bytes(DATA)
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is None


@pytest.mark.parametrize("length", [0, 1, 5000, len(DATA) - 1, len(DATA)])
def test_resumed_where_it_stopped(blobs: BlobStore, layout: Layout, length: int) -> None:
    layout.partial(BLOB.digest).write_bytes(DATA[:length])
    assert blobs.num_missing_bytes(BLOB) == len(DATA) - length
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        assert partial.offset == length
        partial.write(DATA[length:])
        partial.finish(NEVER)
    assert blobs.path(BLOB.digest).read_bytes() == DATA


def test_an_interrupted_one_stays_for_the_next_try(blobs: BlobStore, layout: Layout) -> None:
    with pytest.raises(RuntimeError):
        receive_until(blobs, RuntimeError())
    assert layout.partial(BLOB.digest).read_bytes() == DATA[:777]


def test_a_wrong_prefix_is_found_out_and_dropped(blobs: BlobStore, layout: Layout) -> None:
    layout.partial(BLOB.digest).write_bytes(b"\0" * 100)
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA[100:])
        with pytest.raises(WrongContent):
            partial.finish(NEVER)
        assert partial.offset == 0
        partial.write(DATA)
        partial.finish(NEVER)
    assert blobs.path(BLOB.digest).read_bytes() == DATA


def test_too_long_a_partial_starts_anew(blobs: BlobStore, layout: Layout) -> None:
    layout.partial(BLOB.digest).write_bytes(DATA + b"x")
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        assert partial.offset == 0


def test_more_bytes_than_described_are_refused(blobs: BlobStore) -> None:
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA)
        with pytest.raises(WrongContent):
            partial.write(b"x")
        assert partial.offset == 0


def test_fewer_bytes_never_become_a_blob(blobs: BlobStore) -> None:
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA[:-1])
        with pytest.raises(WrongContent):
            partial.finish(NEVER)
    assert not blobs.has(BLOB)


@pytest.mark.parametrize("others", [b"", b"somebody else's bytes", DATA[:300]])
def test_a_file_touched_by_a_program_without_locks(blobs: BlobStore, layout: Layout, others: bytes) -> None:
    """Docker Model Runner writes to the same partial file without asking: the whole file decides."""
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA[:500])
        layout.partial(BLOB.digest).write_bytes(others)
        partial.write(DATA[500:])
        with pytest.raises(WrongContent):
            partial.finish(NEVER)
        partial.write(DATA)
        partial.finish(NEVER)
    assert blobs.path(BLOB.digest).read_bytes() == DATA


def test_two_threads_receive_one_blob_once(blobs: BlobStore) -> None:
    first_has_it, may_finish, answers = threading.Event(), threading.Event(), []

    def second() -> None:
        first_has_it.wait(10)
        may_finish.set()
        with blobs.receive(BLOB, NEVER) as partial:
            answers.append(partial)

    thread = threading.Thread(target=second)
    thread.start()
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        first_has_it.set()
        may_finish.wait(10)
        partial.write(DATA)
        partial.finish(NEVER)
    thread.join(10)
    assert answers == [None]


def test_waiting_for_another_can_be_cancelled(blobs: BlobStore) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with blobs.receive(BLOB, NEVER), pytest.raises(Cancelled), blobs.receive(BLOB, cancelled):
        pass


def test_hashing_a_prefix_can_be_cancelled(blobs: BlobStore, layout: Layout) -> None:
    layout.partial(BLOB.digest).write_bytes(DATA[:100])
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled), blobs.receive(BLOB, cancelled):
        pass


def test_flushed_before_it_gets_its_name(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(fd: int) -> None:
        calls.append("fsync")
        fsync(fd)

    def noted_replace(source: Path, target: Path) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    with blobs.receive(BLOB, NEVER) as partial:
        assert partial is not None
        partial.write(DATA)
        partial.finish(NEVER)
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_gives_its_space_back(blobs: BlobStore, layout: Layout, code: int) -> None:
    with pytest.raises(DoesNotFit, match="space"):
        receive_until(blobs, OSError(code, "full"))
    assert names(layout) == []


def test_another_disk_error_keeps_the_partial(blobs: BlobStore, layout: Layout) -> None:
    with pytest.raises(StoreError):
        receive_until(blobs, OSError(errno.EIO, "broken"))
    assert layout.partial(BLOB.digest).exists()


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_file_is_copied_not_linked(
    blobs: BlobStore, layout: Layout, tmp_path: Path, in_kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_kernel:
        monkeypatch.delattr(os, "copy_file_range")
    source = tmp_path / "source"
    source.write_bytes(DATA)
    heard: list[int] = []
    assert blobs.put_file(source, heard.append) == (BLOB.digest, len(DATA))
    source.write_bytes(b"changed later")
    assert blobs.path(BLOB.digest).read_bytes() == DATA
    assert heard == [len(DATA)]
    assert names(layout) == [BLOB.digest.removeprefix("sha256:")]


def test_where_the_kernel_cannot_copy(blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    source = tmp_path / "source"
    source.write_bytes(DATA)
    assert blobs.put_file(source, lambda _: None) == (BLOB.digest, len(DATA))


def test_a_file_that_cannot_be_read(blobs: BlobStore, layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        blobs.put_file(tmp_path / "missing", lambda _: None)
    assert names(layout) == []


def test_a_store_that_takes_no_changes_at_all(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only file system refuses to delete even what is not there."""

    def refuse(path: object, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    source = tmp_path / "source"
    source.write_bytes(DATA)
    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr("dmr_desktop.store.blobs.open", refuse, raising=False)
    with pytest.raises(StoreError, match="copying source into the store failed: Read-only file system"):
        blobs.put_file(source, lambda _: None)


def test_small_content_is_checked_when_read(blobs: BlobStore) -> None:
    digest = blobs.put(b"config")
    descriptor = Descriptor("x", digest, 6)
    assert blobs.get(descriptor) == b"config"
    blobs.path(digest).write_bytes(b"confiG")
    with pytest.raises(StoreError, match="damaged"):
        blobs.get(descriptor)
    blobs.path(digest).unlink()
    with pytest.raises(StoreError):
        blobs.get(descriptor)
