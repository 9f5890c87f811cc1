"""Writes a GGUF file (version 3): enough for the small models that this program makes itself.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

_ALIGNMENT = 32
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_F32, _Q8_0 = 0, 8
_BLOCK = 32

Scalar: TypeAlias = bool | int | float | str
Metadata: TypeAlias = Mapping[str, Scalar | Sequence[str] | Sequence[int] | Sequence[float]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """``shape`` in numpy's order (rows first); ``data`` in the encoding ``kind``."""

    shape: tuple[int, ...]
    kind: int
    data: bytes


def f32(values: npt.NDArray[np.float32]) -> Tensor:
    return Tensor(values.shape, _F32, values.astype("<f4").tobytes())


def q8_0(values: npt.NDArray[np.float32]) -> Tensor:
    """ggml's Q8_0: blocks of 32 along a row, each a float16 scale and 32 signed bytes."""
    blocks = values.reshape(-1, _BLOCK)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype("<f2")
    divisors = np.where(scales == 0, 1, scales).astype(np.float32)
    quants = np.clip(np.rint(blocks / divisors), -127, 127).astype(np.int8)
    packed = np.concatenate([scales.view(np.uint8), quants.view(np.uint8)], axis=1)
    return Tensor(values.shape, _Q8_0, packed.tobytes())


def write_gguf(path: Path, metadata: Metadata, tensors: Mapping[str, Tensor]) -> None:
    """Single integers are stored as uint32, lists of them as int32: what llama.cpp's own keys want."""
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            _write_text(file, key)
            if isinstance(value, Sequence) and not isinstance(value, str):
                kind = _INT32 if isinstance(value[0], int) else _kind_of(value[0])
                file.write(struct.pack("<IIQ", _ARRAY, kind, len(value)))
                for item in value:
                    _write_scalar(file, kind, item)
            else:
                kind = _kind_of(value)
                file.write(struct.pack("<I", kind))
                _write_scalar(file, kind, value)
        offset = 0
        for name, tensor in tensors.items():
            _write_text(file, name)
            file.write(struct.pack("<I", len(tensor.shape)))
            file.write(struct.pack(f"<{len(tensor.shape)}Q", *reversed(tensor.shape)))
            file.write(struct.pack("<IQ", tensor.kind, offset))
            offset += len(tensor.data) + -len(tensor.data) % _ALIGNMENT
        file.write(b"\0" * (-file.tell() % _ALIGNMENT))
        for tensor in tensors.values():
            file.write(tensor.data + b"\0" * (-len(tensor.data) % _ALIGNMENT))


def _kind_of(value: Scalar) -> int:
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, str):
        return _STRING
    return _FLOAT32 if isinstance(value, float) else _UINT32


def _write_scalar(file: BinaryIO, kind: int, value: Scalar) -> None:
    if isinstance(value, str):
        _write_text(file, value)
    else:
        file.write(struct.pack({_BOOL: "<?", _FLOAT32: "<f", _INT32: "<i", _UINT32: "<I"}[kind], value))


def _write_text(file: BinaryIO, text: str) -> None:
    data = text.encode()
    file.write(struct.pack("<Q", len(data)) + data)
