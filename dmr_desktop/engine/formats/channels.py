"""Reader of output whose messages have headers: channels, and recipients of calls (OpenAI's harmony format).

``<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...`` and, for a call,
``<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>``, with the recipient also in front
of the channel. Same face and same promises as :class:`.parser.OutputParser`.
"""

import re
from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.markers import Markers, starts_with
from dmr_desktop.engine.formats.parser import random_call_id
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

START, CHANNEL, MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
CONSTRAIN, END, CALL, RETURN = "<|constrain|>", "<|end|>", "<|call|>", "<|return|>"
MARKS = (START, CHANNEL, MESSAGE, CONSTRAIN, END, CALL, RETURN)

_RECIPIENT = re.compile(r"\bto=(?:functions\.)?([^\s<]+)")
_NAMED_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_MAX_HEADER = 512

State: TypeAlias = Literal["begin", "header", "content", "reasoning", "call"]


class ChannelParser:
    """Feed it text, then finish it once. ``offered`` are the names of the tools a call may name."""

    def __init__(
        self, offered: Collection[str] = (), *, choice: int = 0, new_call_id: Callable[[], str] | None = None
    ) -> None:
        self._offered = offered
        self._choice = choice
        self._new_call_id = new_call_id or random_call_id
        self._state: State = "begin"
        self._buffer = ""
        self._marks = Markers((START, CHANNEL, END, CALL, RETURN))
        self._num_calls = 0
        self._has_arguments = False
        self._skip_space = False
        self._events: list[Event] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def is_reasoning(self) -> bool:
        return self._state == "reasoning"

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Event]:
        """The events that ``text`` made sure. ``logprobs`` go out with the next content."""
        self._logprobs += logprobs
        self._buffer += text
        return self._run(last=False)

    def finish(self, reason: FinishReason, stop: str | None = None) -> list[Event]:
        """What was held back, then ChoiceFinished. A ``stop`` after a call is ``tool_calls``."""
        is_in_call = self._state == "call" and reason == "stop"
        events = self._run(last=True)
        if is_in_call and not self._has_arguments:
            events.append(ToolCallArguments(self._num_calls - 1, "{}", self._choice))
        if reason == "stop" and self._num_calls:
            reason = "tool_calls"
        if self._logprobs:
            events.append(TextDelta("", self._choice, tuple(self._logprobs)))
            self._logprobs = []
        events.append(ChoiceFinished(reason, self._choice, stop))
        return events

    def _run(self, *, last: bool) -> list[Event]:
        while self._buffer and self._step(last):
            pass
        events, self._events = self._events, []
        return events

    def _step(self, last: bool) -> bool:
        match self._state:
            case "begin":
                return self._begin(last)
            case "header":
                return self._in_header(last)
            case _:
                return self._in_body(last)

    def _begin(self, last: bool) -> bool:
        """The start of the output or of another message: a header, or text of a model that writes none."""
        text = self._buffer.lstrip(SPACE)
        for opening in (START, CHANNEL, MESSAGE, "to="):
            found = starts_with(text, opening, last)
            if found is None:
                return False
            if found:
                self._buffer = text
                self._state = "header"
                return True
        self._state = "content"
        return True

    def _in_header(self, last: bool) -> bool:
        header, found, rest = self._buffer.partition(MESSAGE)
        if not found:
            if last or len(self._buffer) > _MAX_HEADER:
                self._broken_header(last)
            return False
        self._buffer = rest
        self._skip_space = True
        recipient = _RECIPIENT.search(header)
        channel = _NAMED_CHANNEL.search(header)
        if recipient and recipient[1] in self._offered:
            self._state = "call"
            self._has_arguments = False
            self._events.append(ToolCallStarted(self._num_calls, self._new_call_id(), recipient[1], self._choice))
            self._num_calls += 1
        elif recipient or (channel and channel[1] == "analysis"):
            # A call of a tool that nobody offered is something the model does on its own.
            self._state = "reasoning"
        else:
            self._state = "content"
        return True

    def _broken_header(self, last: bool) -> None:
        """A header without its end: shown without its markers, if there is anything else."""
        text = re.sub("|".join(map(re.escape, MARKS)), "", self._buffer)
        self._buffer = ""
        self._state = "content"
        is_header = re.fullmatch(r"\s*(assistant)?\s*(analysis|commentary|final)?\s*", text) is not None
        if not (last and is_header):
            self._say(text)

    def _in_body(self, last: bool) -> bool:
        if self._skip_space:
            self._buffer = self._buffer.lstrip(SPACE)
            if not self._buffer:
                return False
            self._skip_space = False
        before, mark = self._marks.split(self._buffer, last)
        if mark is None:
            self._pass_on(before)
            self._buffer = self._buffer[len(before) :]
            return False
        self._pass_on(before.rstrip(SPACE))
        self._buffer = self._buffer[len(before) :]
        if self._state == "call" and not self._has_arguments:
            self._pass_on("{}")
        if mark in (END, CALL, RETURN):
            self._buffer = self._buffer[len(mark) :]
        self._state = "begin"
        return True

    def _pass_on(self, text: str) -> None:
        match self._state:
            case "call":
                if text:
                    self._has_arguments = True
                    self._events.append(ToolCallArguments(self._num_calls - 1, text, self._choice))
            case "reasoning":
                if text:
                    self._events.append(ReasoningDelta(text, self._choice))
            case _:
                self._say(text)

    def _say(self, text: str) -> None:
        if text:
            self._events.append(TextDelta(text, self._choice, tuple(self._logprobs)))
            self._logprobs = []
