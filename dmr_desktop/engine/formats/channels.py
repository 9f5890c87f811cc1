"""Reading output whose messages have headers: channels, and recipients of calls (OpenAI's harmony format).

``<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...`` and, for a call,
``<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>``, with the recipient also in front
of the channel.
"""

import re
from collections.abc import Container
from typing import NoReturn

from dmr_desktop.engine.formats.event_writer import EventWriter
from dmr_desktop.engine.formats.markers import Markers
from dmr_desktop.engine.formats.passage import Passage
from dmr_desktop.engine.formats.source import OutputEnded, Reading, Source

START, CHANNEL, MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
CONSTRAIN, END, CALL, RETURN = "<|constrain|>", "<|end|>", "<|call|>", "<|return|>"

_ANY_MARK = re.compile("|".join(map(re.escape, (START, CHANNEL, MESSAGE, CONSTRAIN, END, CALL, RETURN))))
_ENDS = (END, CALL, RETURN)
_RECIPIENT = re.compile(r"\bto=(?:functions\.)?([^\s<]+)")
_NAMED_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_ONLY_HEADER = re.compile(r"\s*(assistant)?\s*(analysis|commentary|final)?\s*")
_MAX_HEADER = 512


class ChannelReader:
    """``offered`` are the names of the tools that a call may name."""

    def __init__(self, offered: Container[str], source: Source, events: EventWriter) -> None:
        self._offered = offered
        self._source = source
        self._events = events
        ends = Markers((START, CHANNEL, *_ENDS))
        self._content = Passage(source, ends, events.text, events.text_delta)
        self._thoughts = Passage(source, ends, events.thought, events.thought_delta)
        self._arguments = Passage(source, ends, events.arguments, events.arguments_delta)
        self.is_reasoning = False

    def read(self) -> Reading[NoReturn]:
        """Reads to the end of the output. Raises OutputEnded."""
        while True:
            self.is_reasoning = False
            header = (yield from self._header()) if (yield from self._opens_header()) else None
            recipient = _RECIPIENT.search(header or "")
            channel = _NAMED_CHANNEL.search(header or "")
            if recipient and recipient[1] in self._offered:
                mark = yield from self._call(recipient[1])
            else:
                # A call of a tool that nobody offered is something the model does on its own.
                self.is_reasoning = bool(recipient or (channel and channel[1] == "analysis"))
                if header is not None:
                    yield from self._source.space()
                _, mark = yield from (self._thoughts if self.is_reasoning else self._content).read()
            if mark in _ENDS:
                # What else ends a message begins the next one.
                self._source.take(len(mark))

    def _opens_header(self) -> Reading[bool]:
        """Whether a header begins here, behind white space; or text of a model that writes none."""
        source = self._source
        start = source.mark()
        yield from source.space()
        for opening in (START, CHANNEL, MESSAGE, "to="):
            if (yield from source.opens_whole(opening)):
                source.drop(start)
                return True
        source.rewind(start)
        return False

    def _header(self) -> Reading[str | None]:
        """The text of a header; None where it has no end, and then it was content."""
        source = self._source
        while MESSAGE not in source.rest:
            if source.has_ended or source.size > _MAX_HEADER:
                # Shown without its markers, if there is anything else.
                text = _ANY_MARK.sub("", source.take_rest())
                if not (source.has_ended and _ONLY_HEADER.fullmatch(text)):
                    self._events.text(text)
                return None
            yield
        header = source.rest.partition(MESSAGE)[0]
        source.take(len(header) + len(MESSAGE))
        return header

    def _call(self, name: str) -> Reading[str]:
        """The arguments of a call, and the mark behind them."""
        source, events = self._source, self._events
        events.start_call(name)
        # Unlike elsewhere, a call counts as complete however it ends.
        events.end_call()
        yield from source.space()
        start = source.position
        try:
            _, mark = yield from self._arguments.read()
        except OutputEnded:
            if source.position == start and not source.is_cut:
                events.arguments("{}")
            raise
        if source.position == start:
            events.arguments("{}")
        return mark
