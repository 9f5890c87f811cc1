"""The bundled demo model: stored once, and brought back by ``pull`` from the program's own files.

A mark in the state directory remembers that it was stored, so a user who removes it keeps it removed.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dmr_desktop.protocol.errors import DMRError, RegistryError
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, Progress

log = logging.getLogger(__name__)


class DemoStore(Protocol):
    """What this needs of the store."""

    def normalise(self, reference: str) -> str: ...
    def package_gguf(self, path: Path, target: str, *, progress: Callable[[Progress], None] | None = None) -> Model: ...
    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...


class DemoModel:
    """``gguf`` is the bundled file, ``mark`` the file that says it was stored. Methods block."""

    def __init__(self, store: DemoStore, gguf: Path, mark: Path) -> None:
        self._store = store
        self._gguf = gguf
        self._mark = mark

    def store_once(self) -> bool:
        """Whether it was stored now. A failure is logged: the service works without the demo."""
        if self._mark.exists() or not self._gguf.is_file():
            return False
        try:
            self._store.package_gguf(self._gguf, DEMO_REFERENCE)
            self._mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._mark.touch()
        except (DMRError, OSError) as error:
            log.warning("the demo model could not be stored: %s", error)
            return False
        return True

    # ---- the store's pulling side, with the demo in front ------------------------------------

    def normalise(self, reference: str) -> str:
        return self._store.normalise(reference)

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str:
        """As the store's; the demo's reference needs no network."""
        if self._store.normalise(reference) != DEMO_REFERENCE:
            return self._store.pull(reference, progress=progress, cancelled=cancelled, bearer_token=bearer_token)
        if not self._gguf.is_file():
            raise RegistryError("the demo model is not part of this installation", hint="pull another model")
        self._store.package_gguf(self._gguf, DEMO_REFERENCE, progress=progress)
        return "Model pulled successfully"
