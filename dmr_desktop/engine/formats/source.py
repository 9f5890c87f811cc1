"""Output text as it arrives, for readers that are written as if all of it were there.

A reader is a generator: where it needs more text than has come it yields, and goes on when more was fed. At the
end of the output what it waits for never comes, and :class:`OutputEnded` is raised in it.
"""

import re
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias, TypeVar

from dmr_desktop.engine.formats.event_writer import Delta
from dmr_desktop.engine.formats.json_stream import SPACE, ValueScanner, string_piece
from dmr_desktop.engine.formats.markers import Markers, markers_of
from dmr_desktop.protocol.generation import Event

Result = TypeVar("Result")
Reading: TypeAlias = Generator[None, None, Result]
"""A reader at work: yields where the text ends for now, returns what it found."""

Say: TypeAlias = Callable[[str], object]
"""Takes the next piece of a text."""

_NO_SPACE = re.compile(rf"[^{re.escape(SPACE)}]")


class OutputEnded(Exception):
    """A reader needs more text, and there is none."""


class Source:
    """The text of one output. Owns what has come and how far it was read.

    Every method looks at each character once or twice, however small the pieces: a model can write megabytes.
    """

    __slots__ = ("_at", "_marks", "_taken", "_text", "direct", "has_ended", "is_cut", "position")

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        # What was read since the oldest mark, in pieces: were it one text, a long one would take quadratic time.
        self._taken: list[str] = []
        # For each, the characters and the pieces that were read before it.
        self._marks: list[tuple[int, int]] = []
        self.position = 0
        """Characters read so far."""
        self.has_ended = False
        self.is_cut = False
        """The output did not end by itself, so that half a call at its end is half a call and not content."""
        self.direct: Delta | None = None
        """While a reader waits in running text: makes an event of more of it at once, or None where it must look."""

    def feed(self, text: str) -> None:
        self._text = self._text[self._at :] + text
        self._at = 0

    def end(self, *, is_cut: bool) -> None:
        self.has_ended = True
        self.is_cut = is_cut

    # ---- what is there -------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether all that has come was read."""
        return self._at == len(self._text)

    @property
    def next(self) -> str:
        """The next character; empty if it has not come."""
        return self._text[self._at : self._at + 1]

    @property
    def size(self) -> int:
        """How many characters have come and were not read."""
        return len(self._text) - self._at

    @property
    def rest(self) -> str:
        """What has come and was not read."""
        return self._text[self._at :]

    def comes(self, text: str) -> bool | None:
        """Whether ``text`` comes next; None where only more could tell."""
        if self._text.startswith(text, self._at):
            return True
        return None if self.size < len(text) and text.startswith(self._text[self._at :]) else False

    def take(self, size: int) -> str:
        """The next ``size`` characters, which must be there."""
        text = self._text[self._at : self._at + size]
        self._at += size
        self.position += size
        if self._marks:
            self._taken.append(text)
        return text

    def take_rest(self) -> str:
        return self.take(self.size)

    def take_before(self, markers: Markers, *, is_all: bool = False) -> tuple[str, str]:
        """The text in front of the first marker, which is not taken, and the marker.

        Without a marker: what is surely no part of one, and "". ``is_all``: what may become one is none.
        """
        end, mark = markers.find(self._text, self._at, is_all=is_all)
        return self.take(end - self._at), mark

    # ---- going back ----------------------------------------------------------------------------------

    def mark(self) -> int:
        """Remembers this place until it is given to :meth:`drop` or :meth:`rewind`."""
        self._marks.append((self.position, len(self._taken)))
        return len(self._marks) - 1

    def drop(self, mark: int) -> str:
        """The text that was read since the mark. The mark is given up, and all later ones with it."""
        since = "".join(self._taken[self._marks[mark][1] :])
        del self._marks[mark:]
        if not self._marks:
            self._taken.clear()
        return since

    def rewind(self, mark: int) -> None:
        """Back to the mark. It is given up, and all later ones with it."""
        position, num_taken = self._marks[mark]
        size = self.position - position
        if size > self._at:
            # More has come since, in whose place a part of this text was forgotten.
            self._text = "".join(self._taken[num_taken:]) + self.rest
            self._at = size
        self._at -= size
        self.position = position
        del self._marks[mark:], self._taken[num_taken:]

    # ---- reading on; all raise OutputEnded where only more text could tell, unless they say otherwise ----

    def want(self) -> None:
        """To be said before a ``yield``: more text is needed."""
        if self.has_ended:
            raise OutputEnded

    def skip_space(self) -> bool:
        """Over the white space that has come; whether something else has."""
        found = _NO_SPACE.search(self._text, self._at)
        size = (found.start() if found else len(self._text)) - self._at
        if size:
            self.take(size)
        return found is not None

    def space(self) -> Reading[None]:
        """Over white space, to something else or to the end of the output."""
        while not (self.skip_space() or self.has_ended):
            yield

    def something(self) -> Reading[str]:
        """Over white space to something else, of which it gives the first character."""
        while not self.skip_space():
            self.want()
            yield
        return self._text[self._at]

    def opens(self, text: str) -> Reading[bool]:
        """Whether ``text`` comes next."""
        while (found := self.comes(text)) is None:
            self.want()
            yield
        return found

    def opens_whole(self, text: str) -> Reading[bool]:
        """Whether ``text`` comes next; half of it at the end of the output is something else."""
        while (found := self.comes(text)) is None and not self.has_ended:
            yield
        return found is True

    def opens_any(self, texts: Sequence[str]) -> Reading[bool]:
        """Whether one of ``texts`` comes next."""
        while True:
            found = [self.comes(text) for text in texts]
            if True in found or None not in found:
                return True in found
            self.want()
            yield

    def over(self, text: str) -> Reading[bool]:
        """Over white space, and over ``text`` if it comes then; whether it did."""
        yield from self.space()
        found = yield from self.opens(text)
        if found:
            self.take(len(text))
        return found

    def over_whole(self, text: str) -> Reading[bool]:
        """Over white space and ``text``, or over nothing; whether it came. Half of it at the end is something else."""
        start = self.mark()
        yield from self.space()
        while (found := self.comes(text)) is None and not self.has_ended:
            yield
        if not found:
            self.rewind(start)
            return False
        self.take(len(text))
        self.drop(start)
        return True

    def word(self, pattern: re.Pattern[str], most: int) -> Reading[str]:
        """What ``pattern`` matches here, up to ``most`` characters or somewhat more. It is not taken."""
        while True:
            found = pattern.match(self._text, self._at)
            word = found.group() if found else ""
            if len(word) < self.size or len(word) >= most:
                return word
            self.want()
            yield

    def value(self, say: Say, delta: Delta | None = None) -> Reading[None]:
        """A JSON value that begins here, as it is written. ``delta``, as in :class:`.passage.Passage`."""
        scanner = ValueScanner()

        def direct(text: str) -> Event | None:
            return delta(text) if delta and scanner.goes_on_over(text) else None

        while True:
            end = scanner.feed(self._text, self._at) if self._at < len(self._text) else -1
            say(self.take((len(self._text) if end < 0 else end) - self._at))
            if end >= 0:
                return
            self.want()
            self.direct = direct
            yield
            self.direct = None

    def string(self, quote: str, say: Say) -> Reading[None]:
        """What a string says that ends with ``quote``, and over that.

        A single character is a quote with escapes inside, a longer text stands around strings as they are.
        """
        if len(quote) > 1:
            yield from self.up_to(quote, say)
            return
        while True:
            text, end, is_whole = string_piece(self._text, self._at, quote)
            self.take(end - self._at)
            say(text)
            if is_whole:
                return
            self.want()
            yield

    def up_to(self, end: str, say: Say, *, space: str = "") -> Reading[None]:
        """The text up to ``end``, and over it. ``space`` is left out where it stands in front of the end."""
        markers = markers_of(space + end, end)
        while True:
            text, mark = self.take_before(markers)
            say(text)
            if mark:
                self.take(len(mark))
                return
            self.want()
            yield
