"""``models.json``: which models are stored under which tags.

Shared with other processes: read anew for every question, changed only under the store's lock and by rename.
Keys and entries it does not understand pass through unchanged. Tags are compared by what they mean, because older
versions wrote ``ai/smollm2:latest`` for ``docker.io/ai/smollm2:latest``. Knows nothing of files on disk but its own
and, when it has to be rebuilt, the manifests.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import InvalidReference, UnsupportedModel
from dmr_desktop.settings import read_small_file
from dmr_desktop.store.atomic import locked, store_error, write_atomic
from dmr_desktop.store.json_document import strict_json
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import parse_manifest
from dmr_desktop.store.reference import is_digest, parse_reference

MAX_INDEX_BYTES = 64 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: its id, its tags fully qualified and oldest first, and the digests of its layers and config."""

    id: str
    tags: tuple[str, ...]
    files: tuple[str, ...]


class Draft:
    """The index while the lock is held. Changes are written by :meth:`save`, at the latest when the lock is let go."""

    def __init__(self, document: dict[str, Any], default_registry: str, path: Path, is_changed: bool = False) -> None:
        self._document = document
        self._default_registry = default_registry
        self._path = path
        self._models: list[Any] = document["models"]
        self._is_changed = is_changed

    def save(self) -> None:
        """Write what has changed. Raises OSError."""
        if self._is_changed:
            write_atomic(self._path, json.dumps(self._document, indent=2, ensure_ascii=False).encode())
            self._is_changed = False

    @property
    def entries(self) -> list[Entry]:
        return [entry for raw in self._models if (entry := self._entry(raw)) is not None]

    def find(self, model_id: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == model_id), None)

    def add(self, model_id: str, files: Sequence[str]) -> None:
        """Add an untagged model; an id that is there already stays as it is."""
        if self.find(model_id) is None:
            self._models.append({"id": model_id, "tags": [], "files": list(files)})
            self._is_changed = True

    def tag(self, model_id: str, tag: str) -> None:
        """Give ``tag`` (fully qualified) to a model; whichever other model has it loses it."""
        for raw in self._models:
            entry = self._entry(raw)
            if entry is None:
                continue
            if entry.id != model_id:
                self._drop(raw, tag)
            elif tag not in entry.tags:
                raw["tags"] = [*(raw.get("tags") or []), tag]
                self._is_changed = True

    def untag(self, tag: str) -> None:
        for raw in self._models:
            if self._entry(raw) is not None:
                self._drop(raw, tag)

    def remove(self, model_id: str) -> None:
        kept = [raw for raw in self._models if (entry := self._entry(raw)) is None or entry.id != model_id]
        self._is_changed |= len(kept) != len(self._models)
        self._document["models"] = self._models = kept

    def mentions(self, digest: str) -> bool:
        """Whether any entry, also one we do not understand, lists the file ``digest``."""
        return any(
            isinstance(raw, dict) and isinstance(raw.get("files"), list) and digest in raw["files"]
            for raw in self._models
        )

    def mentions_model(self, model_id: str) -> bool:
        """Whether any entry, also one we do not understand, is for ``model_id``."""
        return any(isinstance(raw, dict) and raw.get("id") == model_id for raw in self._models)

    def _drop(self, raw: dict[str, Any], tag: str) -> None:
        old = raw.get("tags") or []
        kept = [text for text in old if self._qualified(text) != tag]
        if len(kept) != len(old):
            raw["tags"] = kept
            self._is_changed = True

    def _entry(self, raw: Any) -> Entry | None:
        if not isinstance(raw, dict):
            return None
        model_id, tags, files = raw.get("id"), raw.get("tags") or [], raw.get("files") or []
        if not isinstance(model_id, str) or not is_digest(model_id):
            return None
        if not isinstance(tags, list) or not isinstance(files, list) or not all(map(is_digest, files)):
            return None
        qualified = dict.fromkeys(tag for text in tags if (tag := self._qualified(text)) is not None)
        return Entry(model_id, tuple(qualified), tuple(files))

    def _qualified(self, text: Any) -> str | None:
        if not isinstance(text, str):
            return None
        try:
            return parse_reference(text, self._default_registry).tag_name
        except InvalidReference:
            return None


class Index:
    """The one owner of ``models.json``."""

    def __init__(self, layout: Layout, default_registry: str) -> None:
        self._layout = layout
        self._default_registry = default_registry

    def entries(self) -> list[Entry]:
        """All models, in order of arrival. Raises :class:`StoreError` when the file cannot be read."""
        document = self._read()
        if document is None:
            # Missing or garbage: mending it is a change, so it happens under the lock.
            with self.change() as draft:
                return draft.entries
        return Draft(document, self._default_registry, self._layout.index).entries

    @contextlib.contextmanager
    def change(self) -> Iterator[Draft]:
        """Read, let the caller modify, write: alone among all processes that honour the lock."""
        try:
            with locked(self._layout.lock):
                document = self._read()
                is_bad = document is None
                draft = Draft(document or self._mended(), self._default_registry, self._layout.index, is_bad)
                yield draft
                draft.save()
        except OSError as error:
            raise store_error(error, "changing the list of models") from error

    def reset(self) -> None:
        """Empty the whole store; the list is written anew. Raises :class:`StoreError`."""
        try:
            with locked(self._layout.lock):
                self._layout.clear()
                write_atomic(self._layout.index, json.dumps({"models": []}, indent=2).encode())
        except OSError as error:
            raise store_error(error, "emptying the model store") from error

    def _read(self) -> dict[str, Any] | None:
        try:
            document = strict_json(read_small_file(self._layout.index, MAX_INDEX_BYTES))
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise store_error(error, "reading the list of models") from error
        if document.get("models") is None:
            document["models"] = []
        return document if isinstance(document["models"], list) else None

    def _mended(self) -> dict[str, Any]:
        """A new index from the manifests whose blobs are all there; tags are lost with the old one."""
        if self._layout.index.exists():
            aside = self._layout.index.with_name(f"models.json.bad-{int(time.time())}")
            os.replace(self._layout.index, aside)
            _log.error("models.json was damaged: kept as %s and rebuilt, models have lost their tags", aside.name)
        models = []
        for path in sorted(self._layout.manifests.iterdir()):
            try:
                manifest = parse_manifest(path.read_bytes())
            except (OSError, UnsupportedModel):
                continue
            is_whole = all(self._layout.blob(digest).is_file() for digest in manifest.files)
            if is_whole and self._layout.manifest(manifest.id) == path:
                models.append({"id": manifest.id, "tags": [], "files": list(manifest.files)})
        return {"models": models}
