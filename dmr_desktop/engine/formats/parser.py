"""From output text, as it arrives, to reasoning, content and tool calls.

The concatenation of what comes out does not depend on how the text was cut into pieces, and nothing is
ever taken back. Text that does not fit the format is content, never an error. One parser serves one
choice; it knows neither tokens nor templates.
"""

import secrets
import string
from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

from dmr_desktop.engine.formats.calls import CallReader, call_reader
from dmr_desktop.engine.formats.chat_format import ChatFormat
from dmr_desktop.engine.formats.json_stream import SPACE, StringReader
from dmr_desktop.engine.formats.markers import Markers, starts_with
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
)

_ID_CHARACTERS = string.ascii_letters + string.digits

State: TypeAlias = Literal["content", "reasoning", "call head", "call", "after call", "wrapped"]


class OutputParser:
    """Feed it text, then finish it once.

    ``offered`` are the names of the tools a call may name; none means that calls are not looked for.
    ``reasoning_open``: the prompt ends inside reasoning.
    """

    def __init__(
        self,
        chat_format: ChatFormat,
        offered: Collection[str] = (),
        *,
        reasoning_open: bool = False,
        choice: int = 0,
        new_call_id: Callable[[], str] | None = None,
    ) -> None:
        self._reasoning = chat_format.reasoning
        self._calls = chat_format.calls if offered else None
        self._wrap = chat_format.content if offered else None
        self._offered = offered
        self._choice = choice
        self._new_call_id = new_call_id or _random_call_id
        self._triggers = self._calls.triggers if self._calls else ()
        self._bare = self._calls is not None and not self._triggers
        self._content_marks = Markers(self._triggers)
        self._reasoning_marks = Markers((self._reasoning.end,) if self._reasoning else ())

        self._state: State = "reasoning" if reasoning_open and self._reasoning else "content"
        self._buffer = ""
        # Nothing but white space has come since the output began or since reasoning or a call ended.
        self._at_start = True
        # White space here is the format's, not the author's: drop it instead of passing it on.
        self._skip_space = self._state == "reasoning"
        self._plain = not (self._calls or self._reasoning or self._wrap)
        self._reader: CallReader | None = None
        self._raw = ""
        self._num_calls = 0
        self._started = False
        # The output was cut short, so half a call at its end is half a call and not content.
        self._is_cut = False
        self._string: StringReader | None = None
        self._events: list[Event] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def is_reasoning(self) -> bool:
        return self._state == "reasoning"

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Event]:
        """The events that ``text`` made sure. ``logprobs`` go out with the next content."""
        if self._state == "content" and not self._buffer and not logprobs and not self._logprobs:
            if self._plain:
                return [TextDelta(text, self._choice)] if text else []
            # The usual case by far: a piece in the middle of content in which no marker can begin.
            if text and not self._at_start and not self._content_marks.may_begin_in(text):
                return [TextDelta(text, self._choice)]
        self._logprobs += logprobs
        self._buffer += text
        return self._run(last=False)

    def finish(self, reason: FinishReason, stop: str | None = None) -> list[Event]:
        """What was held back, then ChoiceFinished. A ``stop`` after calls is ``tool_calls``, in mid-call ``length``."""
        self._is_cut = reason != "stop"
        events = self._run(last=True)
        if reason == "stop" and self._num_calls:
            reason = "length" if self._started else "tool_calls"
        if self._logprobs:
            events.append(TextDelta("", self._choice, tuple(self._logprobs)))
            self._logprobs = []
        events.append(ChoiceFinished(reason, self._choice, stop))
        return events

    # ---- the machine: each step consumes from the buffer and says whether another one may follow -----

    def _run(self, *, last: bool) -> list[Event]:
        while self._step(last):
            pass
        events, self._events = self._events, []
        return events

    def _step(self, last: bool) -> bool:
        match self._state:
            case "content":
                return self._in_content(last)
            case "reasoning":
                return self._in_reasoning(last)
            case "call head":
                return self._in_call_head(last)
            case "call":
                return self._in_call(last)
            case "after call":
                return self._after_call(last)
            case "wrapped":
                return self._in_wrapped(last)

    def _in_content(self, last: bool) -> bool:
        if self._at_start:
            text = self._buffer.lstrip(SPACE)
            if self._skip_space:
                self._buffer = text
            if not text:
                return self._flush(last)
            if self._reasoning:
                found = starts_with(text, self._reasoning.start, last)
                if found is None:
                    return False
                if found:
                    return self._enter("reasoning", text[len(self._reasoning.start) :])
                # A thinking model that was told not to think may still close what it never opened.
                found = starts_with(text, self._reasoning.end, last)
                if found is None:
                    return False
                if found:
                    return self._enter("content", text[len(self._reasoning.end) :])
            if self._wrap:
                found = starts_with(text, self._wrap.start, last)
                if found is None:
                    return False
                if found:
                    self._string = StringReader()
                    return self._enter("wrapped", text[len(self._wrap.start) :])
            if self._bare and text[0] == "{":
                self._raw = ""
                return self._begin_call()
            self._at_start = False
            self._skip_space = False
        before, mark = self._content_marks.split(self._buffer, last)
        if mark is None:
            self._say(before)
            self._buffer = self._buffer[len(before) :]
            return False
        said = before.rstrip(SPACE)
        self._say(said)
        self._raw = before[len(said) :]
        self._buffer = self._buffer[len(before) :]
        self._state = "call head"
        return True

    def _in_reasoning(self, last: bool) -> bool:
        assert self._reasoning is not None
        if self._skip_space:
            self._buffer = self._buffer.lstrip(SPACE)
            # Some prompts open the reasoning and the model opens it again.
            found = starts_with(self._buffer, self._reasoning.start, last)
            if not self._buffer or found is None:
                return False
            if found:
                self._buffer = self._buffer[len(self._reasoning.start) :]
                return True
            self._skip_space = False
        before, mark = self._reasoning_marks.split(self._buffer, last)
        if mark is None:
            self._think(before)
            self._buffer = self._buffer[len(before) :]
            return False
        self._think(before.rstrip(SPACE))
        return self._enter("content", self._buffer[len(before) + len(mark) :])

    def _in_call_head(self, last: bool) -> bool:
        """The section's and the call's start; each may be missing, and white space around them is free."""
        assert self._calls is not None
        rest = self._buffer
        for text in (self._calls.section_start.strip(), self._calls.call_start.strip()):
            ahead = rest.lstrip(SPACE)
            if text and starts_with(ahead, text, last) is None:
                return False
            if text and ahead.startswith(text):
                rest = ahead[len(text) :]
        self._raw += self._buffer[: len(self._buffer) - len(rest)]
        self._buffer = rest
        return self._begin_call()

    def _begin_call(self) -> bool:
        assert self._calls is not None
        self._reader = call_reader(self._calls.body, self._offered, bare=self._bare)
        self._started = False
        self._state = "call"
        return True

    def _in_call(self, last: bool) -> bool:
        assert self._reader is not None
        reader = self._reader
        self._raw += self._buffer
        self._buffer = reader.feed(self._buffer)
        if reader.name and not self._started:
            self._started = True
            call_id = reader.id or self._new_call_id()
            self._events.append(ToolCallStarted(self._num_calls, call_id, reader.name, self._choice))
            self._num_calls += 1
        if self._started:
            self._raw = ""
            arguments = reader.take_arguments()
            if arguments:
                self._events.append(ToolCallArguments(self._num_calls - 1, arguments, self._choice))
        if reader.status == "reading":
            if last and not self._started and not self._is_cut:
                self._say_raw()
            return False
        self._reader = None
        if self._started:
            self._started = False
            self._state = "after call"
        else:
            # What looked like a call is none. What the reader did not take may hold a real one.
            self._raw = self._raw[: len(self._raw) - len(self._buffer)]
            self._say_raw()
        return True

    def _after_call(self, last: bool) -> bool:
        assert self._calls is not None
        calls = self._calls
        rest = self._buffer.lstrip(SPACE)
        end = calls.call_end.strip()
        if end:
            found = starts_with(rest, end, last)
            if found is None:
                return False
            if found:
                rest = rest[len(end) :].lstrip(SPACE)
        section_end, separator = calls.section_end.strip(), calls.separator.strip()
        expected = [text for text in (section_end, separator, *self._triggers) if text]
        for text in expected:
            found = starts_with(rest, text, last)
            if found is None:
                return False
            if found and text == section_end:
                return self._enter("content", rest[len(text) :])
            if found:
                self._raw = text if text == separator else ""
                self._buffer = rest[len(self._raw) :]
                self._state = "call head"
                return True
        if not rest and not last:
            return False
        if rest[:1] == "{" and not calls.call_start.strip() and not separator and calls.section_start.strip():
            # Inside a section whose calls stand side by side.
            self._raw = ""
            self._buffer = rest
            return self._begin_call()
        if last and any(text.startswith(rest) for text in (end, *expected)):
            rest = ""
        return self._enter("content", rest)

    def _in_wrapped(self, last: bool) -> bool:
        assert self._string is not None
        assert self._wrap is not None
        if not self._string.done:
            text, self._buffer = self._string.feed(self._buffer)
            self._say(text)
            if not self._string.done:
                return False
        found = starts_with(self._buffer.lstrip(SPACE), self._wrap.end, last)
        if found is None:
            return False
        if found:
            self._buffer = self._buffer.lstrip(SPACE)[len(self._wrap.end) :]
        return self._enter("content", self._buffer)

    # ---- saying ---------------------------------------------------------------------------------------

    def _enter(self, state: State, rest: str) -> bool:
        self._state = state
        self._buffer = rest
        self._at_start = True
        self._skip_space = True
        return True

    def _flush(self, last: bool) -> bool:
        """White space alone so far: it is content only if nothing else comes."""
        if last:
            self._say(self._buffer)
            self._buffer = ""
        return False

    def _say_raw(self) -> None:
        self._say(self._raw)
        self._raw = ""
        self._state = "content"
        self._at_start = False
        self._skip_space = False

    def _say(self, text: str) -> None:
        if text:
            self._events.append(TextDelta(text, self._choice, tuple(self._logprobs)))
            self._logprobs = []

    def _think(self, text: str) -> None:
        if text:
            self._events.append(ReasoningDelta(text, self._choice))


def _random_call_id() -> str:
    """``call_`` and 24 random letters and digits."""
    return "call_" + "".join([secrets.choice(_ID_CHARACTERS) for _ in range(24)])
