"""A bound on how long a model thinks: after so many tokens the end of its reasoning is written for it.

Watches the text, not the tokens, because a model may spell its marker in several ways.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThinkingLimit:
    """``start`` and ``end`` are the markers; ``end_tokens`` are the end in the model's vocabulary.

    ``is_open``: the prompt ends inside reasoning. Otherwise only a start at the very beginning counts.
    """

    start: bytes
    end: bytes
    end_tokens: tuple[int, ...]
    max_tokens: int
    is_open: bool


class ThinkingWatch:
    """``is_due``: the limit is reached, and the end is still to be written."""

    __slots__ = ("_is_inside", "_is_over", "_limit", "_num_tokens", "_tail", "is_due")

    def __init__(self, limit: ThinkingLimit) -> None:
        self._limit = limit
        self._is_inside = limit.is_open
        self._is_over = False
        self._num_tokens = 0
        self._tail = b""
        self.is_due = limit.is_open and limit.max_tokens <= 0

    @property
    def end_tokens(self) -> tuple[int, ...]:
        return self._limit.end_tokens

    def add(self, piece: bytes) -> None:
        """The text of the next token."""
        if self._is_over:
            return
        limit = self._limit
        self._tail += piece
        if not self._is_inside:
            begun = self._tail.lstrip()
            if not begun.startswith(limit.start):
                self._is_over = not limit.start.startswith(begun)
                return
            self._is_inside = True
            self._tail = begun[len(limit.start) :]
        else:
            self._num_tokens += 1
        if limit.end in self._tail:
            self.end()
            return
        self._tail = self._tail[-max(len(limit.end), 4) :]
        self.is_due = self._num_tokens >= limit.max_tokens and _is_whole(self._tail)

    def end(self) -> None:
        """The reasoning is over; what follows is not watched."""
        self._is_over, self.is_due = True, False


def _is_whole(tail: bytes) -> bool:
    """Whether the text ends with a whole character."""
    for back in range(1, min(4, len(tail)) + 1):
        byte = tail[-back]
        if byte & 0xC0 != 0x80:
            return byte < 0x80 or back >= (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
    return True
