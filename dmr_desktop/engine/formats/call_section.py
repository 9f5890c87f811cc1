"""Reading the calls of an answer, with what stands around and between them."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from dmr_desktop.engine.formats.call_reader import CallReader, NoCall, Offered
from dmr_desktop.engine.formats.chat_format import (
    USUAL_CALL,
    CallSyntax,
    JsonCall,
    Literally,
    NamedCall,
    TaggedCall,
    units,
)
from dmr_desktop.engine.formats.event_writer import EventWriter
from dmr_desktop.engine.formats.json_call import JsonCallReader
from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.named_call import NamedCallReader
from dmr_desktop.engine.formats.source import OutputEnded, Reading, Source
from dmr_desktop.engine.formats.tagged_call import TaggedCallReader
from dmr_desktop.protocol.generation import Event

Following: TypeAlias = Literal["call", "listed call", "answer", "text"]
"""What comes behind a call: white space in front of an answer is the format's, in front of text it is the author's."""


class CallSection:
    """Any part around a call may be missing, and white space between the parts is free.

    ``is_bare``: nothing marks a call. An object at the beginning of an answer is one, if it looks exactly like one.
    """

    def __init__(self, syntax: CallSyntax, offered: Offered, source: Source, events: EventWriter) -> None:
        self._syntax = syntax
        self._offered = offered
        self._source = source
        self._events = events
        self.is_bare = not syntax.triggers
        # A brace cannot be the beginning of the format's own spelling.
        own = syntax.body
        self._may_be_usual = not isinstance(own, JsonCall) and not isinstance(own.skeleton[0], Literally)
        self._separators = units(syntax.separator)
        section_ends = units(syntax.section_end)
        self._section_end = section_ends[-1] if section_ends else ""
        self._tails = (*syntax.ends, *self._separators, *section_ends)
        self._behind_call = _longest_first((*self._tails, *syntax.triggers, *((";", ",") if self.is_bare else ())))
        self._behind_listed = _longest_first((*self._tails, *syntax.triggers, "]", ","))
        # Calls follow each other with nothing in between.
        self._is_side_by_side = (
            bool(syntax.section_start.strip()) and not (syntax.call_start + syntax.separator).strip()
        )
        # The calls came as a JSON list, though the format has none.
        self._is_list = False
        # The mark of what may be a call, until it is sure.
        self._unsure: int | None = None

    def read(self, space: str = "", *, is_open: bool = False) -> Reading[bool]:
        """Reads calls, from what starts the first one on. Whether white space behind it all is the format's.

        What turns out to be no call is content, with ``space`` in front of it. ``is_open``: the prompt has written the
        start, and what is no call then is left unread. Raises OutputEnded.
        """
        self._is_list = False
        self._unsure = self._source.mark()
        following: Following = "call"
        while following in ("call", "listed call"):
            try:
                reader = self._usual() if following == "listed call" else (yield from self._start())
                yield from reader.read()
            except NoCall:
                if self._unsure is not None:
                    return self._refuse(self._unsure, space, is_open=is_open)
            except OutputEnded:
                if self._unsure is None or self._source.is_cut:
                    raise
                if is_open:
                    return self._refuse(self._unsure, space, is_open=True)
                self._end_unsure(self._unsure, space)
                raise
            self._events.end_call()
            is_open, space = False, ""
            following = yield from self._behind()
        return following == "answer"

    def opens_object(self) -> Reading[bool]:
        """Whether a JSON object, or a list of them, comes next. Reads nothing."""
        source = self._source
        start = source.mark()
        yield from source.space()
        if source.next == "[":
            source.take(1)
            yield from source.space()
        found = source.next == "{"
        source.rewind(start)
        return found

    # ---- one call, as its reader tells ---------------------------------------------------------------

    def start_call(self, name: str, call_id: str = "") -> None:
        if self._unsure is not None:
            self._source.drop(self._unsure)
            self._unsure = None
        self._events.start_call(name, call_id)

    def arguments(self, text: str) -> None:
        self._events.arguments(text)

    def arguments_delta(self, text: str) -> Event | None:
        return self._events.arguments_delta(text)

    def _refuse(self, mark: int, space: str, *, is_open: bool) -> bool:
        if is_open:
            self._source.rewind(mark)
        else:
            self._events.text(space + self._source.drop(mark))
        return is_open

    def _end_unsure(self, mark: int, space: str) -> None:
        """At the end of the output. A lone control token there is the format's."""
        self._source.take_rest()
        text = self._source.drop(mark)
        start = text.strip(SPACE)
        if not (start in self._syntax.triggers and start.startswith("<|")):
            self._events.text(space + text)

    # ---- around and between --------------------------------------------------------------------------

    def _start(self) -> Reading[CallReader]:
        """What starts a section and a call; the reader of what follows."""
        source, body = self._source, self._syntax.body
        for unit in self._syntax.starts:
            yield from source.over_whole(unit)
        if (self.is_bare or self._may_be_usual) and (yield from self.opens_object()):
            self._is_list = (yield from source.over_whole("[")) or self._is_list
            if not self.is_bare:
                return self._usual()
        match body:
            case JsonCall():
                return JsonCallReader(body, self._offered, source, self, is_bare=self.is_bare)
            case NamedCall():
                return NamedCallReader(body, self._offered, source, self)
            case TaggedCall():
                end = self._syntax.section_end.strip()
                return TaggedCallReader(
                    body, self._offered, source, self, (*self._syntax.ends, *([end] if end else []))
                )

    def _usual(self) -> CallReader:
        """Some models fall back to the spelling of most."""
        return JsonCallReader(USUAL_CALL, self._offered, self._source, self)

    def _behind(self) -> Reading[Following]:
        """Over what closes a call and what closes them all, each of which may be missing, to what follows."""
        source, triggers = self._source, self._syntax.triggers
        joins = (",",) if self._is_list else (";", ",") if self.is_bare else ()
        marks = self._behind_listed if self._is_list else self._behind_call
        while True:
            begin = source.mark()
            yield from source.space()
            mark = yield from self._first(marks)
            if mark not in triggers and (mark in self._separators or mark in joins):
                if self.is_bare and not (yield from self._leads_on(mark)):
                    source.rewind(begin)
                    return "text"
                source.drop(begin)
                self._unsure = source.mark()
                source.take(len(mark))
                return "listed call" if self._is_list and not self.is_bare else "call"
            source.drop(begin)
            if mark in triggers or (source.next == "{" and not mark and (self.is_bare or self._is_side_by_side)):
                self._unsure = source.mark()
                return "call"
            if not mark:
                if source.has_ended and any(text.startswith(source.rest) for text in (*self._tails, *triggers)):
                    source.take_rest()
                return "answer"
            source.take(len(mark))
            if mark == self._section_end:
                return "answer"

    def _first(self, marks: Iterable[str]) -> Reading[str]:
        """The first of ``marks`` that comes next; empty if none does."""
        source = self._source
        for mark in marks:
            while (found := source.comes(mark)) is None and not source.has_ended:
                yield
            if found:
                return mark
        return ""

    def _leads_on(self, mark: str) -> Reading[bool]:
        """Whether another bare call follows ``mark``. Reads nothing."""
        start = self._source.mark()
        yield from self._source.over_whole(mark)
        yield from self._source.space()
        found = self._source.next == "{"
        self._source.rewind(start)
        return found


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(dict.fromkeys(texts), key=len, reverse=True)
