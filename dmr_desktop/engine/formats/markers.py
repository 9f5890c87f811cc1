"""Looking for markers in text that is not all there yet."""

import re
from collections.abc import Iterable
from functools import lru_cache

from dmr_desktop.engine.formats.json_stream import SPACE


class Markers:
    """The markers to look for in a text. Of those that begin with another one only that other one is looked for."""

    __slots__ = ("_any", "_longest", "_marks", "_starts", "_suspect")

    def __init__(self, texts: Iterable[str]) -> None:
        marks = tuple(dict.fromkeys(text for text in texts if text))
        self._marks = tuple(
            mark for mark in marks if not any(mark != other and mark.startswith(other) for other in marks)
        )
        self._longest = max(map(len, self._marks), default=0)
        starts = "".join(sorted({re.escape(mark[0]) for mark in self._marks}))
        self._any = re.compile("|".join(map(re.escape, self._marks)))
        self._starts = re.compile(f"[{starts}]") if starts else None
        # White space at the end of a piece is not passed on either: in front of a marker it is dropped.
        self._suspect = re.compile(rf"[{starts}]|[{re.escape(SPACE)}]\Z") if starts else None

    def __bool__(self) -> bool:
        return bool(self._marks)

    def may_begin_in(self, text: str) -> bool:
        """Whether a marker, or white space in front of one, may begin in ``text`` or at its end."""
        return self._suspect is not None and self._suspect.search(text) is not None

    def find(self, text: str, start: int, *, is_all: bool) -> tuple[int, str]:
        """Where the first marker begins behind ``start``, and the marker.

        Without one: where an end of ``text`` begins that more text may make a marker, and "". ``is_all``: no more
        comes.
        """
        if self._starts is None:
            return len(text), ""
        found = self._any.search(text, start)
        if found:
            return found.start(), found.group()
        if not is_all:
            for begun in self._starts.finditer(text, max(start, len(text) - self._longest + 1)):
                end = text[begun.start() :]
                if any(mark.startswith(end) for mark in self._marks):
                    return begun.start(), ""
        return len(text), ""


@lru_cache(maxsize=256)
def markers_of(*texts: str) -> Markers:
    """The same markers are looked for in every value of a call."""
    return Markers(texts)
