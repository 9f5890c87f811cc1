"""GGUF headers: what a file says it is, and whether all it says can be true.

Reads the header only, in bounded memory, trusting no number in it. Says what is wrong at which byte; what a sound
header must say before native code may see the file is :mod:`gguf_check`'s. Format: ggml's ``docs/gguf.md``, versions 2
and 3, little-endian.
"""

import contextlib
import io
import struct
from pathlib import Path
from typing import BinaryIO

from dmr_desktop.protocol.errors import UnsupportedModel
from dmr_desktop.store.gguf_header import MAX_SHOWN_ITEMS, TOKENS, GGUFHeader, Value, shown
from dmr_desktop.store.gguf_types import MAGIC, SCALARS, TENSOR_TYPES, ValueType

_MAX_KEYS = 1 << 16
_MAX_TENSORS = 1 << 17
_MAX_KEY_BYTES = 65535
_MAX_NAME_BYTES = 63
_MAX_STRING_BYTES = 16 << 20
_MAX_KEPT_BYTES = 32 << 20
"""Text of all keys and values together: what reading a header may cost in memory, whatever the file claims."""
_DEFAULT_ALIGNMENT = 32
_ALIGNMENTS = {1 << exponent for exponent in range(21)}
_MAX_DIMS = 4
_MAX_KEPT_NUMBERS = 4096
_MAX_TOKENS = 1 << 19
"""Twice the largest vocabulary known: to find a token that is there twice, all of them are remembered."""


class GGUFError(UnsupportedModel):
    """The file is not a usable GGUF file; the message says what is wrong and at which byte."""

    def __init__(self, what: str, offset: int | None = None) -> None:
        where = "" if offset is None else f" (at byte {offset})"
        # Names come from the file: nothing in them may move a terminal's cursor.
        what = "".join(sign if sign.isprintable() else "?" for sign in what)
        super().__init__(f"not a usable GGUF file: {what}{where}", hint="download or convert the model again")


def read_header(path: Path) -> GGUFHeader:
    """The header of a file. Raises :class:`GGUFError` (unusable content) and OSError (cannot be read)."""
    with open(path, "rb", buffering=1 << 20) as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        return _Reader(file, size).header()


def read_beginning(data: bytes, size: int) -> GGUFHeader:
    """What the first bytes of a file of ``size`` bytes say; what stands further on is missing.

    Raises :class:`GGUFError` if it is no such file.
    """
    return _Reader(io.BytesIO(data), size).beginning()


class _Reader:
    """One pass over a header. Invariant: nothing is read or reserved that the file is too short to hold."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0
        self._kept_bytes = 0
        self._values: dict[str, Value] = {}
        self._metadata: dict[str, str] = {}
        self._array_lengths: dict[str, int] = {}
        self._array_types: dict[str, ValueType] = {}
        self._numbers: dict[str, tuple[int, ...]] = {}
        self._has_ranking_head = False

    def header(self) -> GGUFHeader:
        magic = self._take(4, "the magic")
        if magic != MAGIC:
            old = magic[::-1] in (b"ggml", b"ggmf", b"ggjt", b"ggla") or magic in (b"GGML", b"GGJT")
            raise GGUFError("it is an old GGML file" if old else "it does not begin with GGUF", 0)
        version = self._number("<I", "the version")
        if version not in (2, 3):
            raise GGUFError("it is big-endian" if version & 0xFFFF == 0 else f"its version is {version}, not 2 or 3", 4)
        num_tensors = self._count("<q", "the number of tensors", _MAX_TENSORS, 24)
        num_keys = self._count("<q", "the number of keys", _MAX_KEYS, 13)
        for _ in range(num_keys):
            self._key_value()
        num_elements, tensor_bytes = self._tensors(num_tensors)
        return GGUFHeader(
            version,
            self._values,
            self._metadata,
            self._array_lengths,
            self._array_types,
            self._numbers,
            num_tensors,
            num_elements,
            tensor_bytes,
            self._has_ranking_head,
        )

    def beginning(self) -> GGUFHeader:
        if self._take(4, "the magic") != MAGIC:
            raise GGUFError("it does not begin with GGUF", 0)
        self._take(12, "the version")
        num_keys = self._count("<q", "the number of keys", _MAX_KEYS, 13)
        with contextlib.suppress(GGUFError):  # the bytes end inside a key
            for _ in range(num_keys):
                self._key_value()
        return GGUFHeader(
            3, self._values, self._metadata, self._array_lengths, self._array_types, self._numbers, 0, 0, 0
        )

    # ---- keys and values ---------------------------------------------------------------------

    def _key_value(self) -> None:
        start = self._at
        key = self._string("a key", _MAX_KEY_BYTES)
        if not key or key in self._values or key in self._array_lengths:
            raise GGUFError(f"the key {key[:80]!r} is {'there twice' if key else 'empty'}", start)
        kind = self._value_type(key)
        if kind is ValueType.ARRAY:
            self._array(key)
            return
        value = self._string(key, _MAX_STRING_BYTES) if kind is ValueType.STRING else self._scalar(kind, key)
        self._values[key] = value
        self._metadata[key] = shown(value)

    def _value_type(self, key: str) -> ValueType:
        start = self._at
        number = self._number("<I", f"the type of {key[:80]}")
        try:
            return ValueType(number)
        except ValueError:
            raise GGUFError(f"{key[:80]} has the unknown type {number}", start) from None

    def _scalar(self, kind: ValueType, what: str) -> Value:
        layout = SCALARS[kind]
        data = self._take(struct.calcsize(layout), what[:80])
        if kind is ValueType.BOOL and data[0] > 1:
            raise GGUFError(f"{what[:80]} is neither true nor false", self._at - 1)
        value: Value = struct.unpack(layout, data)[0]
        return value

    def _array(self, key: str) -> None:
        start = self._at
        kind = self._value_type(key)
        if kind is ValueType.ARRAY:
            raise GGUFError(f"{key[:80]} is an array of arrays", start)
        item_bytes = 8 if kind is ValueType.STRING else struct.calcsize(SCALARS[kind])
        length = self._count("<Q", f"the length of {key[:80]}", self._size, item_bytes)
        self._array_lengths[key] = length
        self._array_types[key] = kind
        if kind is ValueType.STRING:
            if length <= MAX_SHOWN_ITEMS and key != TOKENS:
                self._metadata[key] = ", ".join(self._string(key, _MAX_STRING_BYTES) for _ in range(length))
            else:
                self._skip_strings(length, key)
        elif length <= _MAX_KEPT_NUMBERS and not key.startswith("tokenizer."):
            self._keep(key, [self._scalar(kind, key) for _ in range(length)])
        else:
            self._skip(length * item_bytes)

    def _keep(self, key: str, items: list[Value]) -> None:
        if len(items) <= MAX_SHOWN_ITEMS:
            self._metadata[key] = ", ".join(map(shown, items))
        self._kept_bytes += 8 * len(items)
        if all(isinstance(item, int) for item in items) and self._kept_bytes <= _MAX_KEPT_BYTES:
            self._numbers[key] = tuple(int(item) for item in items)

    def _skip_strings(self, count: int, key: str) -> None:
        # A vocabulary: a quarter of a million short strings, so the loop is kept tight.
        read, at, size = self._file.read, self._at, self._size
        seen: set[int] | None = set() if key == TOKENS else None
        if seen is not None and count > _MAX_TOKENS:
            raise GGUFError(f"it has {count} tokens, more than any known vocabulary", at - 8)
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            at += 8 + length
            if at > size or length > _MAX_STRING_BYTES:
                raise GGUFError(f"a text in {key[:80]} is longer than the file allows", at - length - 8)
            text = read(length)
            if seen is not None:
                # llama.cpp reads it as far as a zero byte, and gives texts without content names of their own.
                text = text.partition(b"\0")[0]
                mark = hash(text) if text else at
                if mark in seen:
                    shown = text[:40].decode("utf-8", "replace")
                    raise GGUFError(f"the token {shown!r} is there twice", at - length - 8)
                seen.add(mark)
        self._at = at

    # ---- tensors -----------------------------------------------------------------------------

    def _tensors(self, count: int) -> tuple[int, int]:
        alignment = self._alignment()
        seen: set[str] = set()
        ends: list[tuple[int, int, str]] = []
        num_elements = total_bytes = end = 0
        for _ in range(count):
            start = self._at
            name = self._string("a tensor's name", _MAX_NAME_BYTES)
            if name in seen:
                raise GGUFError(f"the tensor {name!r} is there twice", start)
            seen.add(name)
            elements, num_bytes = self._shape(name)
            place = self._at
            offset = self._number("<Q", f"the offset of {name}")
            if offset % alignment:
                raise GGUFError(f"the tensor {name!r} is not aligned to {alignment}", place)
            expected = -(-end // alignment) * alignment
            if offset != expected:
                raise GGUFError(f"the data of tensor {name!r} begins at {offset}, {expected} is expected", place)
            num_elements += elements
            total_bytes += num_bytes
            end = offset + num_bytes
            ends.append((end, place, name))
        data_start = -(-self._at // alignment) * alignment
        for end, place, name in ends:
            excess = data_start + end - self._size
            if excess > 0:
                raise GGUFError(f"the data of tensor {name!r} ends {excess} bytes past the file", place)
        return num_elements, total_bytes

    def _alignment(self) -> int:
        found = self._values.get("general.alignment", _DEFAULT_ALIGNMENT)
        if isinstance(found, int) and not isinstance(found, bool) and found in _ALIGNMENTS:
            return found
        raise GGUFError(f"general.alignment is {str(found)[:40]}, not a power of two")

    def _shape(self, name: str) -> tuple[int, int]:
        """Elements and bytes of a tensor."""
        start = self._at
        num_dims = self._number("<I", f"the dimensions of {name}")
        if not 1 <= num_dims <= _MAX_DIMS:
            raise GGUFError(f"the tensor {name!r} has {num_dims} dimensions", start)
        dims = struct.unpack(f"<{num_dims}q", self._take(8 * num_dims, f"the dimensions of {name}"))
        elements = 1
        for dim in dims:
            elements *= dim
            if dim <= 0 or elements >= 1 << 62:
                raise GGUFError(f"the tensor {name!r} has impossible dimensions", start + 4)
        # A "cls.weight" of any other shape is a layer before the head, or what is left of one.
        self._has_ranking_head |= name == "cls.output.weight" or (name == "cls.weight" and dims[1:] in ((), (1,)))
        place = self._at
        number = self._number("<I", f"the type of {name}")
        kind = TENSOR_TYPES.get(number)
        if kind is None:
            raise GGUFError(f"the tensor {name!r} has the unknown type {number}: a newer llama.cpp may know it", place)
        if dims[0] % kind.block_size:
            raise GGUFError(f"rows of {name!r} are no multiple of {kind.name}'s block {kind.block_size}", start)
        return elements, elements // kind.block_size * kind.block_bytes

    # ---- bytes -------------------------------------------------------------------------------

    def _string(self, what: str, limit: int) -> str:
        start = self._at
        length = self._number("<Q", f"the length of {what[:80]}")
        self._kept_bytes += length
        if length > limit or length > self._size - self._at or self._kept_bytes > _MAX_KEPT_BYTES:
            raise GGUFError(f"{what[:80]} claims {length} bytes", start)
        return self._take(length, what[:80]).decode("utf-8", "replace")

    def _count(self, layout: str, what: str, limit: int, least_bytes: int) -> int:
        start = self._at
        count = self._number(layout, what)
        if not 0 <= count <= limit or count * least_bytes > self._size - self._at:
            raise GGUFError(f"{what} is {count}, more than the file can hold", start)
        return count

    def _number(self, layout: str, what: str) -> int:
        found: int = struct.unpack(layout, self._take(struct.calcsize(layout), what))[0]
        return found

    def _take(self, count: int, what: str) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise GGUFError(f"it ends inside {what}", self._at)
        self._at += count
        return data

    def _skip(self, count: int) -> None:
        self._at += count
        self._file.seek(self._at)
