"""One service a store: two would fill the machine's memory each for itself, and delete models that the other serves.

Other programs (a real Docker Model Runner, this program's own older threads) may share the folder; each change of it is
guarded by the store itself.
"""

import logging
import os
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.service.lock import LockHeld, ProcessLock
from dmr_desktop.store.layout import Layout

log = logging.getLogger(__name__)


class StoreInUse(Conflict):
    """Another service has the store."""

    title = "Models in use"


class StoreOwner:
    """``root`` is the store's, ``socket`` the door at which its service is found."""

    def __init__(self, root: Path, socket: Path) -> None:
        self._root = root
        self._socket = socket
        self._lock = ProcessLock(Layout(root).owner, mode=0o644)

    def take(self) -> None:
        """Raises :class:`StoreInUse`. A folder in which no lock can be had is used without, and the log says so."""
        try:
            self._lock.take(f"process {os.getpid()}, {self._socket}")
        except LockHeld as held:
            raise self._in_use(held.holder) from None
        except OSError as error:
            log.warning("nobody keeps other services off %s: no lock can be had (%s)", self._root, error.strerror)

    def release(self) -> None:
        self._lock.release()

    def _in_use(self, holder: str) -> StoreInUse:
        socket = holder.partition(", ")[2]
        stop = f"`MODEL_RUNNER_HOST=unix://{socket} dmr stop`" if socket else "end that process"
        return StoreInUse(
            f"another service{f' ({holder})' if holder else ''} serves the models in {self._root}",
            hint=f"use that one, or stop it: {stop}; or choose another folder: --models-path, MODELS_PATH",
        )
