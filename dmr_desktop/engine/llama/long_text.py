"""Where a long text may be cut, so that its pieces have together the tokens of the whole.

The time in which llama.cpp finds control and user-defined tokens in a text grows with the square of how many it
finds: a conversation of some ten thousand messages takes many seconds, a text of a million line ends hours. In
pieces of a few kilobytes it takes milliseconds a piece. Knows no llama.cpp, only how it goes about it: it looks for
the longest token text first, everywhere, from left to right, and then reads what is left between them.
"""

import re
from collections.abc import Iterator, Mapping

_LONG_BYTES = 8 * 1024
_PIECE_BYTES = 2 * 1024
_MAX_TRIES = 64
_BLANKS = b" \t\n\v\f\r"
_PART_BYTES = 64 * 1024


_SEARCHED_BYTES = 4 * 1024
# Behind a word only: blanks at a control token may belong to that.
_BETWEEN_WORDS = re.compile(rb"(?<=[0-9A-Za-z\x80-\xff]) (?=[0-9A-Za-z\x80-\xff])")


def parts_between_words(data: bytes) -> Iterator[bytes]:
    """A text of any length in parts of some kilobytes, cut in front of the blank between two words if there is one."""
    start = 0
    while len(data) - start > _PART_BYTES + _SEARCHED_BYTES:
        end = start + _PART_BYTES
        while data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        blank = _BETWEEN_WORDS.search(data, end, end + _SEARCHED_BYTES)
        end = blank.start() if blank else end
        yield data[start:end]
        start = end
    yield data[start:]


class TextCutter:
    """``texts``: every text that llama.cpp looks for, and whether it takes the blanks in front of it along.

    ``strips``: whether any of them takes blanks along, on either side.
    """

    def __init__(self, texts: Mapping[bytes, bool], *, strips: bool) -> None:
        self._texts = texts
        self._strips = strips
        self._longest = max(map(len, texts), default=0)
        self._lengths: dict[int, list[int]] = {}
        for length in sorted(set(map(len, texts)), reverse=True):
            for first in {text[0] for text in texts if len(text) == length}:
                self._lengths.setdefault(first, []).append(length)
        starts = b"".join(re.escape(bytes((first,))) for first in sorted(self._lengths))
        self._starts = re.compile(b"[" + starts + b"]") if starts else None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """``data`` in pieces, none of them empty; a short text, and one without any of the texts, as it is."""
        start = 0
        if len(data) > _LONG_BYTES:
            while (end := self._next_cut(data, start + _PIECE_BYTES)) < len(data):
                yield data[start:end]
                start = end
        yield data[start:]

    def _next_cut(self, data: bytes, at: int) -> int:
        """The first good place from ``at`` on, or the end.

        After many bad ones just the next: where the texts overlap for ever, as in a thousand line ends, it matters
        little which tokens they become.
        """
        for attempt in range(_MAX_TRIES):
            found, length = self._find(data, at)
            if not length or attempt == _MAX_TRIES - 1 or self._is_boundary(data, found, length):
                return found
            at = found + length
        raise AssertionError("the last attempt returns")

    def _find(self, data: bytes, at: int) -> tuple[int, int]:
        """The first place of any text from ``at`` on, and the length of the longest there; the end and 0 if none."""
        match = self._starts.search(data, at) if self._starts else None
        while match and self._starts:
            length = self._length_at(data, match.start())
            if length:
                return match.start(), length
            match = self._starts.search(data, match.end())
        return len(data), 0

    def _length_at(self, data: bytes, at: int) -> int:
        """Of the longest text there; 0 if none is."""
        lengths = self._lengths.get(data[at], ())
        return next((length for length in lengths if data[at : at + length] in self._texts), 0)

    def _is_boundary(self, data: bytes, at: int, length: int) -> bool:
        """Whether llama.cpp is sure to take the text of this ``length``, and nothing that reaches over its start."""
        text = data[at : at + length]
        if self._strips and (text[0] in _BLANKS or self._texts[text]):
            return False
        before = range(max(0, at - self._longest + 1), at)
        if any(self._length_at(data, start) > at - start for start in before):
            return False
        for start in range(at + 1, min(at + length, len(data))):
            other = self._length_at(data, start)
            # The longer ones are taken first, and of equal ones nobody knows which.
            if other > length or (other == length and data[start : start + other] != text):
                return False
        return True
