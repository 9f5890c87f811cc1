"""The events of one answer, gathered: what every dialect renders its unstreamed answer from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class GatheredChoice:
    """One choice. ``stop`` is the stop string that ended it, if one did."""

    finish_reason: FinishReason = "stop"
    stop: str | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)
    _calls: dict[int, _Call] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def calls(self) -> list[ToolCall]:
        """In their order; ``arguments`` is JSON text as the model wrote it."""
        return [ToolCall(call.id, call.name, "".join(call.arguments)) for _, call in sorted(self._calls.items())]

    def add(self, event: TextDelta | ReasoningDelta | ToolCallStarted | ToolCallArguments | ChoiceFinished) -> None:
        match event:
            case TextDelta(text, _, logprobs):
                self._text.append(text)
                self.logprobs.extend(logprobs)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallStarted(call_index, call_id, name):
                self._calls[call_index] = _Call(call_id, name)
            case ToolCallArguments(call_index, text):
                self._calls[call_index].arguments.append(text)
            case ChoiceFinished(reason, _, stop):
                self.finish_reason, self.stop = reason, stop
            case _:
                assert_never(event)


class Gathered:
    """All choices of one exchange. ``finished`` is of zeros until the last event has come."""

    __slots__ = ("choices", "finished")

    def __init__(self, num_choices: int = 1) -> None:
        self.choices = [GatheredChoice() for _ in range(num_choices)]
        self.finished = Finished(Usage(0, 0))

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Finished():
                    self.finished = event
                case Started() | Failed():
                    pass  # the service turns a failure into a refusal
                case _:
                    self.choices[event.choice].add(event)
