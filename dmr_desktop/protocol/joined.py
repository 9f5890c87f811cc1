"""Neighbouring pieces of one text as one event: few instead of thousands."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, groupby
from typing import TypeAlias

from dmr_desktop.protocol.generation import Event, ReasoningDelta, TextDelta, ToolCallArguments

_Delta: TypeAlias = TextDelta | ReasoningDelta | ToolCallArguments


def joined(events: Iterable[Event]) -> Iterator[Event]:
    """The same texts in the same order. Takes linear time."""
    for text, neighbours in groupby(events, key=_text_of):
        if text is None:
            yield from neighbours
        else:
            yield _join([event for event in neighbours if isinstance(event, _Delta)])


def _text_of(event: Event) -> Hashable:
    """What a delta continues; None for all other events."""
    match event:
        case TextDelta(choice=choice) | ReasoningDelta(choice=choice):
            return type(event), choice
        case ToolCallArguments(call_index=index, choice=choice):
            return type(event), choice, index
        case _:
            return None


def _join(deltas: list[_Delta]) -> _Delta:
    first = deltas[0]
    if len(deltas) == 1:
        return first
    text, pieces = "".join(delta.text for delta in deltas), sum(delta.pieces for delta in deltas)
    if isinstance(first, TextDelta):
        logprobs = chain.from_iterable(delta.logprobs for delta in deltas if isinstance(delta, TextDelta))
        return replace(first, text=text, pieces=pieces, logprobs=tuple(logprobs))
    return replace(first, text=text, pieces=pieces)
