"""From output text, as it arrives, to reasoning, content and tool calls.

The concatenation of what comes out does not depend on how the text was cut into pieces, and nothing is
ever taken back. Text that does not fit the format is content, never an error. One parser serves one
choice; it knows neither tokens nor templates.
"""

import secrets
import string
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias

from dmr_desktop.engine.formats.calls import CallReader, call_reader, usual_reader
from dmr_desktop.engine.formats.chat_format import CallSyntax, ChatFormat, JsonCall, Literally, units
from dmr_desktop.engine.formats.json_stream import SPACE, StringReader
from dmr_desktop.engine.formats.markers import Markers, starts_with
from dmr_desktop.engine.formats.tagged import Offered
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

State: TypeAlias = Literal["content", "reasoning", "perhaps a call", "call head", "call", "after call", "wrapped"]


class OutputParser:
    """Feed it text, then finish it once.

    ``offered`` are the tools a call may name, as names or with the schemas of their arguments; none means that calls
    are not looked for. ``reasoning_open``: the prompt ends inside reasoning; ``reasoning_begun``: and in the middle of
    it. ``call_open``: the prompt ends with what starts a call, so that the output may begin with a name.
    """

    def __init__(
        self,
        chat_format: ChatFormat,
        offered: Collection[str] = (),
        *,
        reasoning_open: bool = False,
        reasoning_begun: bool = False,
        call_open: bool = False,
        choice: int = 0,
        new_call_id: Callable[[], str] | None = None,
    ) -> None:
        self._format = chat_format
        self._reasoning = chat_format.reasoning
        self._calls = chat_format.calls if offered else None
        self._wrap = chat_format.content if offered else None
        self._offered: Offered = offered if isinstance(offered, Mapping) else {name: {} for name in offered}
        self._choice = choice
        self._new_call_id = new_call_id or random_call_id
        self._triggers = self._calls.triggers if self._calls else ()
        self._bare = self._calls is not None and not self._triggers
        self._tails = _tails(self._calls) if self._calls else ()
        self._silent = _silent(chat_format)
        again = self._reasoning.start if self._reasoning and self._reasoning.start.startswith("<|") else ""
        self._content_marks = Markers(text for text in (*self._triggers, *self._silent, again) if text)
        # Behind the end of the reasoning another message may have to begin.
        self._end, *self._resume = units(self._reasoning.end) if self._reasoning else ("",)
        ends = (self._end,) if self._reasoning else ()
        self._reasoning_marks = Markers((*ends, *self._triggers))

        self._state: State = "content"
        if reasoning_open and self._reasoning:
            self._state = "reasoning"
        elif call_open and self._calls:
            self._state = "call head"
        self._buffer = ""
        # Nothing but white space has come since the output began or since reasoning or a call ended.
        self._at_start = True
        # White space here is the format's, not the author's: drop it instead of passing it on.
        self._skip_space = self._state == "reasoning" and not reasoning_begun
        self._call_open = self._state == "call head"
        self._plain = not (self._calls or self._reasoning or self._wrap or self._silent or chat_format.answer_start)
        self._reader: CallReader | None = None
        # A call that came in the usual spelling inside of a JSON list.
        self._in_list = False
        self._raw = ""
        self._num_calls = 0
        self._started = False
        # The output was cut short, so half a call at its end is half a call and not content.
        self._is_cut = False
        self._trial: _Trial | None = None
        self._string: StringReader | None = None
        self._events: list[Event] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def is_reasoning(self) -> bool:
        return self._state in ("reasoning", "perhaps a call")

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
            case "perhaps a call":
                return self._in_trial(last)
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
            begun = self._at_beginning(text, last)
            if begun is not None:
                return begun
            self._at_start = False
            self._skip_space = False
        before, mark = self._content_marks.split(self._buffer, last)
        if mark is None:
            self._say(before)
            self._buffer = self._buffer[len(before) :]
            return False
        said = before.rstrip(SPACE)
        self._say(said)
        if self._reasoning and mark == self._reasoning.start:
            return self._enter("reasoning", self._buffer[len(before) + len(mark) :])
        if mark in self._silent:
            return self._enter("content", self._buffer[len(before) + len(mark) :])
        self._raw = before[len(said) :]
        self._buffer = self._buffer[len(before) :]
        self._state = "call head"
        return True

    def _at_beginning(self, text: str, last: bool) -> bool | None:
        """What ``text`` opens: the answer of a step; None when it is content."""
        openings: list[tuple[str, State]] = []
        if self._reasoning:
            # A thinking model that was told not to think may still close what it never opened.
            openings += [(self._reasoning.start, "reasoning"), (self._end, "content")]
            openings += [(unit, "content") for unit in self._resume]
        if self._wrap:
            openings.append((self._wrap.start, "wrapped"))
        if self._format.answer_start:
            openings.append((self._format.answer_start.strip(), "content"))
        for mark, state in openings:
            found = starts_with(text, mark, last)
            if found is None:
                return False
            if found:
                self._string = StringReader()
                return self._enter(state, text[len(mark) :])
        if self._bare and text[0] in "[{":
            inner = text[1:].lstrip(SPACE)
            if text[0] == "[" and not inner and not last:
                return False
            if text[0] == "{" or inner.startswith("{"):
                self._in_list = text[0] == "["
                self._raw = text[: len(text) - len(inner)] if self._in_list else ""
                self._buffer = inner if self._in_list else self._buffer
                return self._begin_call()
        return None

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
        if mark == self._end:
            self._think(before.rstrip(SPACE))
            return self._enter("content", self._buffer[len(before) + len(mark) :])
        thought = before.rstrip(SPACE)
        self._think(thought)
        self._buffer = self._buffer[len(thought) :]
        self._trial = _Trial(self._new_trial(), mark)
        self._state = "perhaps a call"
        return True

    def _in_trial(self, last: bool) -> bool:
        """A call inside reasoning is one if nothing but calls follows it: then the model forgot to end its thoughts.

        If anything else does, it was only thinking of a call.
        """
        assert self._trial is not None
        trial, text, self._buffer = self._trial, self._buffer, ""
        trial.feed(text)
        if trial.is_call(self._is_cut) if last else trial.may_be_call:
            if last:
                self._events += trial.events
                self._num_calls = trial.parser._num_calls
                self._started = trial.parser._started
            return False
        # On with the text behind the sign that misled.
        lead = trial.raw[: len(trial.raw) - len(trial.raw.lstrip(SPACE))] + trial.mark
        self._think(lead)
        self._buffer = trial.raw[len(lead) :]
        self._trial = None
        self._state = "reasoning"
        return True

    def _new_trial(self) -> "OutputParser":
        without = replace(self._format, reasoning=None, content=None)
        parser = OutputParser(without, self._offered, choice=self._choice, new_call_id=self._new_call_id)
        parser._num_calls = self._num_calls
        return parser

    def _in_call_head(self, last: bool) -> bool:
        """What starts a section and a call; each part may be missing, and white space around them is free."""
        assert self._calls is not None
        rest = self._buffer
        for unit in self._calls.starts:
            ahead = rest.lstrip(SPACE)
            found = starts_with(ahead, unit, last)
            if found is None:
                return False
            if found:
                rest = ahead[len(unit) :]
        ahead = rest.lstrip(SPACE)
        if not isinstance(self._calls.body, JsonCall) and self._may_be_usual():
            if not ahead and not last:
                return False
            inner = ahead[1:].lstrip(SPACE)
            if ahead[:1] == "[" and not inner and not last:
                return False
            if ahead[:1] == "[" and inner.startswith("{"):
                self._in_list, ahead = True, inner
            if ahead[:1] == "{":
                self._raw += self._buffer[: len(self._buffer) - len(ahead)]
                self._buffer = ahead
                return self._begin_call(usual_reader(self._offered))
        self._raw += self._buffer[: len(self._buffer) - len(rest)]
        self._buffer = rest
        return self._begin_call()

    def _may_be_usual(self) -> bool:
        """Whether a brace cannot be the beginning of the format's own spelling."""
        assert self._calls is not None
        body = self._calls.body
        first = body.skeleton[0]
        return not isinstance(first, Literally)

    def _begin_call(self, reader: CallReader | None = None) -> bool:
        assert self._calls is not None
        self._reader = reader or call_reader(self._calls, self._offered, bare=self._bare)
        self._started = False
        self._state = "call"
        return True

    def _in_call(self, last: bool) -> bool:
        assert self._reader is not None
        reader = self._reader
        self._raw += self._buffer
        self._buffer = reader.feed(self._buffer)
        if reader.name and not self._started:
            self._started, self._call_open = True, False
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
                self._say_raw(at_end=True)
                return self._at_start
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
        rest = self._buffer.lstrip(SPACE)
        joins = ("]", ",") if self._in_list else (";", ",") if self._bare else ()
        for mark in _longest_first((*self._tails, *self._triggers, *joins)):
            found = starts_with(rest, mark, last)
            if found is None:
                return False
            if not found:
                continue
            if mark in self._triggers:
                self._raw = ""
                self._buffer = rest
                self._state = "call head"
            elif mark in self._separators or (mark in joins and mark != "]"):
                return self._next_in_list(mark, rest[len(mark) :], last)
            elif mark == self._section_end:
                return self._enter("content", rest[len(mark) :])
            else:
                self._buffer = rest[len(mark) :]
            return True
        if not rest and not last:
            return False
        if rest[:1] == "{" and (self._bare or self._stands_side_by_side):
            self._raw = ""
            self._buffer = rest
            return self._begin_call()
        if last and any(text.startswith(rest) for text in (*self._tails, *self._triggers)):
            rest = ""
        return self._enter("content", rest)

    def _next_in_list(self, mark: str, rest: str, last: bool) -> bool:
        """Behind a separator: the next call, unless something else follows a bare one."""
        ahead = rest.lstrip(SPACE)
        if self._bare and not ahead and not last:
            return False
        if self._bare and ahead[:1] != "{":
            self._at_start = self._skip_space = False
            self._state = "content"
            return True
        self._raw, self._buffer = mark, rest
        if self._in_list and not self._bare:
            return self._begin_call(usual_reader(self._offered))
        self._state = "call head"
        return True

    @property
    def _separators(self) -> tuple[str, ...]:
        assert self._calls is not None
        return units(self._calls.separator)

    @property
    def _section_end(self) -> str:
        assert self._calls is not None
        return (units(self._calls.section_end) or ("",))[-1]

    @property
    def _stands_side_by_side(self) -> bool:
        """Inside a section whose calls follow each other with nothing in between."""
        assert self._calls is not None
        calls = self._calls
        return not calls.call_start.strip() and not calls.separator.strip() and bool(calls.section_start.strip())

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

    def _say_raw(self, *, at_end: bool = False) -> None:
        """What looked like a call is content; a lone control token at the end of an output is the format's."""
        self._in_list = False
        self._state = "content"
        text, self._raw = self._raw, ""
        if self._call_open:
            self._call_open = False
            self._enter("content", text + self._buffer)
            return
        if not (at_end and text.strip(SPACE) in self._triggers and text.strip(SPACE).startswith("<|")):
            self._say(text)
        self._at_start = False
        self._skip_space = False

    def _say(self, text: str) -> None:
        if text:
            self._events.append(TextDelta(text, self._choice, tuple(self._logprobs)))
            self._logprobs = []

    def _think(self, text: str) -> None:
        if text:
            self._events.append(ReasoningDelta(text, self._choice))


class _Trial:
    """Output read as calls before it is known whether they are meant."""

    def __init__(self, parser: OutputParser, mark: str) -> None:
        self.parser = parser
        self.mark = mark
        self.raw = ""
        self.events: list[Event] = []

    def feed(self, text: str) -> None:
        self.raw += text
        self.events += self.parser.feed(text)

    @property
    def may_be_call(self) -> bool:
        return not any(isinstance(event, TextDelta) for event in self.events)

    def is_call(self, is_cut: bool) -> bool:
        """At the end of the output. Ends the parser."""
        ended = self.parser.finish("length" if is_cut else "stop")[:-1]
        self.events += ended
        return self.may_be_call and any(isinstance(event, ToolCallStarted) for event in self.events)


def _tails(calls: CallSyntax) -> tuple[str, ...]:
    """What may stand behind a call, in any order: each part may be missing."""
    return (*calls.ends, *units(calls.separator), *units(calls.section_end))


def _silent(chat_format: ChatFormat) -> tuple[str, ...]:
    """Markers that are dropped wherever they stand in content."""
    start = chat_format.answer_start.strip()
    texts = (start if start[:1] in "<[" else "", chat_format.answer_end.strip(), *chat_format.silent)
    return tuple(text for text in texts if text)


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=len, reverse=True)


def random_call_id() -> str:
    """``call_`` and 24 random letters and digits."""
    return "call_" + "".join([secrets.choice(_ID_CHARACTERS) for _ in range(24)])
