"""Where things lie under the root, and whether the root is a store at all.

The four names and ``layout.json`` are Docker Model Runner's, so that both can share one folder. Knows paths, not
contents.
"""

import json
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import StoreError
from dmr_desktop.settings import read_small_file
from dmr_desktop.store.atomic import store_error, write_atomic

VERSION = "1.0.0"
LOCK_NAME = ".dmr-desktop.lock"
OWNER_NAME = ".dmr-desktop.owner"
"""Locked by the service that serves the store, as long as it does."""
PARTIAL_SUFFIX = ".incomplete"
STALE_SECONDS = 7 * 24 * 3600
"""Age at which partial downloads and temporary files are swept when the store opens."""

_OWN_NAMES = {"blobs", "manifests", "bundles", "models.json", "layout.json", LOCK_NAME, OWNER_NAME}
_log = logging.getLogger(__name__)


def hex_of(digest: str) -> str:
    return digest.removeprefix("sha256:")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one store. ``open`` before first use."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / "layout.json"

    @property
    def index(self) -> Path:
        return self.root / "models.json"

    @property
    def lock(self) -> Path:
        return self.root / LOCK_NAME

    @property
    def owner(self) -> Path:
        return self.root / OWNER_NAME

    @property
    def blobs(self) -> Path:
        return self.root / "blobs" / "sha256"

    @property
    def manifests(self) -> Path:
        return self.root / "manifests" / "sha256"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles" / "sha256"

    def blob(self, digest: str) -> Path:
        return self.blobs / hex_of(digest)

    def partial(self, digest: str) -> Path:
        return self.blobs / (hex_of(digest) + PARTIAL_SUFFIX)

    def manifest(self, digest: str) -> Path:
        return self.manifests / hex_of(digest)

    def bundle(self, digest: str) -> Path:
        return self.bundles / hex_of(digest)

    def open(self) -> None:
        """Create what is missing and sweep what was left behind.

        Raises :class:`StoreError` when the folder is somebody else's, of a newer version, or cannot be written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.marker.exists():
                self._check_version()
            else:
                self._check_vacant()
                write_atomic(self.marker, json.dumps({"version": VERSION}, indent=2).encode())
            for folder in (self.blobs, self.manifests, self.bundles):
                folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
        except (FileExistsError, NotADirectoryError):
            raise StoreError(
                f"{self.root} cannot be a model store: something on its path is not a folder",
                hint="set MODELS_PATH to a folder",
            ) from None
        except OSError as error:
            raise store_error(error, f"opening the model store {self.root}") from error

    def clear(self) -> None:
        """Delete everything under the root and make an empty store of it; the caller holds the lock.

        Raises :class:`StoreError` when this does not look like a store, and OSError.
        """
        if not self.marker.is_file():
            raise StoreError(
                f'refusing to reset: directory "{self.root}" does not appear to be a model store (missing layout.json)'
            )
        try:
            # The marker goes last: whatever stops this, the rest is still known as a store and can be cleared again.
            for path in sorted(self.root.iterdir(), key=lambda path: path == self.marker):
                if path in (self.lock, self.owner):
                    continue
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        finally:
            self.open()

    def _check_vacant(self) -> None:
        strangers = [p.name for p in self.root.iterdir() if p.name not in _OWN_NAMES and ".tmp-" not in p.name]
        if strangers:
            raise StoreError(
                f"{self.root} is not empty and is not a model store (no layout.json)",
                hint="set MODELS_PATH to an empty folder or to an existing store",
            )

    def _check_version(self) -> None:
        try:
            version = json.loads(read_small_file(self.marker))["version"]
            major = int(version.split(".")[0])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise StoreError(
                f"{self.marker} cannot be read", hint='it should hold {"version": "1.0.0"}; delete it to have it remade'
            ) from None
        if major > int(VERSION.split(".")[0]):
            raise StoreError(
                f"the model store {self.root} has the newer version {version}", hint="update DMR Desktop to use it"
            )

    def _sweep(self) -> None:
        horizon = time.time() - STALE_SECONDS
        for folder in (self.root, self.blobs, self.manifests, self.bundles):
            for path in folder.iterdir():
                if not path.name.endswith(PARTIAL_SUFFIX) and ".tmp-" not in path.name:
                    continue
                try:
                    if path.lstat().st_mtime < horizon:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
                        _log.info("removed stale partial file %s", path.name)
                except OSError as error:
                    _log.warning("cannot remove stale partial file %s: %s", path.name, error)
