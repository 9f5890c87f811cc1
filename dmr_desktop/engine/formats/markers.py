"""Looking for markers in text that is not all there yet."""

import re
from collections.abc import Iterable

from dmr_desktop.engine.formats.json_stream import SPACE


class Markers:
    """The markers to look for in a text. None of them begins with another one."""

    def __init__(self, texts: Iterable[str]) -> None:
        marks = tuple(texts)
        kept = [mark for mark in marks if not any(mark != other and mark.startswith(other) for other in marks)]
        self._marks = tuple(dict.fromkeys(kept))
        self._any = re.compile("|".join(map(re.escape, self._marks))) if self._marks else None
        starts = "".join({mark[0] for mark in self._marks})
        # White space at the end of a piece is held back too: before a marker it is dropped.
        self._suspect = re.compile(rf"[{re.escape(starts)}]|\s\Z") if self._marks else None

    def may_begin_in(self, text: str) -> bool:
        return self._suspect is not None and self._suspect.search(text) is not None

    def split(self, text: str, last: bool) -> tuple[str, str | None]:
        """The text before the first marker and the marker; or the text that is surely none, and None."""
        if self._any is None:
            return text, None
        match = self._any.search(text)
        if match:
            return text[: match.start()], match.group()
        if last:
            return text, None
        held = max((_overlap(text, mark) for mark in self._marks), default=0)
        return text[: len(text) - held].rstrip(SPACE), None


def _overlap(text: str, mark: str) -> int:
    """The length of the longest end of ``text`` with which ``mark`` begins."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0


def starts_with(text: str, mark: str, last: bool) -> bool | None:
    """Whether ``text`` starts with ``mark``; None when only more text can tell."""
    if text.startswith(mark):
        return True
    return None if not last and mark.startswith(text) else False
