"""Reading the whole store again and naming what is not what its name says.

Every manifest and blob is hashed once, whoever uses it. Damaged files can be removed, so that the next pull fetches
them again. Reads without a lock; what is removed is looked at again under the lock. Knows nothing of registries.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.store.atomic import store_error
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.bundles import remove_bundle
from dmr_desktop.store.index import Entry, Index
from dmr_desktop.store.layout import Layout, hex_of
from dmr_desktop.store.manifest import Manifest, parse_manifest
from dmr_desktop.store.reference import is_digest

_CHUNK = 1 << 20
Kind: TypeAlias = Literal["blob", "manifest"]


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is missing or wrong. ``models`` are the names (or ids) of the models that need it."""

    kind: Kind
    digest: str
    problem: str
    models: tuple[str, ...]
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """``num_models`` includes damaged ones; ``num_bytes`` were read."""

    num_models: int
    num_files: int
    num_bytes: int
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """``size`` is what some manifest says, None when nothing does."""

    kind: Kind
    digest: str
    path: Path
    size: int | None
    models: tuple[str, ...]


class Verification:
    """One pass. ``progress`` hears (bytes read, bytes in all); setting ``cancelled`` ends it with Cancelled."""

    def __init__(
        self, layout: Layout, index: Index, progress: Callable[[int, int], None], cancelled: threading.Event
    ) -> None:
        self._layout = layout
        self._index = index
        self._progress = progress
        self._cancelled = cancelled
        self._done = 0

    def run(self, *, remove: bool) -> Verified:
        """``remove``: delete what is damaged and the bundles made of it. Raises :class:`StoreError`."""
        entries = self._index.entries()
        try:
            files = list(self._files(entries))
            total = sum(_size_on_disk(file.path) for file in files)
            damages = []
            for file in files:
                problem = self._problem(file, total)
                if problem:
                    removed = remove and self._remove(file, entries)
                    damages.append(Damage(file.kind, file.digest, problem, file.models, removed))
        except OSError as error:
            raise store_error(error, "verifying the store") from error
        return Verified(len(entries), len(files), self._done, tuple(damages))

    # ---- what there is -----------------------------------------------------------------------

    def _files(self, entries: list[Entry]) -> Iterator[_File]:
        users: dict[str, list[str]] = {}
        sizes: dict[str, int] = {}
        for entry in entries:
            name = entry.tags[0] if entry.tags else entry.id
            yield _File("manifest", entry.id, self._layout.manifest(entry.id), None, (name,))
            manifest = self._manifest(entry)
            for digest in dict.fromkeys(manifest.files if manifest else entry.files):
                users.setdefault(digest, []).append(name)
            for each in (*manifest.layers, manifest.config) if manifest else ():
                sizes[each.digest] = each.size
        for path in sorted(self._layout.blobs.iterdir()):
            if is_digest(digest := f"sha256:{path.name}"):
                users.setdefault(digest, [])
        for digest, names in users.items():
            yield _File("blob", digest, self._layout.blob(digest), sizes.get(digest), tuple(names))

    def _manifest(self, entry: Entry) -> Manifest | None:
        try:
            manifest = parse_manifest(self._layout.manifest(entry.id).read_bytes())
        except (OSError, UnsupportedModel):
            return None
        return manifest if manifest.id == entry.id else None

    # ---- what is wrong -----------------------------------------------------------------------

    def _problem(self, file: _File, total: int) -> str:
        try:
            with open(file.path, "rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                if file.size is not None and size != file.size:
                    self._read(size, total)
                    return f"is {size} bytes long, {file.size} expected"
                found = hashlib.sha256()
                while chunk := opened.read(_CHUNK):
                    if self._cancelled.is_set():
                        raise Cancelled
                    found.update(chunk)
                    self._read(len(chunk), total)
        except FileNotFoundError:
            return "is missing" if file.models else ""
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return "" if found.hexdigest() == hex_of(file.digest) else "does not have the content its name says"

    def _read(self, count: int, total: int) -> None:
        self._done += count
        self._progress(self._done, max(total, self._done))

    def _remove(self, file: _File, entries: list[Entry]) -> bool:
        """Delete a damaged file, unless somebody has put another in its place; whether it is gone."""
        before = _identity(file.path)
        with self._index.change():
            if before is None or _identity(file.path) != before:
                return False
            file.path.unlink(missing_ok=True)
            for entry in entries:
                # A bundle is made of links: it holds on to the damaged bytes.
                if file.digest in (entry.id, *entry.files):
                    with contextlib.suppress(OSError):
                        remove_bundle(self._layout, entry.id)
        return True


def _size_on_disk(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
