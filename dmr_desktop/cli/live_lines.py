"""A block of lines at the bottom of a terminal that is drawn over and over."""

from collections.abc import Sequence
from typing import TextIO

_UP_AND_CLEAR = "\x1b[1A\x1b[2K"


class LiveLines:
    """``draw`` replaces what the last ``draw`` wrote; ``leave`` lets it stand. A line must not be wider than the
    terminal: one that wraps would stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = 0

    def draw(self, lines: Sequence[str]) -> None:
        if not lines and not self._drawn:
            return
        self._stream.write(_UP_AND_CLEAR * self._drawn + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def clear(self) -> None:
        self.draw(())

    def leave(self) -> None:
        self._drawn = 0
