"""Patience: how often, how long, and when it ends."""

import threading
from types import SimpleNamespace

import pytest

from dmr_desktop.store import retry
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.retry import Attempts, Patience, Temporary


class Clock:
    """Stands in for time: waiting moves it on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now


class Waiting(threading.Event):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._clock.waits.append(timeout)
        self._clock.now += timeout
        return self.is_set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(retry, "time", found)
    monkeypatch.setattr(retry, "random", SimpleNamespace(uniform=lambda *_: 1.0))
    return found


def fail(attempts: Attempts, times: int, error: Temporary) -> int:
    """How many failures were borne."""
    for count in range(times):
        try:
            attempts.failed(error)
        except Temporary:
            return count
    return times


def test_each_wait_is_longer_up_to_a_limit(clock: Clock) -> None:
    attempts = Attempts(Patience(attempts=9), 9, Waiting(clock))
    assert fail(attempts, 20, Temporary("x")) == 8
    assert clock.waits == [0.5, 1, 2, 4, 8, 8, 8, 8]


def test_progress_makes_it_whole_again(clock: Clock) -> None:
    attempts = Attempts(Patience(), 3, Waiting(clock))
    for _ in range(10):
        assert fail(attempts, 2, Temporary("x")) == 2
        attempts.progressed()
    assert max(clock.waits) == 1


def test_a_minute_without_a_byte_ends_it(clock: Clock) -> None:
    """Two stalls of 30 s are the most that anybody has to sit through."""
    attempts = Attempts(Patience(), 6, Waiting(clock))
    clock.now += 30
    attempts.failed(Temporary("stalled"))
    clock.now += 30
    with pytest.raises(Temporary):
        attempts.failed(Temporary("stalled"))


def test_a_rate_limit_is_waited_for_but_not_often(clock: Clock) -> None:
    attempts = Attempts(Patience(), 6, Waiting(clock))
    assert fail(attempts, 9, Temporary("limit", retry_after=40.0)) == 2
    assert clock.waits == [40, 40]


def test_cancelling_ends_the_wait(clock: Clock) -> None:
    cancelled = Waiting(clock)
    attempts = Attempts(Patience(), 6, cancelled)
    cancelled.set()
    with pytest.raises(Cancelled):
        attempts.failed(Temporary("x"))
    assert clock.waits == []
