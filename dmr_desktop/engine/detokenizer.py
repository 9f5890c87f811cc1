"""From one sequence's tokens to text that may be shown: whole characters, no stop string, nothing taken back.

Tokens are pieces of bytes: a character may span several of them, and so may a stop string.
"""

import codecs
from collections import deque
from typing import Protocol

from dmr_desktop.protocol.generation import TokenLogprob

_new_decoder = codecs.getincrementaldecoder("utf-8")


class Pieces(Protocol):
    """The part of a vocabulary that is needed here."""

    def piece(self, token: int, *, special: bool) -> bytes: ...


class Detokenizer:
    """Push tokens in, take text out.

    Text that may yet become a stop string is held back; the text of a matched stop string, and all after
    it, never comes out. Log-probabilities come out with the text of their token.
    """

    def __init__(self, pieces: Pieces, visible: frozenset[int], stop: tuple[str, ...]) -> None:
        """``visible`` special tokens show as text, all other control tokens as nothing."""
        self._pieces = pieces
        self._visible = visible
        self._stop = tuple(text for text in stop if text)
        self._decoder = _new_decoder("replace")
        self._is_amid_character = False
        self._ready = ""
        self._held = ""
        self._ready_end = 0
        # Waiting log-probabilities, each with the number of characters before its token's text.
        self._logprobs: deque[tuple[int, TokenLogprob]] = deque()
        self.stopped_by: str | None = None

    def push(self, token: int, logprob: TokenLogprob | None = None) -> bool:
        """Adds a token. True if its text completed a stop string."""
        if logprob is not None:
            self._logprobs.append((self._ready_end + len(self._held), logprob))
        piece = self._pieces.piece(token, special=token in self._visible)
        if piece.isascii() and not self._is_amid_character:
            text = piece.decode("ascii")
        else:
            text = self._decoder.decode(piece)
            self._is_amid_character = bool(self._decoder.getstate()[0])
        if not self._stop:
            self._ready += text
            self._ready_end += len(text)
        elif text:
            self._match(text)
        return self.stopped_by is not None

    def stop_no_more(self) -> None:
        """No stop string counts from here on, and what was held back for one is text."""
        if self.stopped_by is None:
            self._stop = ()
            self._release(self._held)
            self._held = ""

    def end(self) -> None:
        """No more tokens: what was held back is text now, and half a character becomes U+FFFD."""
        if self.stopped_by is None:
            self._release(self._held + self._decoder.decode(b"", final=True))
            self._held = ""
            # One past the text: tokens without any at the very end come out too.
            self._ready_end += 1

    def take(self) -> tuple[str, tuple[TokenLogprob, ...]]:
        """The text that became certain since the last call, with the log-probabilities of its tokens."""
        text, self._ready = self._ready, ""
        if not self._logprobs:
            return text, ()
        found = []
        while self._logprobs and self._logprobs[0][0] < self._ready_end:
            found.append(self._logprobs.popleft()[1])
        return text, tuple(found)

    def _match(self, text: str) -> None:
        held = self._held + text
        places = [(place, stop) for stop in self._stop if (place := held.find(stop)) >= 0]
        if places:
            place, self.stopped_by = min(places, key=lambda found: found[0])
            self._release(held[:place])
            self._held = ""
            return
        keep = max(_overlap(held, stop) for stop in self._stop)
        cut = len(held) - keep
        self._release(held[:cut])
        self._held = held[cut:]

    def _release(self, text: str) -> None:
        self._ready += text
        self._ready_end += len(text)


def _overlap(text: str, stop: str) -> int:
    """Length of the longest proper beginning of ``stop`` that ``text`` ends with."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
