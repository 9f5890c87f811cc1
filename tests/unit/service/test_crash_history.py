"""A crash loop is noticed, lasts its time, and is forgiven."""

import pytest

from dmr_desktop.protocol.errors import CrashLoop
from dmr_desktop.service.crash_history import CrashHistory


def after(*times: float) -> CrashHistory:
    history = CrashHistory(max_crashes=3, window_seconds=60)
    for time in times:
        history.add(time, f"SIGSEGV at {time}")
    return history


def test_the_first_restart_is_immediate_the_second_waits() -> None:
    assert after().wait_seconds(0) == 0
    assert after(0).wait_seconds(1) == 0
    assert after(0, 5).wait_seconds(6) == 0.5


def test_three_in_a_minute_are_a_loop_that_names_the_cause() -> None:
    with pytest.raises(CrashLoop, match="died 3 times") as caught:
        after(0, 10, 20).wait_seconds(21)
    assert "not started again for 59 s" in caught.value.message
    assert caught.value.evidence == "SIGSEGV at 20"


def test_a_loop_is_over_a_minute_after_the_last_crash() -> None:
    history = after(0, 10, 20)
    with pytest.raises(CrashLoop):
        history.wait_seconds(79)
    assert history.wait_seconds(80) == 0


def test_crashes_far_apart_are_no_loop() -> None:
    assert after(0, 50, 100, 150).wait_seconds(151) <= 0.5


def test_clear_forgives() -> None:
    history = after(0, 1, 2)
    history.clear()
    assert history.wait_seconds(3) == 0
