"""What a parser makes of an output, in a shape that is easy to compare."""

from collections.abc import Iterable
from itertools import pairwise

from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStarted,
)


def events_of(parser: OutputParser, pieces: Iterable[str], reason: FinishReason = "stop") -> list[Event]:
    """All events of the output whose text comes in these pieces."""
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish(reason)


def parts(events: Iterable[Event]) -> list[tuple[str, ...]]:
    """``(content, text)``, ``(reasoning, text)``, ``(call, name, arguments)`` and ``(finish, reason)``, in order.

    Neighbouring deltas of one kind are one part. Arguments must follow the start of their call.
    """
    found: list[list[str]] = []
    num_calls = 0
    for event in events:
        match event:
            case TextDelta(text=text):
                _add(found, "content", text)
            case ReasoningDelta(text=text):
                _add(found, "reasoning", text)
            case ToolCallStarted(call_index=index, name=name):
                assert index == num_calls
                num_calls += 1
                found.append(["call", name, ""])
            case ToolCallArguments(call_index=index, text=text):
                assert index == num_calls - 1
                assert found[-1][0] == "call"
                found[-1][2] += text
            case ChoiceFinished(reason=reason):
                found.append(["finish", reason])
            case _:
                raise AssertionError(event)
    return [tuple(part) for part in found]


def call_ids(events: Iterable[Event]) -> list[str]:
    return [event.id for event in events if isinstance(event, ToolCallStarted)]


def cut_at(text: str, places: Iterable[int]) -> list[str]:
    """``text`` in pieces. Places behind its end are its end."""
    ends = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def in_steps(text: str, step: int) -> list[str]:
    return [text[start : start + step] for start in range(0, len(text), step)]


def _add(found: list[list[str]], kind: str, text: str) -> None:
    if found and found[-1][0] == kind:
        found[-1][1] += text
    else:
        found.append([kind, text])
