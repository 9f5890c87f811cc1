"""Small GGUF files for tests: a writer that can also write nonsense."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
_SCALARS = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
_SCALARS |= {U64: "<Q", I64: "<q", F64: "<d"}

TINY: dict[str, tuple[int, Any]] = {
    "general.architecture": (STR, "llama"),
    "general.name": (STR, "Tiny"),
    "general.file_type": (U32, 0),
    "llama.context_length": (U32, 2048),
    "llama.block_count": (U32, 1),
    "llama.rope.freq_base": (F32, 10000.0),
    "tokenizer.ggml.add_bos_token": (BOOL, True),
    "tokenizer.ggml.model": (STR, "gpt2"),
    "tokenizer.ggml.tokens": (ARR, (STR, [f"token{number}" for number in range(64)])),
    "tokenizer.ggml.token_type": (ARR, (I32, [1] * 64)),
    "general.tags": (ARR, (STR, ["small", "test"])),
}

Tensor = tuple[str, Sequence[int], int, int]
"""Name, dimensions, type number, offset."""


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind: int, content: Any) -> bytes:
    if kind == STR:
        return string(content)
    if kind == ARR:
        inner, items = content
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, item) for item in items)
    return struct.pack(_SCALARS[kind], content)


def gguf_bytes(
    metadata: Mapping[str, tuple[int, Any]] = TINY,
    tensors: Sequence[Tensor] = (("token_embd.weight", (64, 64), 0, 0),),
    *,
    version: int = 3,
    data: bytes | None = None,
    alignment: int = 32,
) -> bytes:
    """A file of 64 x 64 floats by default. ``data`` defaults to as many zeros as float tensors at offset 0 need."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(
        string(key) + struct.pack("<I", kind) + value(kind, content) for key, (kind, content) in metadata.items()
    )
    for name, dims, kind, offset in tensors:
        head += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
    head += bytes(-len(head) % alignment)
    return head + (bytes(64 * 64 * 4) if data is None else data)


def write_gguf(path: Path, payload: bytes | None = None) -> Path:
    """A usable file whose tensor data is ``payload`` (a multiple of 128 bytes)."""
    if payload is None:
        path.write_bytes(gguf_bytes())
    else:
        dims = (32, len(payload) // 128)
        path.write_bytes(gguf_bytes(tensors=[("token_embd.weight", dims, 0, 0)], data=payload))
    return path
