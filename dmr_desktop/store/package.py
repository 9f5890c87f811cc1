"""Making a model artifact of a GGUF file (all its shards), licences, a projector, a chat template.

The same files give the same artifact, so packaging twice changes nothing. Docker's v0.1 form (sections 1 and 7 of its
artifact description). Knows nothing of tags.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from dmr_desktop.protocol.errors import InvalidRequest, StoreError
from dmr_desktop.protocol.models import ModelConfig, Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.config import render_config
from dmr_desktop.store.gguf import read_header
from dmr_desktop.store.gguf_check import check_loadable, check_projector
from dmr_desktop.store.gguf_header import GGUFHeader
from dmr_desktop.store.layers import Source, check_is_file, copy_layers, manifest_of, modified
from dmr_desktop.store.manifest import (
    CHAT_TEMPLATE,
    CONFIG_V01,
    GGUF,
    LICENSE,
    MAX_CONFIG_BYTES,
    MMPROJ,
    Manifest,
)

_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_LONG_VALUE = 4096
_MAX_INT32 = (1 << 31) - 1


def package_gguf(
    blobs: BlobStore,
    path: Path,
    *,
    context_size: int | None,
    chat_template: Path | None,
    mmproj: Path | None,
    licenses: Sequence[Path],
    progress: Callable[[Progress], None],
) -> Manifest:
    """Copy the files into the store and describe them; the config is stored, the manifest is the caller's to list.

    Raises :class:`UnsupportedModel` (no usable GGUF), :class:`InvalidRequest`, :class:`StoreError` and
    :class:`DoesNotFit`.
    """
    check_context_size(context_size)
    shards = find_shards(path)
    sources = [Source(shard, GGUF) for shard in shards] + [Source(each, LICENSE) for each in licenses]
    if mmproj is not None:
        sources.append(Source(mmproj, MMPROJ))
    if chat_template is not None:
        sources.append(Source(chat_template, CHAT_TEMPLATE))
    for source in sources:
        check_is_file(source.path)
    headers = [_header(shard) for shard in shards]
    check_loadable(headers)
    if mmproj is not None:
        check_projector(_header(mmproj))

    layers = copy_layers(blobs, sources, progress)
    raw_config = gguf_config(headers, context_size, modified(path), [layer["digest"] for layer in layers])
    return manifest_of(blobs, CONFIG_V01, raw_config, layers)


def gguf_config(
    headers: Sequence[GGUFHeader], context_size: int | None, created: datetime, digests: Sequence[str]
) -> bytes:
    """The config of a model of these files (all shards); very long metadata is left out where it would not fit."""
    raw = render_config(_config(headers, context_size), created, digests)
    if len(raw) <= MAX_CONFIG_BYTES:
        return raw
    return render_config(_config(headers, context_size, longest=_LONG_VALUE), created, digests)


def check_context_size(context_size: int | None) -> None:
    """Raises :class:`InvalidRequest`."""
    if context_size is not None and not 0 < context_size <= _MAX_INT32:
        raise InvalidRequest(f"a context size of {context_size} is not possible", param="context_size")


def find_shards(path: Path) -> list[Path]:
    """All parts of a model whose first part is ``path``; ``path`` alone if it is not split.

    Raises :class:`InvalidRequest` when another part than the first is given.
    """
    match = _SHARD.fullmatch(path.name)
    if match is None:
        return [path]
    if int(match["number"]) != 1 or int(match["count"]) < 1:
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
