"""Reading an answer: reasoning, content and calls, in the order in which the model writes them."""

from dataclasses import replace
from functools import partial
from typing import NoReturn, Protocol

from dmr_desktop.engine.formats.call_reader import Offered
from dmr_desktop.engine.formats.call_section import CallSection
from dmr_desktop.engine.formats.chat_format import ChatFormat, units
from dmr_desktop.engine.formats.event_writer import EventWriter
from dmr_desktop.engine.formats.markers import Markers
from dmr_desktop.engine.formats.passage import Passage
from dmr_desktop.engine.formats.source import OutputEnded, Reading, Source
from dmr_desktop.protocol.generation import Event

_MAX_RETRIES = 8
"""How often text in reasoning is read for calls once more. Any bound does: without one, hostile text takes for ever."""


class State(Protocol):
    """Reads one part of an answer; the result reads the part that follows."""

    def __call__(self) -> Reading["State"]: ...


class AnswerReader:
    """A machine whose states are the methods that read a part and return the next state.

    ``offered`` are the tools that a call may name; where there are none, calls are not looked for. The others as in
    :class:`.parser.OutputParser`.
    """

    def __init__(
        self,
        chat_format: ChatFormat,
        offered: Offered,
        source: Source,
        events: EventWriter,
        *,
        reasoning_open: bool = False,
        reasoning_begun: bool = False,
        call_open: bool = False,
    ) -> None:
        self._format = chat_format
        self._offered = offered
        self._source = source
        self._events = events
        self._reasoning = reasoning = chat_format.reasoning
        calls = chat_format.calls if offered else None
        self._calls = CallSection(calls, offered, source, events) if calls else None
        self._wrap = chat_format.content if offered else None
        triggers = calls.triggers if calls else ()
        self._silent = _silent(chat_format)
        # Behind the end of the reasoning another message may have to begin.
        self._end, *self._resume = units(reasoning.end) if reasoning else ("",)
        again = reasoning.start if reasoning and reasoning.start.startswith("<|") else ""
        content_ends = Markers((*triggers, *self._silent, again))
        self._content = Passage(source, content_ends, events.text, events.text_delta)
        self._thoughts = Passage(source, Markers((self._end, *triggers)), events.thought, events.thought_delta)
        self._openings = self._all_openings()
        # How far reasoning was read for calls, and how often again.
        self._tried = 0
        self._retries = 0
        self.is_reasoning = reasoning_open and reasoning is not None
        self._first: State = self._output_begins if self._openings or self._is_bare else self._answer_goes_on
        if self.is_reasoning:
            self._first = self._reasoning_goes_on if reasoning_begun else self._reasoning_begins
        elif call_open and calls:
            self._first = self._call_goes_on

    def read(self) -> Reading[NoReturn]:
        """Reads to the end of the output. Raises OutputEnded."""
        state = self._first
        while True:
            state = yield from state()

    # ---- content -------------------------------------------------------------------------------------

    def _output_begins(self) -> Reading[State]:
        """White space in front of content is the author's here, and stays."""
        start = self._source.mark()
        yield from self._source.space()
        opened = None if self._source.is_empty else (yield from self._opening())
        if opened in (None, self._calls_begin):
            self._source.rewind(start)
        else:
            self._source.drop(start)
        return opened or self._answer_goes_on

    def _answer_begins(self) -> Reading[State]:
        """White space here is the format's."""
        yield from self._source.something()
        return (yield from self._opening()) or self._answer_goes_on

    def _answer_goes_on(self) -> Reading[State]:
        space, mark = yield from self._content.read()
        if self._reasoning and mark == self._reasoning.start:
            self._source.take(len(mark))
            return self._reasoning_begins
        if mark in self._silent:
            self._source.take(len(mark))
            return self._answer_begins
        return partial(self._calls_begin, space)

    def _wrapped(self) -> Reading[State]:
        """Content as a JSON string, behind its opening quote."""
        assert self._wrap is not None
        yield from self._source.string('"', self._events.text)
        yield from self._source.space()
        if (yield from self._source.opens_whole(self._wrap.end)):
            self._source.take(len(self._wrap.end))
        return self._answer_begins

    def _opening(self) -> Reading[State | None]:
        """What begins here and is no content. Of a call nothing was read, of all others their mark."""
        for mark, state in self._openings:
            if (yield from self._source.opens_whole(mark)):
                self._source.take(len(mark))
                return state
        if self._is_bare and self._calls and (yield from self._calls.opens_object()):
            return self._calls_begin
        return None

    def _all_openings(self) -> list[tuple[str, State]]:
        found: list[tuple[str, State]] = []
        if self._reasoning:
            # A thinking model that was told not to think may still close what it never opened.
            found += [(self._reasoning.start, self._reasoning_begins), (self._end, self._answer_begins)]
            found += [(unit, self._answer_begins) for unit in self._resume]
        if self._wrap:
            found.append((self._wrap.start, self._wrapped))
        if self._format.answer_start:
            found.append((self._format.answer_start.strip(), self._answer_begins))
        return found

    # ---- calls ---------------------------------------------------------------------------------------

    @property
    def _is_bare(self) -> bool:
        return self._calls is not None and self._calls.is_bare

    def _calls_begin(self, space: str = "") -> Reading[State]:
        """``space`` was read in front of what may be a call, and is content if it is none."""
        assert self._calls is not None
        ended = yield from self._calls.read(space)
        return self._answer_begins if ended else self._answer_goes_on

    def _call_goes_on(self) -> Reading[State]:
        """The prompt has begun a call, which the model need not go on with."""
        assert self._calls is not None
        ended = yield from self._calls.read(is_open=True)
        return self._answer_begins if ended else self._answer_goes_on

    # ---- reasoning -----------------------------------------------------------------------------------

    def _reasoning_begins(self) -> Reading[State]:
        assert self._reasoning is not None
        self.is_reasoning = True
        yield from self._source.something()
        if (yield from self._source.opens_whole(self._reasoning.start)):
            # Some prompts open the reasoning and the model opens it again.
            self._source.take(len(self._reasoning.start))
            return self._reasoning_begins
        return self._reasoning_goes_on

    def _reasoning_goes_on(self) -> Reading[State]:
        space, mark = yield from self._thoughts.read()
        if mark == self._end:
            self._source.take(len(mark))
            self.is_reasoning = False
            return self._answer_begins
        self._retries = self._retries + 1 if self._source.position < self._tried else 0
        if self._retries <= _MAX_RETRIES:
            yield from self._try_calls()
        self._events.thought(space + self._source.take(len(mark)))
        return self._reasoning_goes_on

    def _try_calls(self) -> Reading[None]:
        """Returns to where it began, unless nothing but calls follows to the end: then OutputEnded.

        A model that calls in its reasoning forgot to end it; if it goes on with anything else, it was only thinking
        of a call.
        """
        start = self._source.mark()
        events = _CallsOnly(self._events)
        without = replace(self._format, reasoning=None, content=None)
        try:
            yield from AnswerReader(without, self._offered, self._source, events).read()
        except _NotOnlyCalls:
            pass
        except OutputEnded:
            if events.num_calls > self._events.num_calls:
                self._events.append(events)
                raise
        self._tried = max(self._tried, self._source.position)
        self._source.rewind(start)


class _NotOnlyCalls(Exception):
    """There is content."""


class _CallsOnly(EventWriter):
    """Goes on from ``events`` and takes nothing but calls. Raises _NotOnlyCalls."""

    def __init__(self, events: EventWriter) -> None:
        super().__init__(events.choice, events.new_call_id, events.num_calls)

    def text(self, text: str) -> None:
        if text:
            raise _NotOnlyCalls

    def text_delta(self, text: str) -> Event | None:
        return None

    def arguments_delta(self, text: str) -> Event | None:
        return None


def _silent(chat_format: ChatFormat) -> tuple[str, ...]:
    """Markers that are dropped wherever they stand in content."""
    start = chat_format.answer_start.strip()
    texts = (start if start[:1] in "<[" else "", chat_format.answer_end.strip(), *chat_format.silent)
    return tuple(text for text in texts if text)
