"""How long generated text waits before it is sent."""

from dmr_desktop.engine.api import SequenceOutput
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import FinishReason
from dmr_desktop.runner.frame_pace import FRAME_SECONDS, FramePace


class Steps:
    """Engine steps of one sequence on a clock of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pace = FramePace(lambda: self.now)
        self.sent: list[tuple[float, str]] = []

    def step(
        self,
        text: str,
        seconds: float,
        *,
        first: bool = False,
        finish: FinishReason | None = None,
        error: ErrorInfo | None = None,
    ) -> None:
        self.now += seconds
        self.pace.add([SequenceOutput(1, text, 1, first=first, finish=finish, error=error)] if text else [])
        if self.pace.is_due:
            self.sent.append((self.now, "".join(output.text for output in self.pace.take())))


def test_what_somebody_waits_for_is_sent_at_once() -> None:
    steps = Steps()
    steps.step("a", 0.001, first=True)
    steps.step("b", 0.001)
    steps.step("c", 0.001, finish="stop")
    steps.step("d", 0.001, error=ErrorInfo("runner_error", "no room"))
    assert [text for _, text in steps.sent] == ["a", "bc", "d"]


def test_tokens_of_a_fast_model_share_frames_and_none_is_held_long() -> None:
    steps = Steps()
    made = {}
    for number in range(200):
        text = chr(0x100 + number)
        steps.step(text, 0.004, first=number == 0)
        made[text] = steps.now
    waits = [when - made[letter] for when, text in steps.sent for letter in text]
    assert max(waits) <= 1.5 * FRAME_SECONDS
    gaps = [later - earlier for (earlier, _), (later, _) in zip(steps.sent, steps.sent[1:], strict=False)]
    assert abs(sum(gaps) / len(gaps) - FRAME_SECONDS) < 0.002


def test_tokens_of_a_slow_model_never_wait() -> None:
    steps = Steps()
    for letter in "abcdef":
        steps.step(letter, 0.025, first=letter == "a")
    assert [text for _, text in steps.sent] == list("abcdef")


def test_text_of_a_fast_step_does_not_wait_for_a_slow_one_that_brings_nothing() -> None:
    steps = Steps()
    steps.step("a", 0.001, first=True)
    steps.step("b", 0.001)
    steps.step("", 0.5)
    assert [text for _, text in steps.sent] == ["a", "b"]
    assert not steps.pace.is_holding
