"""The events of one choice, in the order in which they go out."""

import secrets
import string
from collections.abc import Callable
from typing import TypeAlias

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

Delta: TypeAlias = Callable[[str], Event | None]
"""The event of a piece of text; None where it takes more than the text to say it."""


class EventWriter:
    """Owns what was said and not yet taken, the numbers of calls, and log-probabilities, which go out with content.

    ``new_call_id`` makes up the id of a call that came without.
    """

    def __init__(self, choice: int, new_call_id: Callable[[], str], num_calls: int = 0) -> None:
        self.choice = choice
        self.new_call_id = new_call_id
        self._events: list[Event] = []
        self._arguments: list[str] = []
        self.num_calls = num_calls
        self.is_in_call = False
        """The last call's arguments are not complete."""
        self.logprobs: tuple[TokenLogprob, ...] = ()
        """Of the tokens since the last content."""

    def text_delta(self, text: str) -> Event | None:
        """Content as an event of its own. The others of this name likewise; none of them adds to what was said."""
        return None if self.logprobs else TextDelta(text, self.choice)

    def thought_delta(self, text: str) -> Event | None:
        return ReasoningDelta(text, self.choice)

    def arguments_delta(self, text: str) -> Event | None:
        return ToolCallArguments(self.num_calls - 1, text, self.choice)

    def text(self, text: str) -> None:
        """Content. Like all that follows, nothing if ``text`` is empty."""
        if text:
            self._add(TextDelta(text, self.choice, self.logprobs))
            self.logprobs = ()

    def thought(self, text: str) -> None:
        if text:
            self._add(ReasoningDelta(text, self.choice))

    def start_call(self, name: str, call_id: str = "") -> None:
        self._add(ToolCallStarted(self.num_calls, call_id or self.new_call_id(), name, self.choice))
        self.num_calls += 1
        self.is_in_call = True

    def arguments(self, text: str) -> None:
        """The next piece of the last call's arguments."""
        if text:
            self._arguments.append(text)

    def end_call(self) -> None:
        self.is_in_call = False

    def take(self) -> list[Event]:
        """The events since the last time."""
        self._end_arguments()
        events, self._events = self._events, []
        return events

    def append(self, other: "EventWriter") -> None:
        """What ``other`` holds, which went on from here."""
        self._end_arguments()
        self._events += other.take()
        self.num_calls, self.is_in_call = other.num_calls, other.is_in_call

    def finish(self, reason: FinishReason, stop: str | None) -> list[Event]:
        """The last events. A ``stop`` after calls is ``tool_calls``, in the middle of one ``length``."""
        if reason == "stop" and self.num_calls:
            reason = "length" if self.is_in_call else "tool_calls"
        if self.logprobs:
            self._add(TextDelta("", self.choice, self.logprobs))
        self._add(ChoiceFinished(reason, self.choice, stop))
        return self.take()

    def _add(self, event: Event) -> None:
        if self._arguments:
            self._end_arguments()
        self._events.append(event)

    def _end_arguments(self) -> None:
        """Pieces of arguments that came together go out as one."""
        if self._arguments:
            self._events.append(ToolCallArguments(self.num_calls - 1, "".join(self._arguments), self.choice))
            self._arguments.clear()


def random_call_id() -> str:
    """``call_`` and 24 random letters and digits."""
    return "call_" + "".join([secrets.choice(_ID_CHARACTERS) for _ in range(24)])
