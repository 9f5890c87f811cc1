"""One service a user: a file lock, which the system drops when its holder dies, however that happens."""

import os
import sys
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict


class AlreadyRunning(Conflict):
    """Another service holds the lock; ``holder`` is what it wrote into the file."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"the service is already running{f' ({holder})' if holder else ''}")
        self.holder = holder


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ServiceLock:
    """Held from :meth:`take` to :meth:`release`. The file stays: removing it would let two hold "the" lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, holder: str) -> None:
        """Raises :class:`AlreadyRunning`, or OSError if there can be no such file."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            found = os.read(descriptor, 1000).decode(errors="replace").strip()
            os.close(descriptor)
            raise AlreadyRunning(found) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{holder}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
