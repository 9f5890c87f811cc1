"""The bundled demo model: stored once, and brought back by ``pull`` from the program's own files.

A mark in the state directory remembers what was stored, so a user who removes it keeps it removed, and one
who keeps it gets the newer one of a newer version.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dmr_desktop.protocol.errors import DMRError, ModelNotFound, RegistryError
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, Progress
from dmr_desktop.settings import read_small_file

log = logging.getLogger(__name__)


class DemoStore(Protocol):
    """What this needs of the store."""

    def normalise(self, reference: str) -> str: ...
    def get(self, reference: str) -> Model: ...
    def remove(self, reference: str, force: bool = False) -> list[dict[str, str]]: ...
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
        """Whether it was stored now, or replaced by a newer one. A failure is logged: the service works without it."""
        if not self._gguf.is_file():
            return False
        try:
            digest = hashlib.sha256(self._gguf.read_bytes()).hexdigest()
            if self._mark.exists() and not self._is_outdated(digest):
                return False
            self._store_now(digest)
        except (DMRError, OSError) as error:
            log.warning("the demo model could not be stored: %s", error)
            return False
        return True

    def _is_outdated(self, digest: str) -> bool:
        """Whether the user still has the model that we stored, and it came from another file than today's."""
        try:
            mark: dict[str, str] = json.loads(read_small_file(self._mark))
            return mark["gguf"] != digest and self._store.get(DEMO_REFERENCE).id == mark["model"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError, ModelNotFound):
            return False

    def _store_now(self, digest: str) -> None:
        before = self._tagged()
        model = self._store.package_gguf(self._gguf, DEMO_REFERENCE)
        if before is not None and before.id != model.id and before.tags == (DEMO_REFERENCE,):
            self._store.remove(before.id)
        self._mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._mark.write_text(json.dumps({"gguf": digest, "model": model.id}), encoding="utf-8")

    def _tagged(self) -> Model | None:
        try:
            return self._store.get(DEMO_REFERENCE)
        except ModelNotFound:
            return None

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
