"""Blobs: bytes under the name of their SHA-256, whole and right or not there at all.

A blob arrives in ``<hex>.incomplete`` (Docker Model Runner's name, so either program can resume the other's
download), under a lock on that file. It is hashed while it is written; what was there before is hashed first. Only
a file of the right size and digest is flushed to disk and renamed. Knows nothing of registries.
"""

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from dmr_desktop.protocol.errors import DMRError, DoesNotFit, StoreError
from dmr_desktop.store.atomic import is_still_at, store_error, sync_directory, temporary_name, try_lock, write_atomic
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import Descriptor, digest_of

_CHUNK = 1 << 20
_COPY_CHUNK = 8 << 20
_NO_COPY_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
_LOCK_POLL_SECONDS = 0.1


class Cancelled(StoreError):
    """The caller asked to stop. What has arrived stays for the next try."""

    title = "Cancelled"

    def __init__(self) -> None:
        super().__init__("the transfer was cancelled", hint="pull again to go on where it stopped")


class WrongContent(StoreError):
    """The bytes are not those of the digest; the partial file is empty again."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"the bytes received are not those of {digest}")


class Partial:
    """A blob on its way, held by one thread. ``offset`` bytes are on disk and hashed.

    Invariant: while ``offset`` > 0, the file holds exactly ``offset`` bytes and ``_hash`` is theirs; a file that
    somebody else has touched meanwhile (a real Docker Model Runner takes no locks) is hashed anew at the end.
    """

    def __init__(self, fd: int, descriptor: Descriptor, path: Path, target: Path) -> None:
        self._fd = fd
        self._path = path
        self._target = target
        self._hash = hashlib.sha256()
        self._touched_by_others = False
        self.descriptor = descriptor
        self.offset = 0

    def resume(self, cancelled: threading.Event) -> None:
        """Hash what is there. Raises :class:`Cancelled`."""
        if os.fstat(self._fd).st_size > self.descriptor.size:
            self.restart()
        self.offset = self._hash_prefix(cancelled)

    def restart(self) -> None:
        """Throw away what is there."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self._touched_by_others = False
        self.offset = 0

    def discard(self) -> None:
        """Delete the file: nobody will go on with it. Who waits for its lock makes a new one."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def write(self, data: bytes) -> None:
        """Append. Raises :class:`WrongContent` when it gets longer than the descriptor says, else OSError."""
        if self.offset + len(data) > self.descriptor.size:
            self.restart()
            raise WrongContent(self.descriptor.digest)
        self._touched_by_others |= os.fstat(self._fd).st_size != self.offset
        os.lseek(self._fd, self.offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._hash.update(view[:written])
            self.offset += written
            view = view[written:]

    def finish(self, cancelled: threading.Event) -> None:
        """Make it a blob. Raises :class:`WrongContent` when size or digest are wrong, else OSError."""
        if self._touched_by_others or os.fstat(self._fd).st_size != self.offset:
            self._hash = hashlib.sha256()
            self.offset = self._hash_prefix(cancelled)
        if self.offset != self.descriptor.size or f"sha256:{self._hash.hexdigest()}" != self.descriptor.digest:
            self.restart()
            raise WrongContent(self.descriptor.digest)
        os.fsync(self._fd)
        os.replace(self._path, self._target)
        sync_directory(self._target.parent)

    def _hash_prefix(self, cancelled: threading.Event) -> int:
        os.lseek(self._fd, 0, os.SEEK_SET)
        length = 0
        while chunk := os.read(self._fd, _CHUNK):
            if cancelled.is_set():
                raise Cancelled
            self._hash.update(chunk)
            length += len(chunk)
        return length


class BlobStore:
    """All blobs of one store."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def path(self, digest: str) -> Path:
        return self._layout.blob(digest)

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there in full length."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except OSError:
            return False

    def num_missing_bytes(self, descriptor: Descriptor) -> int:
        """Bytes that receiving the blob would add to the disk."""
        if self.has(descriptor):
            return 0
        try:
            return max(0, descriptor.size - self._layout.partial(descriptor.digest).stat().st_size)
        except OSError:
            return descriptor.size

    @contextlib.contextmanager
    def receive(self, descriptor: Descriptor, cancelled: threading.Event) -> Iterator[Partial | None]:
        """Hold the blob's partial file; None when the blob is there already, be it since a moment ago.

        Waits while another thread or process holds it. Raises :class:`Cancelled`, :class:`DoesNotFit` (the disk is
        full: the partial file is given up) and :class:`StoreError`.
        """
        path = self._layout.partial(descriptor.digest)
        try:
            while not self.has(descriptor):
                fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
                try:
                    if not try_lock(fd):
                        if cancelled.wait(_LOCK_POLL_SECONDS):
                            raise Cancelled
                        continue
                    if not is_still_at(fd, path):
                        continue
                    partial = Partial(fd, descriptor, path, self.path(descriptor.digest))
                    partial.resume(cancelled)
                    yield partial
                    return
                finally:
                    os.close(fd)
        except OSError as error:
            raise self._gave_up(path, store_error(error, "receiving a layer")) from error
        yield None

    def put(self, data: bytes) -> str:
        """Store small content (a config) and return its digest. Raises :class:`StoreError`."""
        digest = digest_of(data)
        try:
            write_atomic(self.path(digest), data)
        except OSError as error:
            raise store_error(error, "writing a config") from error
        return digest

    def put_file(self, source: Path, copied: Callable[[int], None]) -> tuple[str, int]:
        """Copy a file into the store; its digest and size. ``copied`` hears the bytes so far.

        A copy (sharing the disk's blocks where the file system can), never a link: the file stays the user's to
        change. Raises :class:`StoreError`.
        """
        temporary = temporary_name(self._layout.blobs / "copy")
        try:
            with open(source, "rb") as reader, open(temporary, "x+b") as writer:
                digest, size = _copy_and_hash(reader.fileno(), writer.fileno(), copied)
                os.fsync(writer.fileno())
                if hasattr(os, "fchmod"):
                    os.fchmod(writer.fileno(), 0o644)
            # A bundle may be linked to the blob that is there: another copy would only take more room.
            if not self.has(Descriptor("", digest, size)):
                os.replace(temporary, self.path(digest))
                sync_directory(self._layout.blobs)
        except OSError as error:
            raise store_error(error, f"copying {source.name} into the store") from error
        finally:
            with contextlib.suppress(OSError):  # gone already, or on a disk that takes no changes at all
                temporary.unlink()
        return digest, size

    def get(self, descriptor: Descriptor) -> bytes:
        """Small content, checked against its digest. Raises :class:`StoreError`."""
        try:
            data = self.path(descriptor.digest).read_bytes()
        except OSError as error:
            raise store_error(error, "reading a config") from error
        if digest_of(data) != descriptor.digest:
            raise StoreError("a stored config is damaged", hint="remove the model and pull it again")
        return data

    def _gave_up(self, path: Path, error: DMRError) -> DMRError:
        if isinstance(error, DoesNotFit):
            # A partial file nobody can finish would keep the disk full for a week.
            with contextlib.suppress(OSError):
                path.unlink()
        return error


def _copy_and_hash(source: int, target: int, copied: Callable[[int], None]) -> tuple[str, int]:
    """Copy the whole file; what is hashed is what has been written."""
    found = hashlib.sha256()
    size = 0
    in_kernel = hasattr(os, "copy_file_range")
    while True:
        if in_kernel:
            try:
                count = os.copy_file_range(source, target, _COPY_CHUNK, size, size)
            except OSError as error:
                if error.errno not in _NO_COPY_IN_KERNEL:
                    raise
                in_kernel = False
                continue
            chunk = _read_at(target, count, size)
        else:
            os.lseek(source, size, os.SEEK_SET)
            os.lseek(target, size, os.SEEK_SET)
            chunk = os.read(source, _COPY_CHUNK)
            _write_all(target, chunk)
        if not chunk:
            return f"sha256:{found.hexdigest()}", size
        found.update(chunk)
        size += len(chunk)
        copied(size)


def _read_at(fd: int, count: int, offset: int) -> bytes:
    os.lseek(fd, offset, os.SEEK_SET)
    parts = []
    while count and (part := os.read(fd, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
