"""Notices that the computer slept, by clocks that went on while another stood still. No system service is needed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

PERIOD_SECONDS = 5.0
LEAST_SLEEP_SECONDS = 5.0
SETTLE_SECONDS = 3.0
"""After waking up drivers need a moment."""

log = logging.getLogger(__name__)

Clock = Callable[[], float]


def _wakeful_clocks() -> tuple[Clock, ...]:
    """Clocks that count sleep too. The wall's also tells that a virtual machine stood still; it may be set as well."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.time,) if boot_time is None else (time.time, lambda: time.clock_gettime(boot_time))


class SleepClock:
    """``slept_seconds`` since it was asked last. A wall clock that was put forward looks like sleep."""

    def __init__(self, awake: Clock = time.monotonic, wakeful: tuple[Clock, ...] = _wakeful_clocks()) -> None:
        self._awake = awake
        self._wakeful = wakeful
        self._leads = self._now()

    def slept_seconds(self) -> float:
        before, self._leads = self._leads, self._now()
        return max(now - then for now, then in zip(self._leads, before, strict=True))

    def _now(self) -> list[float]:
        """How far each is ahead of the one that stands still."""
        awake = self._awake()
        return [clock() - awake for clock in self._wakeful]


class SleepWatch:
    """Awaits ``woke`` each time the computer has slept; what it raises is logged."""

    def __init__(
        self,
        woke: Callable[[], Awaitable[None]],
        clock: SleepClock | None = None,
        *,
        period_seconds: float = PERIOD_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._woke = woke
        self._clock = clock or SleepClock()
        self._period = period_seconds
        self._settle = settle_seconds

    async def run(self) -> None:
        """For ever; a task of the service."""
        while True:
            await asyncio.sleep(self._period)
            seconds = self._clock.slept_seconds()
            if seconds < LEAST_SLEEP_SECONDS:
                continue
            log.info("the computer slept for %.0f s: graphics cards and loaded models are checked", seconds)
            await asyncio.sleep(self._settle)
            try:
                await self._woke()
            except Exception:
                log.exception("the check after the sleep failed")
