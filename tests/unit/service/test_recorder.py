import logging
import time

import pytest

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import Failed, Finished, ReasoningDelta, Started, TextDelta, Usage
from dmr_desktop.protocol.notices import RequestNotice
from dmr_desktop.service.recorder import MAX_RECENT, Recorder


@pytest.fixture
def told() -> list[RequestNotice]:
    return []


@pytest.fixture
def recorder(told: list[RequestNotice]) -> Recorder:
    return Recorder(told.append)


def test_a_finished_request(recorder: Recorder, told: list[RequestNotice]) -> None:
    with recorder.record("ai/x", "/v1/completions") as record:
        assert recorder.num_active == 1
        record.watch((Started(5, 0), TextDelta("a")))
        record.watch((ReasoningDelta("b"),))
        assert recorder.num_tokens == 2
        record.watch((Finished(Usage(5, 7)),))
    assert recorder.num_active == 0
    assert recorder.num_tokens == 7
    first, last = told
    assert (first.state, last.state) == ("running", "done")
    assert first.id == last.id
    assert (last.prompt_tokens, last.completion_tokens, last.model) == (5, 7, "ai/x")
    assert last.duration_ms >= 0


def test_failed_and_cancelled_ones(recorder: Recorder, told: list[RequestNotice]) -> None:
    with recorder.record("m", "/p") as record:
        record.watch((TextDelta("a"), Failed(ErrorInfo("runner_crashed", "it died"))))
    assert (told[-1].state, told[-1].error, told[-1].completion_tokens) == ("failed", "it died", 1)
    with pytest.raises(KeyboardInterrupt), recorder.record("m", "/p"):
        raise KeyboardInterrupt
    assert told[-1].state == "cancelled"
    with recorder.record("m", "/p") as record:  # whose client left
        record.watch((Started(12, 3), TextDelta("a")))
    assert (told[-1].prompt_tokens, told[-1].completion_tokens) == (12, 1)


def test_the_log_line_cannot_be_forged(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), recorder.record("x\nforged", "/p") as record:
        record.fail(ErrorInfo("e", "why\r\nforged"))
    assert "\n" not in caplog.messages[-1]
    assert "x?forged" in caplog.messages[-1]


@pytest.mark.parametrize("stands_still", [False, True])
def test_the_recent_ones_are_running_and_ended_newest_first(
    recorder: Recorder, stands_still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stands_still:
        monkeypatch.setattr(time, "time", lambda: 1.8e9)
    with recorder.record("ai/a", "/v1/x"):
        pass
    with recorder.record("ai/b", "/v1/x"):
        assert [(notice.model, notice.state) for notice in recorder.recent] == [
            ("ai/b", "running"),
            ("ai/a", "cancelled"),
        ]
    for _ in range(2 * MAX_RECENT):
        with recorder.record("ai/c", "/v1/x"):
            pass
    assert len(recorder.recent) == MAX_RECENT
