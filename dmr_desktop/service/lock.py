"""A lock that a process holds for as long as it lives: the system drops it when that dies, however that happens."""

import contextlib
import errno
import os
from pathlib import Path

from dmr_desktop.store.atomic import is_still_at, try_lock

_MOST_BYTES = 1000
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


class LockHeld(Exception):
    """Somebody else has the lock; ``holder`` is what that one wrote into the file."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class ProcessLock:
    """Held from :meth:`take` to :meth:`release`. The file stays: removing it would let two hold "the" lock."""

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self._path = path
        self._mode = mode
        self._descriptor: int | None = None

    def take(self, holder: str) -> None:
        """Raises :class:`LockHeld`, or OSError if there can be no such file or no lock on it."""
        while True:
            descriptor, is_writable = self._open()
            try:
                if not try_lock(descriptor):
                    raise LockHeld(_text_of(descriptor))
                if not is_still_at(descriptor, self._path):
                    os.close(descriptor)  # deleted in between: another would lock the new one
                    continue
                if is_writable:
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, f"{holder}\n".encode())
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
            return

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> tuple[int, bool]:
        """The file, and whether it may be written: one of another user can be locked all the same."""
        close_on_exec = getattr(os, "O_CLOEXEC", 0)
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | close_on_exec, self._mode), True
        except OSError as error:
            if error.errno not in _NOT_WRITABLE or not self._path.is_file():
                raise
        return os.open(self._path, os.O_RDONLY | close_on_exec), False


def _text_of(descriptor: int) -> str:
    with contextlib.suppress(OSError):  # Windows lets nobody read what is locked
        return os.read(descriptor, _MOST_BYTES).decode(errors="replace").strip()
    return ""
