"""The requests being answered: engine outputs in, event rows out. Lives on the sending thread.

Parsing output text and building rows is Python work; here it happens while the engine's thread is inside
llama.cpp, so it costs no tokens per second.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from dmr_desktop.engine.api import SequenceOutput
from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.protocol.errors import DMRError, ErrorInfo, RunnerError
from dmr_desktop.protocol.generation import (
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    Timings,
    Usage,
)
from dmr_desktop.protocol.joined import joined
from dmr_desktop.protocol.wire import dump_event
from dmr_desktop.runner.outbox import Row

_logger = logging.getLogger(__name__)

MAX_CHOICES = 16


def sequence_id(number: int, choice: int) -> int:
    """The engine's id for one choice of request ``number``."""
    return number * MAX_CHOICES + choice


@dataclass(slots=True)
class Answer:
    """One request under way. ``echo`` is put in front of every choice's text.

    The first ``num_unseen`` tokens of the prompt are not in it.
    """

    number: int
    parsers: Sequence[OutputParser]
    echo: str = ""
    num_unseen: int = 0
    is_started: bool = False
    num_unfinished: int = field(init=False)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    timings: Timings = field(default_factory=Timings)

    def __post_init__(self) -> None:
        self.num_unfinished = len(self.parsers)


class Answers:
    """``cancel`` tells the engine to drop a request's sequences; it may be called from any thread."""

    def __init__(self, cancel: Callable[[int], None]) -> None:
        self._cancel = cancel
        self._open: dict[int, Answer] = {}

    def open(self, answer: Answer) -> Sequence[Row]:
        self._open[answer.number] = answer
        return ()

    def close(self, number: int) -> Sequence[Row]:
        """The client left: whatever still comes of it is dropped."""
        self._open.pop(number, None)
        return ()

    def fail(self, number: int, error: ErrorInfo) -> Sequence[Row]:
        """The one last event of a request that cannot go on."""
        self._open.pop(number, None)
        return [_row(number, Failed(error))]

    def render(self, outputs: list[SequenceOutput]) -> list[Row]:
        """``outputs``: of one or several steps, in order; what follows in one text becomes one event."""
        rows: list[Row] = []
        for number, own in groupby(sorted(outputs, key=_id), key=_number):
            rows += [_row(number, event) for event in joined(self._events(number, own))]
        return rows

    def _events(self, number: int, outputs: Iterable[SequenceOutput]) -> Iterator[Event]:
        answer = self._open.get(number)
        if answer is None:
            return
        for output in outputs:
            error = output.error
            if error is None:
                try:
                    yield from _advance(answer, output)
                    continue
                except Exception as problem:
                    # A parser that trips over what a model wrote must not take the other requests along.
                    _logger.exception("an output could not be read")
                    error = _told(problem)
            self._cancel(number)
            del self._open[number]
            yield Failed(error)
            return
        if not answer.num_unfinished:
            del self._open[number]


def _told(problem: Exception) -> ErrorInfo:
    known = problem if isinstance(problem, DMRError) else RunnerError("the model's output could not be read")
    return known.info


def _id(output: SequenceOutput) -> int:
    return output.id


def _number(output: SequenceOutput) -> int:
    return output.id // MAX_CHOICES


def _advance(answer: Answer, output: SequenceOutput) -> list[Event]:
    events: list[Event] = []
    choice = output.id % MAX_CHOICES
    if not answer.is_started:
        _start(answer, output, events)
    if output.first and answer.echo:
        events.append(TextDelta(answer.echo, choice, output.prompt_logprobs[answer.num_unseen :]))
    parser = answer.parsers[choice]
    if parser.is_reasoning:
        answer.reasoning_tokens += output.num_tokens
    if output.text or output.logprobs:
        events += parser.feed(output.text, output.logprobs)
    if output.finish is not None:
        events += parser.finish(output.finish, output.stop)
        answer.num_unfinished -= 1
        answer.completion_tokens += output.completion_tokens
        answer.timings = _slowest(answer.timings, output.timings)
        if not answer.num_unfinished:
            events.append(_finished(answer))
    return events


def _start(answer: Answer, output: SequenceOutput, events: list[Event]) -> None:
    answer.is_started = True
    answer.prompt_tokens = output.prompt_tokens
    answer.cached_tokens = output.cached_tokens
    events.append(Started(output.prompt_tokens, output.cached_tokens))


def _finished(answer: Answer) -> Finished:
    return Finished(
        Usage(answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens, answer.reasoning_tokens),
        answer.timings,
    )


def _slowest(one: Timings, other: Timings) -> Timings:
    """The choices of a request run at the same time."""
    return Timings(
        max(one.queue_ms, other.queue_ms),
        max(one.prompt_ms, other.prompt_ms),
        max(one.predicted_ms, other.predicted_ms),
    )


def _row(number: int, event: Event) -> Row:
    return [number, *dump_event(event)]
