"""Damaged GGUF files by the thousand: each seed makes one, always the same, from a sound file.

Knows where the sound file's lengths, types and numbers are, so that most damage hits what a loader believes.
"""

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_EXTREMES = (0, 1, 2, 3, 7, 127, 255, 256, 0x7FFF, 0xFFFF, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_LONG_EXTREMES = (*_EXTREMES, 1 << 32, 1 << 40, (1 << 62) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 8, (1 << 64) - 1)


@dataclass
class Places:
    """Offsets of what a loader reads as numbers, and where the tensors' data begins."""

    lengths: list[int] = field(default_factory=list)  # 8 bytes
    types: list[int] = field(default_factory=list)  # 4 bytes
    values: list[tuple[int, int]] = field(default_factory=list)  # offset and size
    texts: list[tuple[int, int]] = field(default_factory=list)
    dimensions: list[int] = field(default_factory=list)  # 8 bytes
    offsets: list[int] = field(default_factory=list)  # 8 bytes
    header_bytes: int = 0


def places_of(data: bytes) -> Places:
    found = Places(lengths=[8, 16], types=[4])
    num_tensors, num_keys = struct.unpack_from("<QQ", data, 8)
    at = 24

    def text() -> None:
        nonlocal at
        found.lengths.append(at)
        (length,) = struct.unpack_from("<Q", data, at)
        found.texts.append((at + 8, length))
        at += 8 + length

    def value(kind: int) -> None:
        nonlocal at
        if kind == _STRING:
            text()
        elif kind == _ARRAY:
            found.types.append(at)
            found.lengths.append(at + 4)
            inner, count = struct.unpack_from("<IQ", data, at)
            at += 12
            for _ in range(count):
                value(inner)
        else:
            found.values.append((at, _SIZES[kind]))
            at += _SIZES[kind]

    for _ in range(num_keys):
        text()
        found.types.append(at)
        at += 4
        value(struct.unpack_from("<I", data, at - 4)[0])
    for _ in range(num_tensors):
        text()
        found.types.append(at)
        (count,) = struct.unpack_from("<I", data, at)
        found.dimensions += [at + 4 + 8 * number for number in range(count)]
        found.types.append(at + 4 + 8 * count)
        found.offsets.append(at + 8 + 8 * count)
        at += 16 + 8 * count
    found.header_bytes = at
    return found


class Mutator:
    """``mutant(seed)`` is the sound file with one to three kinds of damage."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.places = places_of(data)
        self._kinds: dict[str, Callable[[bytearray, random.Random], None]] = {
            "bits": self._bits,
            "cut": self._cut,
            "length": self._length,
            "type": self._type,
            "value": self._value,
            "text": self._text,
            "dimension": self._dimension,
            "offset": self._offset,
            "splice": self._splice,
        }

    def mutant(self, seed: int) -> tuple[str, bytes]:
        """What was done, and the file."""
        chance = random.Random(seed)
        names = [list(self._kinds)[seed % len(self._kinds)]]
        names += chance.choices(list(self._kinds), k=chance.choice((0, 0, 0, 1, 2)))
        data = bytearray(self.data)
        for name in names:
            self._kinds[name](data, chance)
        return "+".join(names), bytes(data)

    def mutants(self, count: int) -> Iterator[tuple[int, str, bytes]]:
        for seed in range(count):
            yield seed, *self.mutant(seed)

    # ---- kinds of damage ---------------------------------------------------------------------

    def _bits(self, data: bytearray, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 8)):
            if data:
                data[chance.randrange(min(len(data), self.places.header_bytes))] ^= 1 << chance.randrange(8)

    def _cut(self, data: bytearray, chance: random.Random) -> None:
        limit = self.places.header_bytes if chance.random() < 0.7 else len(data)
        del data[chance.randrange(limit) :]

    def _length(self, data: bytearray, chance: random.Random) -> None:
        _put(data, chance.choice(self.places.lengths), 8, chance.choice(_LONG_EXTREMES))

    def _type(self, data: bytearray, chance: random.Random) -> None:
        _put(data, chance.choice(self.places.types), 4, chance.choice((*range(16), *_EXTREMES)))

    def _value(self, data: bytearray, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 3)):
            # Most values are a vocabulary's: the model's own are few and matter most.
            few = [place for place in self.places.values if place[0] < 4096]
            place, size = chance.choice(few if few and chance.random() < 0.7 else self.places.values)
            _put(data, place, size, chance.choice(_LONG_EXTREMES))

    def _text(self, data: bytearray, chance: random.Random) -> None:
        start, length = chance.choice(self.places.texts)
        for place in range(start, min(start + length, len(data))):
            if chance.random() < 0.3:
                data[place] = chance.choice((0, 0x1B, 0x25, 0x7F, 0xC0, 0xFF, chance.randrange(256)))

    def _dimension(self, data: bytearray, chance: random.Random) -> None:
        _put(data, chance.choice(self.places.dimensions), 8, chance.choice((*_LONG_EXTREMES, 32, 64, 128, 512, 4096)))

    def _offset(self, data: bytearray, chance: random.Random) -> None:
        _put(data, chance.choice(self.places.offsets), 8, chance.choice((*_LONG_EXTREMES, 32, 64, 4096)))

    def _splice(self, data: bytearray, chance: random.Random) -> None:
        size = chance.randint(1, 64)
        source, target = (chance.randrange(self.places.header_bytes) for _ in range(2))
        piece = bytes(data[source : source + size])
        if chance.random() < 0.5:
            data[target : target + size] = piece
        else:
            data[target:target] = piece


def _put(data: bytearray, place: int, size: int, number: int) -> None:
    if place + size <= len(data):
        data[place : place + size] = (number % (1 << 8 * size)).to_bytes(size, "little")
