"""Making a model artifact of files on this machine: a GGUF (all its shards), licences, a chat template.

The same files give the same artifact, so packaging twice changes nothing: times are the files' own, owners are left
out. Docker's v0.1 form (sections 1 and 7 of its artifact description). Knows nothing of tags.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import InvalidRequest, StoreError
from dmr_desktop.protocol.models import ModelConfig, Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.config import format_time, render_config
from dmr_desktop.store.gguf import GGUFError, GGUFHeader, check_loadable, read_header
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CONFIG_V01,
    FILE_METADATA,
    FILEPATH,
    GGUF,
    LICENSE,
    MAX_CONFIG_BYTES,
    MEDIA_TYPE_UNTESTED,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    parse_manifest,
)
from dmr_desktop.store.progress import LayerProgress

_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_LONG_VALUE = 4096
_MAX_INT32 = (1 << 31) - 1


def package_gguf(
    blobs: BlobStore,
    path: Path,
    *,
    context_size: int | None,
    chat_template: Path | None,
    licenses: Sequence[Path],
    progress: Callable[[Progress], None],
) -> Manifest:
    """Copy the files into the store and describe them; the config is stored, the manifest is the caller's to list.

    Raises :class:`UnsupportedModel` (no usable GGUF), :class:`InvalidRequest`, :class:`StoreError` and
    :class:`DoesNotFit`.
    """
    if context_size is not None and not 0 < context_size <= _MAX_INT32:
        raise InvalidRequest(f"a context size of {context_size} is not possible", param="context_size")
    shards = find_shards(path)
    files = [(shard, GGUF) for shard in shards] + [(each, LICENSE) for each in licenses]
    if chat_template is not None:
        files.append((chat_template, CHAT_TEMPLATE))
    sizes = [_size_of(each) for each, _ in files]
    headers = [_header(shard) for shard in shards]
    check_loadable(headers)

    layers = []
    for (source, media_type), size in zip(files, sizes, strict=True):
        unnamed = Descriptor(media_type, "", size)
        shown = LayerProgress(unnamed, sum(sizes), progress, threading.Lock(), "Copied")
        layers.append(_layer(source, media_type, *blobs.put_file(source, shown.at)))
    config = _config(headers, context_size)
    raw_config = render_config(config, _modified(path), [layer["digest"] for layer in layers])
    if len(raw_config) > MAX_CONFIG_BYTES:
        config = _config(headers, context_size, longest=_LONG_VALUE)
        raw_config = render_config(config, _modified(path), [layer["digest"] for layer in layers])
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG_V01, "size": len(raw_config), "digest": blobs.put(raw_config)},
        "layers": layers,
    }
    return parse_manifest(json.dumps(document, separators=(",", ":")).encode())


def find_shards(path: Path) -> list[Path]:
    """All parts of a model whose first part is ``path``; ``path`` alone if it is not split.

    Raises :class:`InvalidRequest` when another part than the first is given.
    """
    match = _SHARD.fullmatch(path.name)
    if match is None:
        return [path]
    if int(match["number"]) != 1:
        raise InvalidRequest(f"{path.name} is not the first part of its model", hint="give the part 00001")
    return [
        path.with_name(f"{match['stem']}-{number:05d}-of-{match['count']}.gguf")
        for number in range(1, int(match["count"]) + 1)
    ]


def _header(path: Path) -> GGUFHeader:
    try:
        return read_header(path)
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read: {error.strerror}") from error


def _size_of(path: Path) -> int:
    if not path.is_file():
        raise InvalidRequest(f"{path.name} is not a file", hint="check the path")
    size = path.stat().st_size
    if size == 0:
        raise GGUFError("it is empty") if path.suffix == ".gguf" else InvalidRequest(f"{path.name} is empty")
    return size


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def _layer(source: Path, media_type: str, digest: str, size: int) -> dict[str, Any]:
    name = os.fsencode(source.name).decode("utf-8", "replace")
    metadata = {
        "name": name,
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "size": size,
        "mtime": format_time(_modified(source)),
        "typeflag": 0,
    }
    return {
        "mediaType": media_type,
        "size": size,
        "digest": digest,
        "annotations": {
            FILEPATH: name,
            FILE_METADATA: json.dumps(metadata, separators=(",", ":")),
            MEDIA_TYPE_UNTESTED: "false",
        },
    }


def _config(headers: Sequence[GGUFHeader], context_size: int | None, longest: int | None = None) -> ModelConfig:
    first = headers[0]
    context = context_size or first.context_length
    return ModelConfig(
        format="gguf",
        quantization=first.quantization,
        parameters=format_count(sum(header.num_elements for header in headers)),
        architecture=first.architecture,
        size=format_bytes(sum(header.tensor_bytes for header in headers)),
        gguf={key: text for key, text in first.metadata.items() if longest is None or len(text) <= longest},
        context_size=context if context is not None and context <= _MAX_INT32 else None,
    )


def format_count(count: int) -> str:
    """``361.82M``: thousands, two digits, no space."""
    return _scaled(count, 1000, ("", "K", "M", "B", "T"))


def format_bytes(size: int) -> str:
    """``256.35MiB``."""
    return _scaled(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _scaled(number: int, base: int, units: Sequence[str]) -> str:
    exponent = 0
    while number >= base ** (exponent + 1) and exponent + 1 < len(units):
        exponent += 1
    return f"{number / base**exponent:.2f}".removesuffix(".00") + units[exponent]
