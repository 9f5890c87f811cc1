"""What the KV cache held for sequences that nobody runs, kept in ordinary memory. Pure: the bytes are llama.cpp's.

Attention looks at every cell up to the last one used, for each token of each sequence, and only then finds most of
them masked. Idle cells therefore slow down everybody: 10,000 of them made the prompt of a 135M model twice as slow and
its tokens a third. Copying a cell out and back again takes a thousandth of the time of computing it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]
Saved = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Parking:
    """How much may be parked, in bytes. ``is_eager``: as soon as another sequence comes, not only when cells run out.

    That pays where the cache is ordinary memory. From a graphics card the way is longer, attention is cheaper there.
    """

    most_bytes: int = 0
    is_eager: bool = True


NO_PARKING = Parking()

# Every prompt is compared with all that is parked; so many take half a millisecond.
_MOST_PARCELS = 256
_MOST_TOKENS = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A conversation's ``tokens``, and what the KV cache held for those from ``start`` on.

    For those before, ``base`` has it: a parcel that begins with the same ``start`` tokens.
    """

    tokens: Tokens
    data: Saved
    base: "Parcel | None" = None
    start: int = 0

    @property
    def parts(self) -> list["Parcel"]:
        """All that it takes to put it together, in that order, the parcel itself last."""
        found = [self]
        while found[0].base is not None:
            found.insert(0, found[0].base)
        return found


class Parked:
    """Least recently used first to go, but none that another one builds on.

    Holds a bounded number of parcels and tokens in ``parking.most_bytes`` bytes, those in common counted once.
    """

    def __init__(self, parking: Parking, most_tokens: int = _MOST_TOKENS) -> None:
        self.is_eager = parking.is_eager
        self.most_bytes = parking.most_bytes
        self._most_tokens = most_tokens
        self._parcels: list[Parcel] = []

    @property
    def free_bytes(self) -> int:
        """Room that needs nobody to go."""
        return self.most_bytes - self._num_bytes

    def add(self, parcel: Parcel) -> None:
        """Takes one that is no larger than ``most_bytes``. What it continues goes, being part of it."""
        self._parcels.append(parcel)
        for other in self._parcels[:-1]:
            if common_length(parcel.tokens, other.tokens) == len(other.tokens):
                self.remove(other)
        while self._is_too_much():
            self._parcels.remove(next(other for other in self._parcels if not self._is_base(other)))

    def match(self, wanted: Tokens) -> tuple[Parcel | None, int]:
        """The parcel that begins most like ``wanted``, and the number of tokens they have in common."""
        best: Parcel | None = None
        length = 0
        for parcel in self._parcels:
            common = common_length(wanted, parcel.tokens)
            if common > length:
                best, length = parcel, common
        return best, length

    def use(self, parcel: Parcel) -> None:
        """Makes it, and what it builds on, the last to go."""
        for part in parcel.parts:
            if part in self._parcels:
                self._parcels.remove(part)
                self._parcels.append(part)

    def remove(self, parcel: Parcel) -> None:
        """Forgets it, unless another one builds on it."""
        if parcel in self._parcels and not self._is_base(parcel):
            self._parcels.remove(parcel)

    def _is_too_much(self) -> bool:
        too_many = len(self._parcels) > _MOST_PARCELS or self._num_tokens > self._most_tokens
        return too_many or self._num_bytes > self.most_bytes

    @property
    def _num_bytes(self) -> int:
        return sum(parcel.data.nbytes for parcel in self._parcels)

    @property
    def _num_tokens(self) -> int:
        return sum(len(parcel.tokens) - parcel.start for parcel in self._parcels)

    def _is_base(self, parcel: Parcel) -> bool:
        return any(other.base is parcel for other in self._parcels)


def common_length(one: Tokens, other: Tokens) -> int:
    """How many tokens they begin with in common."""
    shorter = min(len(one), len(other))
    if shorter == 0 or one[0] != other[0]:
        return 0
    differs = one[:shorter] != other[:shorter]
    first = int(differs.argmax())
    return first if differs[first] else shorter
