"""Safetensors headers: what a weights file holds, read in bounded memory and checked against the file's length.

Format: eight bytes of length, that much JSON, the data. Knows nothing of how a model is run.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.store.json_document import strict_json

_MAX_HEADER_BYTES = 16 << 20
_MAX_DIMENSIONS = 16


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """``metadata`` is the file's own; ``elements`` counts the numbers of each type (``BF16``)."""

    metadata: dict[str, str]
    elements: dict[str, int]
    num_tensors: int


def read_safetensors(path: Path) -> SafetensorsHeader:
    """Raises :class:`UnsupportedModel` (unusable content) and OSError (cannot be read)."""
    with open(path, "rb") as file:
        size = path.stat().st_size
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise _bad(f"its header claims {length} bytes (at byte 0)")
        try:
            document = strict_json(file.read(length))
        except ValueError as error:
            raise _bad(f"its header is {error}") from None
    metadata = document.pop("__metadata__", {})
    elements: dict[str, int] = {}
    for name, tensor in document.items():
        kind, count = _tensor(name, tensor, size - 8 - length)
        elements[kind] = elements.get(kind, 0) + count
    if not isinstance(metadata, dict):
        raise _bad("its metadata are no object")
    texts = {key: value for key, value in metadata.items() if isinstance(value, str)}
    return SafetensorsHeader(texts, elements, len(document))


def _tensor(name: str, tensor: Any, data_bytes: int) -> tuple[str, int]:
    """Type and number of elements of one entry."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in name[:80])
    if not isinstance(tensor, dict):
        raise _bad(f"the entry {shown!r} is no tensor")
    kind, shape, offsets = tensor.get("dtype"), tensor.get("shape"), tensor.get("data_offsets")
    if not isinstance(kind, str) or not kind.isalnum() or len(kind) > 16:
        raise _bad(f"the tensor {shown!r} has no type")
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS or not all(map(_is_count, shape)):
        raise _bad(f"the tensor {shown!r} has an impossible shape")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise _bad(f"the tensor {shown!r} has no place")
    if not offsets[0] <= offsets[1] <= data_bytes:
        raise _bad(f"the data of tensor {shown!r} ends past the file")
    count = 1
    for length in shape:
        count *= length
        if count >= 1 << 62:
            raise _bad(f"the tensor {shown!r} has an impossible shape")
    return kind, count


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62


def _bad(why: str) -> UnsupportedModel:
    return UnsupportedModel(f"not a usable safetensors file: {why}", hint="download or convert the model again")
