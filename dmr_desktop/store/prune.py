"""Clearing away what no model needs: unfinished downloads, blobs, manifests and bundles without an owner.

Careful by rule: nothing younger than a bound, nothing locked, and no finished blob as long as any transfer may be
under way, because a pull, ours or a real Docker Model Runner's, lists its model only at the end.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from dmr_desktop.store.atomic import store_error, try_lock
from dmr_desktop.store.index import Draft, Index
from dmr_desktop.store.layout import PARTIAL_SUFFIX, Layout
from dmr_desktop.store.reference import is_digest

LEAST_AGE_SECONDS = 3600.0
DEFAULT_AGE_SECONDS = 24 * 3600.0
Kind: TypeAlias = Literal["partial", "temporary", "blob", "manifest", "bundle"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """``num_bytes`` of it come back when it goes; ``name`` is relative to the store's root."""

    kind: Kind
    name: str
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """``is_under_way``: a transfer may be running, so finished blobs were left alone."""

    leftovers: tuple[Leftover, ...]
    is_under_way: bool

    @property
    def num_bytes(self) -> int:
        return sum(leftover.num_bytes for leftover in self.leftovers)


def prune(layout: Layout, index: Index, *, older_than_seconds: float, dry_run: bool) -> Pruned:
    """Delete leftovers, or only name them. Raises :class:`StoreError`."""
    try:
        with index.change() as draft:
            return _Pruning(layout, draft, max(older_than_seconds, LEAST_AGE_SECONDS), dry_run).run()
    except OSError as error:
        raise store_error(error, "clearing the store") from error


class _Pruning:
    def __init__(self, layout: Layout, draft: Draft, age_seconds: float, dry_run: bool) -> None:
        self._layout = layout
        self._draft = draft
        self._horizon = time.time() - age_seconds
        self._dry_run = dry_run
        self._names_found: dict[tuple[int, int], int] = {}

    def run(self) -> Pruned:
        found: list[Leftover] = []
        partials, temporaries = list(self._partials()), list(self._temporaries())
        is_under_way = not all(is_old for _, is_old in (*partials, *temporaries))
        found += [self._clear("partial", path, _delete_unlocked) for path, is_old in partials if is_old]
        found += [self._clear("temporary", path, _delete) for path, is_old in temporaries if is_old]
        found += [self._clear("bundle", path, _delete) for path in self._ownerless(self._layout.bundles)]
        if not is_under_way:
            found += [self._clear("manifest", path, _delete) for path in self._ownerless(self._layout.manifests)]
            found += [self._clear("blob", path, _delete) for path in self._blobs()]
        return Pruned(tuple(found), is_under_way)

    def _clear(self, kind: Kind, path: Path, delete: Callable[[Path], bool]) -> Leftover:
        size = self._size(path)
        if not self._dry_run and not delete(path):
            size = 0
        return Leftover(kind, path.relative_to(self._layout.root).as_posix(), size)

    def _partials(self) -> Iterator[tuple[Path, bool]]:
        """Unfinished downloads, and whether nobody can be working on them any more."""
        for path in sorted(self._layout.blobs.iterdir()):
            if path.name.endswith(PARTIAL_SUFFIX):
                yield path, self._is_old(path) and not _is_locked(path)

    def _temporaries(self) -> Iterator[tuple[Path, bool]]:
        folders = (self._layout.root, self._layout.blobs, self._layout.manifests, self._layout.bundles)
        for path in (path for folder in folders for path in sorted(folder.iterdir())):
            if ".tmp-" in path.name:
                yield path, self._is_old(path)

    def _ownerless(self, folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            digest = f"sha256:{path.name}"
            if is_digest(digest) and not self._draft.mentions_model(digest) and self._is_old(path):
                yield path

    def _blobs(self) -> Iterator[Path]:
        for path in sorted(self._layout.blobs.iterdir()):
            digest = f"sha256:{path.name}"
            if is_digest(digest) and not self._draft.mentions(digest) and self._is_old(path):
                yield path

    def _size(self, path: Path) -> int:
        if not path.is_dir() or path.is_symlink():
            return self._freed(path)
        return sum(self._freed(Path(here, name)) for here, _, names in os.walk(path) for name in names)

    def _freed(self, path: Path) -> int:
        """Bytes that deleting a file gives back: those of a file with several names come with the last of them."""
        try:
            status = path.lstat()
        except OSError:
            return 0
        key = (status.st_dev, status.st_ino)
        found = self._names_found[key] = self._names_found.get(key, 0) + 1
        # When it is not a dry run, the names found before are gone from st_nlink already.
        return status.st_size if status.st_nlink <= (found if self._dry_run else 1) else 0

    def _is_old(self, path: Path) -> bool:
        try:
            status = path.lstat()
        except FileNotFoundError:
            return False
        # A rename or a link changes the second one only.
        return max(status.st_mtime, status.st_ctime) < self._horizon


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)


def _delete(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _delete_unlocked(path: Path) -> bool:
    """Delete a partial download while holding its lock, so that no pull begins to resume it meanwhile."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return try_lock(fd) and _delete(path)
    finally:
        os.close(fd)
