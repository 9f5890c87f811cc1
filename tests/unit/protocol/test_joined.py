"""Neighbouring deltas as one."""

from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
)
from dmr_desktop.protocol.joined import joined


def test_only_pieces_of_one_text_are_joined() -> None:
    events: list[Event] = [
        Started(3, 0),
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        TextDelta("a"),
        TextDelta("b", pieces=2),
        TextDelta("x", 1),
        TextDelta("c"),
        ToolCallStarted(0, "id", "f"),
        ToolCallArguments(0, "{"),
        ToolCallArguments(0, "}"),
        ToolCallArguments(1, "{}"),
        ChoiceFinished("stop"),
        ChoiceFinished("stop", 1),
    ]
    assert list(joined(events)) == [
        Started(3, 0),
        ReasoningDelta("hm", pieces=2),
        TextDelta("ab", pieces=3),
        TextDelta("x", 1),
        TextDelta("c"),
        ToolCallStarted(0, "id", "f"),
        ToolCallArguments(0, "{}", pieces=2),
        ToolCallArguments(1, "{}"),
        ChoiceFinished("stop"),
        ChoiceFinished("stop", 1),
    ]


def test_log_probabilities_stay_in_order() -> None:
    one, two = TokenLogprob("a", (97,), -1.0), TokenLogprob("b", (98,), -2.0)
    assert list(joined([TextDelta("a", 0, (one,)), TextDelta("b", 0, (two,))])) == [TextDelta("ab", 0, (one, two), 2)]
