"""A sleep of the computer, played with clocks."""

import asyncio
import time
from contextlib import suppress

import pytest

from dmr_desktop.service.sleep_watch import SleepClock, SleepWatch
from tests.fakes.until import until


class Clocks:
    """One that stands still during sleep, and two that do not."""

    def __init__(self) -> None:
        self.awake, self.boot, self.wall = 100.0, 500.0, 1_700_000_000.0

    def passes(self, awake: float, asleep: float = 0.0, put_forward: float = 0.0) -> None:
        self.awake += awake
        self.boot += awake + asleep
        self.wall += awake + asleep + put_forward

    def clock(self) -> SleepClock:
        return SleepClock(lambda: self.awake, (lambda: self.wall, lambda: self.boot))


@pytest.mark.parametrize(
    ("awake", "asleep", "put_forward", "slept"),
    [(5.0, 0.0, 0.0, 0.0), (5.0, 3600.0, 0.0, 3600.0), (5.0, 0.0, 60.0, 60.0), (5.0, 3600.0, -7200.0, 3600.0)],
    ids=["awake", "asleep", "virtual machine stood still", "asleep and the wall clock put back"],
)
def test_sleep_is_what_some_clock_counted_and_the_other_did_not(
    awake: float, asleep: float, put_forward: float, slept: float
) -> None:
    clocks = Clocks()
    clock = clocks.clock()
    clocks.passes(awake, asleep, put_forward)
    assert clock.slept_seconds() == pytest.approx(slept)
    clocks.passes(awake)
    assert clock.slept_seconds() == pytest.approx(0.0)


def test_this_computers_clocks_agree_while_it_is_awake() -> None:
    clock = SleepClock()
    time.sleep(0.05)
    assert abs(clock.slept_seconds()) < 1.0


async def test_each_sleep_is_told_once_and_an_error_ends_nothing() -> None:
    clocks, told = Clocks(), 0

    async def woke() -> None:
        nonlocal told
        told += 1
        raise OSError("the driver is not back yet")

    watch = asyncio.create_task(SleepWatch(woke, clocks.clock(), period_seconds=0.01, settle_seconds=0.0).run())
    clocks.passes(1.0, asleep=2.0)
    await asyncio.sleep(0.05)
    assert told == 0, "a moment is no sleep"
    for count in (1, 2):
        clocks.passes(1.0, asleep=900.0)
        await until(lambda count=count: told == count)
        await asyncio.sleep(0.05)
        assert told == count
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
