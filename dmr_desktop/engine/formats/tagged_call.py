"""Calls whose arguments stand one by one between tags, and come out as one JSON object."""

import json
import re

from dmr_desktop.engine.formats.argument_value import read_value
from dmr_desktop.engine.formats.call_reader import CallEvents, NoCall, Offered
from dmr_desktop.engine.formats.chat_format import Literally, TaggedCall, TextValues, units
from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.markers import markers_of
from dmr_desktop.engine.formats.source import Reading, Source

_NAME = re.compile(r"[A-Za-z0-9_.:/-]+")
_MAX_HEAD = 512
_QUOTES = "\"'"


class TaggedCallReader:
    """``ends`` are the texts that may stand behind the last argument. Where it is no call, nothing of it was read."""

    def __init__(
        self, body: TaggedCall, offered: Offered, source: Source, events: CallEvents, ends: tuple[str, ...]
    ) -> None:
        self._body = body
        self._offered = offered
        self._source = source
        self._events = events
        self._ends = ends
        self._key_start = units(body.key_start)
        self._key_end = units(body.key_end) or (body.key_end.strip(),)
        self._separator = body.separator.strip()

    def read(self) -> Reading[None]:
        source, say = self._source, self._events.arguments
        start = source.mark()
        try:
            name = yield from self._read_head()
        except NoCall:
            source.rewind(start)
            raise
        source.drop(start)
        self._events.start_call(name)
        if source.next == "{" and self._key_start:
            # Some models fall back to JSON.
            yield from source.value(say, self._events.arguments_delta)
            return
        lead = "{"
        while found := (yield from self._read_key(is_first=lead == "{")):
            key, word = found
            say(f"{lead}{json.dumps(key, ensure_ascii=False)}: ")
            lead = ", "
            yield from read_value(source, self._body, key, word, self._offered[name], say)
        say("{}" if lead == "{" else "}")

    def _read_head(self) -> Reading[str]:
        """The name, read up to the first argument."""
        source, head = self._source, self._body.head
        name = ""
        for index, piece in enumerate(head):
            if isinstance(piece, Literally):
                # What stands last, behind the name, may be missing when there are no arguments.
                if not (yield from source.over(piece.text.strip())) and index + 1 < len(head):
                    raise NoCall
                continue
            yield from source.something()
            word = yield from source.word(_NAME, _MAX_HEAD)
            if len(word) == source.size:
                raise NoCall
            source.take(len(word))
            name = word if piece == "name" else name
        if name not in self._offered:
            raise NoCall
        first = yield from source.something()
        if (first == "{" and self._key_start) or (not self._key_start and _may_begin_key(first)):
            return name
        # A name alone may be prose.
        if not (yield from source.opens_any((*self._key_start[:1], *self._ends))):
            raise NoCall
        return name

    def _read_key(self, *, is_first: bool) -> Reading[tuple[str, str] | None]:
        """The next key, and the word that tells the type of its value. None at the end, with nothing read."""
        source = self._source
        start = source.mark()
        if self._separator and not is_first:
            yield from source.over(self._separator)
        yield from source.space()
        if (yield from source.opens_any(self._ends)):
            source.rewind(start)
            return None
        for unit in self._key_start:
            if not (yield from source.over(unit)):
                source.rewind(start)
                return None
        first = yield from source.something()
        key = (yield from self._before(self._key_end[0])) if self._key_start or _may_begin_key(first) else None
        if key is None:
            source.rewind(start)
            return None
        for unit in self._key_end:
            yield from source.over(unit)
        word = ""
        if isinstance(self._body.values, TextValues) and self._body.values.words:
            word_end = self._body.values.word_end.strip()
            told = yield from self._before(word_end)
            if told is None:
                source.rewind(start)
                return None
            word = told
            source.take(len(word_end))
        source.drop(start)
        return key.strip(SPACE + _QUOTES), word

    def _before(self, end: str) -> Reading[str | None]:
        """The text in front of ``end``; None where it is too long for a key."""
        text = ""
        while len(text) <= _MAX_HEAD:
            piece, mark = self._source.take_before(markers_of(end))
            text += piece
            if mark or not end:
                return text if len(text) <= _MAX_HEAD else None
            self._source.want()
            yield
        return None


def _may_begin_key(character: str) -> bool:
    return character.isalpha() or character in "_" + _QUOTES
