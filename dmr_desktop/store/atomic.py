"""Files that are either the old or the new version, and locks that other processes see.

Write to ``<name>.tmp-<random>`` beside the target, fsync, rename, fsync the folder: the way of the real Docker
Model Runner plus the fsyncs. Knows nothing of what the files hold.
"""

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from dmr_desktop.protocol.errors import DMRError, DoesNotFit, StoreError

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, wait: bool) -> None:
        msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(fd: int, wait: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_about_space(error: OSError) -> bool:
    return error.errno in _FULL


def store_error(error: OSError, doing: str) -> DMRError:
    """The protocol's error for a failed system call on the store; ``doing`` as in "writing the index"."""
    reason = error.strerror or type(error).__name__
    if is_about_space(error):
        return DoesNotFit(f"no space left on the disk while {doing}", hint="free some space and try again")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return StoreError(f"{doing} failed: {reason}", hint="check who owns the model folder and that it is writable")
    return StoreError(f"{doing} failed: {reason}", hint="check the disk that holds the model folder")


def temporary_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp-{secrets.token_hex(8)}")


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` (mode 0644), durably. Raises OSError; leaves no temporary file behind."""
    temporary = temporary_name(path)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames in ``path`` durable; does nothing where folders cannot be opened (Windows)."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def try_lock(fd: int) -> bool:
    """Take the lock of an open file without waiting. Closing ``fd`` (or dying) lets go."""
    try:
        _lock(fd, wait=False)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` alone among all threads and processes; waits for it. Raises OSError.

    Somebody may delete the file while we wait (a purge empties the folder): a lock on a file that is no longer
    under its name protects nothing, so it is taken again.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(fd, wait=True)
            if is_still_at(fd, path):
                yield
                return
        finally:
            os.close(fd)


def is_still_at(fd: int, path: Path) -> bool:
    """Whether the open file is the one under ``path`` now."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
