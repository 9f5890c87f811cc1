"""Calls that name the tool, and give the arguments as one JSON object."""

import re

from dmr_desktop.engine.formats.call_reader import CallEvents, NoCall, Offered
from dmr_desktop.engine.formats.chat_format import Literally, NamedCall, Skeleton
from dmr_desktop.engine.formats.source import Reading, Source

_MAX_NAME = 128
_NAME = re.compile(rf"[A-Za-z0-9_.:/-]{{1,{_MAX_NAME}}}")
_DIGITS = re.compile(r"[0-9]+")


class NamedCallReader:
    """Follows the skeleton: fixed texts (white space around them is free), name, id, index, JSON arguments.

    What stands between the name and the arguments may be missing. Where it is no call, nothing of it was read.
    """

    def __init__(self, body: NamedCall, offered: Offered, source: Source, events: CallEvents) -> None:
        at = body.skeleton.index("arguments")
        self._head: Skeleton = body.skeleton[: at + 1]
        self._tail = "".join(piece.text for piece in body.skeleton[at + 1 :] if isinstance(piece, Literally)).strip()
        self._id_prefix = body.id_prefix
        self._offered = offered
        self._source = source
        self._events = events
        self._name = ""
        self._id = ""
        # The text from the name to the index.
        self._spelled = ""

    def read(self) -> Reading[None]:
        start = self._source.mark()
        try:
            yield from self._read_head()
        except NoCall:
            self._source.rewind(start)
            raise
        self._source.drop(start)
        call_id = self._id if self._id_prefix is None else self._id_prefix + self._spelled
        self._events.start_call(self._name, call_id)
        yield from self._source.value(self._events.arguments, self._events.arguments_delta)
        if self._tail:
            yield from self._source.over(self._tail)

    def _read_head(self) -> Reading[None]:
        """Up to the brace of the arguments."""
        source = self._source
        at = 0
        while True:
            piece = self._head[at]
            if isinstance(piece, Literally):
                if (yield from source.over(piece.text.strip())):
                    if self._name and "index" in self._head[at:]:
                        self._spelled += piece.text.strip()
                    at += 1
                else:
                    at = yield from self._skip(at)
                continue
            first = yield from source.something()
            if piece == "arguments":
                if first != "{" or self._name not in self._offered:
                    raise NoCall
                return
            word = yield from source.word(_DIGITS if piece == "index" else _NAME, _MAX_NAME)
            if len(word) == source.size:
                raise NoCall
            word = self._without_next(word, at)
            source.take(len(word))
            if piece == "id":
                self._id = word
            else:
                self._spelled += word
                self._name = word if piece == "name" else self._name
            at += 1

    def _without_next(self, word: str, at: int) -> str:
        """A fixed text such as ``:`` may itself look like more of the name."""
        following = self._head[at + 1]
        mark = following.text.strip() if isinstance(following, Literally) else ""
        if not mark or mark not in word:
            return word
        return word.rpartition(mark)[0] if self._head[at + 2] == "index" else word.partition(mark)[0]

    def _skip(self, at: int) -> Reading[int]:
        """The first piece behind the one at ``at`` that comes next."""
        if self._name:
            first = yield from self._source.something()
            for index in range(at + 1, len(self._head)):
                piece = self._head[index]
                if piece == "arguments" and first == "{":
                    return index
                if isinstance(piece, Literally) and (yield from self._source.opens(piece.text.strip())):
                    return index
        raise NoCall
