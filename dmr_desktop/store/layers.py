"""Files of this machine as layers of an artifact that is being made.

Times are the files' own and owners are left out, so the same files give the same artifact. Facts: Docker's
model-spec and the CNCF annotations it borrows.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.config import format_time
from dmr_desktop.store.manifest import (
    FILE_METADATA,
    FILEPATH,
    MAX_LAYERS,
    MEDIA_TYPE_UNTESTED,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    parse_manifest,
)
from dmr_desktop.store.progress import LayerProgress


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be packaged. ``name``: its path inside the artifact, "" for the file's own name."""

    path: Path
    media_type: str
    name: str = ""

    @property
    def label(self) -> str:
        return os.fsencode(self.name or self.path.name).decode("utf-8", "replace")


def modified(path: Path) -> datetime:
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def check_is_file(path: Path) -> None:
    """Raises :class:`InvalidRequest`."""
    if not path.is_file():
        raise InvalidRequest(f"{path.name} is not a file", hint="check the path")


def copy_layers(
    blobs: BlobStore, sources: Sequence[Source], progress: Callable[[Progress], None]
) -> list[dict[str, Any]]:
    """Copy the files into the store; their descriptors for the manifest, in the same order.

    Raises :class:`InvalidRequest`, :class:`StoreError` and :class:`DoesNotFit`.
    """
    if len(sources) > MAX_LAYERS:
        raise InvalidRequest(f"a model can have {MAX_LAYERS} files, these are {len(sources)}")
    sizes = [_size_of(source) for source in sources]
    layers = []
    for source, size in zip(sources, sizes, strict=True):
        shown = LayerProgress(Descriptor(source.media_type, "", size), sum(sizes), progress, "Copied")
        digest, count = blobs.put_file(source.path, shown.at)
        layers.append(describe_layer(source.label, source.media_type, digest, count, modified(source.path)))
    return layers


def _size_of(source: Source) -> int:
    check_is_file(source.path)
    size = source.path.stat().st_size
    if size == 0:
        raise InvalidRequest(f"{source.label} is empty", hint="check the file")
    return size


def describe_layer(label: str, media_type: str, digest: str, size: int, changed: datetime) -> dict[str, Any]:
    """A layer's descriptor, as a manifest holds it."""
    metadata = {
        "name": label,
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "size": size,
        "mtime": format_time(changed),
        "typeflag": 0,
    }
    return {
        "mediaType": media_type,
        "size": size,
        "digest": digest,
        "annotations": {
            FILEPATH: label,
            FILE_METADATA: json.dumps(metadata, separators=(",", ":")),
            MEDIA_TYPE_UNTESTED: "false",
        },
    }


def manifest_of(blobs: BlobStore, config_type: str, raw_config: bytes, layers: Sequence[dict[str, Any]]) -> Manifest:
    """Store the config, and describe it and the layers; the manifest is the caller's to list."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": config_type, "size": len(raw_config), "digest": blobs.put(raw_config)},
        "layers": list(layers),
    }
    return parse_manifest(json.dumps(document, separators=(",", ":")).encode())
