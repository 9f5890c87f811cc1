"""From engine outputs to event rows, for one and for several choices."""

import pytest

from dmr_desktop.engine.api import SequenceOutput
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    Timings,
    TokenLogprob,
    Usage,
)
from dmr_desktop.protocol.wire import load_event
from dmr_desktop.runner.answers import MAX_CHOICES, Answer, Answers, sequence_id
from dmr_desktop.runner.outbox import Row


class PlainParser:
    """What a parser promises, for a format in which text before ``|`` is reasoning."""

    def __init__(self, choice: int, *, reasons: bool = False) -> None:
        self._choice = choice
        self.is_reasoning = reasons

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Event]:
        if text == "boom":
            raise ZeroDivisionError
        if self.is_reasoning:
            self.is_reasoning = text != "|"
            return [ReasoningDelta(text, self._choice)]
        return [TextDelta(text, self._choice, logprobs)]

    def finish(self, reason: FinishReason, stop: str | None = None) -> list[Event]:
        return [ChoiceFinished(reason, self._choice, stop)]


@pytest.fixture
def cancelled() -> list[int]:
    return []


@pytest.fixture
def answers(cancelled: list[int]) -> Answers:
    return Answers(cancelled.append)


def open_answer(answers: Answers, number: int, *, choices: int = 1, echo: str = "", reasons: bool = False) -> None:
    parsers = [PlainParser(choice, reasons=reasons) for choice in range(choices)]
    assert answers.open(Answer(number, parsers, echo)) == ()  # type: ignore[arg-type]


def events_of(rows: list[Row], number: int) -> list[Event]:
    return [load_event(row[1:]) for row in rows if row[0] == number]


def output(number: int, text: str = "", choice: int = 0, **fields: object) -> SequenceOutput:
    return SequenceOutput(sequence_id(number, choice), text, len(text) > 0, **fields)  # type: ignore[arg-type]


def test_one_choice_from_start_to_end(answers: Answers) -> None:
    open_answer(answers, 7)
    rows = answers.render([output(7, "a", first=True, prompt_tokens=5, cached_tokens=2)])
    assert events_of(rows, 7) == [Started(5, 2), TextDelta("a")]
    rows = answers.render([output(7, "b", finish="stop", stop="END", completion_tokens=2, timings=Timings(1, 2, 3))])
    assert events_of(rows, 7) == [
        TextDelta("b"),
        ChoiceFinished("stop", 0, "END"),
        Finished(Usage(5, 2, 2), Timings(1, 2, 3)),
    ]
    assert answers.render([output(7, "late")]) == []


def test_choices_are_summed_and_end_together(answers: Answers) -> None:
    open_answer(answers, 1, choices=2)
    first = answers.render(
        [output(1, "a", 0, first=True, prompt_tokens=5), output(1, "b", 1, first=True, prompt_tokens=5)]
    )
    assert events_of(first, 1) == [Started(5, 0), TextDelta("a", 0), TextDelta("b", 1)]
    one = answers.render([output(1, "", 1, finish="length", completion_tokens=4, timings=Timings(0, 1, 9))])
    assert events_of(one, 1) == [ChoiceFinished("length", 1)]
    two = answers.render([output(1, "", 0, finish="stop", completion_tokens=3, timings=Timings(0, 2, 5))])
    assert events_of(two, 1) == [ChoiceFinished("stop", 0), Finished(Usage(5, 7), Timings(0, 2, 9))]


def test_echo_comes_first_in_every_choice(answers: Answers) -> None:
    open_answer(answers, 1, choices=2, echo="prompt ")
    rows = answers.render([output(1, "a", 1, first=True, prompt_tokens=3)])
    assert events_of(rows, 1) == [Started(3, 0), TextDelta("prompt a", 1, pieces=2)]
    rows = answers.render([output(1, "b", 1), output(1, "c", 0, first=True, prompt_tokens=3)])
    assert events_of(rows, 1) == [TextDelta("prompt c", 0, pieces=2), TextDelta("b", 1)]


def test_an_echo_brings_the_log_probabilities_of_its_tokens(answers: Answers) -> None:
    bos, one, two = (TokenLogprob(text, tuple(text.encode()), -1.0) for text in ("<s>", "pro", "mpt"))
    answers.open(Answer(1, [PlainParser(0)], "prompt", num_unseen=1))  # type: ignore[list-item]
    rows = answers.render([output(1, first=True, prompt_tokens=3, prompt_logprobs=(bos, one, two))])
    assert events_of(rows, 1)[:2] == [Started(3, 0), TextDelta("prompt", 0, (one, two))]


def test_reasoning_tokens_are_counted(answers: Answers) -> None:
    open_answer(answers, 1, reasons=True)
    for text in ("hm", "|", "yes"):
        answers.render([output(1, text)])
    [*_, finished] = events_of(answers.render([output(1, "", finish="stop", completion_tokens=4)]), 1)
    assert isinstance(finished, Finished)
    assert finished.usage.reasoning_tokens == 2


def test_an_error_of_one_choice_ends_the_request_once(answers: Answers, cancelled: list[int]) -> None:
    open_answer(answers, 1, choices=2)
    error = ErrorInfo("runner_error", "no room")
    rows = answers.render([output(1, "", 0, error=error), output(1, "x", 1), output(1, "", 1, error=error)])
    assert events_of(rows, 1) == [Failed(error)]
    assert cancelled == [1]


def test_a_parser_that_fails_harms_no_other_request(answers: Answers, cancelled: list[int]) -> None:
    open_answer(answers, 1)
    open_answer(answers, 2)
    rows = answers.render([output(1, "boom", first=True), output(2, "fine", first=True)])
    assert isinstance(events_of(rows, 1)[-1], Failed)
    assert events_of(rows, 2) == [Started(0, 0), TextDelta("fine")]
    assert cancelled == [1]


def test_what_comes_after_a_cancel_is_dropped(answers: Answers) -> None:
    open_answer(answers, 1)
    assert answers.close(1) == ()
    assert answers.render([output(1, "late"), output(1, "", finish="cancelled")]) == []


def test_sequence_ids_do_not_meet() -> None:
    ids = [sequence_id(number, choice) for number in range(3) for choice in range(MAX_CHOICES)]
    assert len(set(ids)) == len(ids)


def test_outputs_of_several_steps_become_one_event_for_each_text(answers: Answers) -> None:
    open_answer(answers, 1, choices=2)
    open_answer(answers, 2, reasons=True)
    steps = [
        [output(1, "a", 0, first=True, prompt_tokens=3), output(1, "x", 1, first=True), output(2, "h", first=True)],
        [output(1, "b", 0), output(1, "y", 1), output(2, "m")],
        [output(1, "c", 0), output(1, "z", 1), output(2, "|")],
    ]
    rows = answers.render([one for step in steps for one in step])
    assert events_of(rows, 1) == [Started(3, 0), TextDelta("abc", 0, pieces=3), TextDelta("xyz", 1, pieces=3)]
    assert events_of(rows, 2) == [Started(0, 0), ReasoningDelta("hm|", pieces=3)]
    rows = answers.render([output(2, "yes"), output(2, "!", finish="stop", completion_tokens=5)])
    [text, _, finished] = events_of(rows, 2)
    assert text == TextDelta("yes!", pieces=2)
    assert isinstance(finished, Finished)
    assert finished.usage.reasoning_tokens == 3
