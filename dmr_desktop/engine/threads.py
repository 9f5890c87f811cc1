"""How many threads compute: one for each core that is there for them, up to a given number.

llama.cpp's threads meet at a spinning barrier many times in a step. When one of them loses its core to
another program all wait for it, and a step takes ten to a hundred times as long; one thread fewer is then
much faster. The system tells how many cores others left over, so nothing is tried out and no step is
timed: a try is itself a slow step, and beside other programs durations are mostly noise.
"""

from collections.abc import Callable
from time import monotonic
from typing import Protocol

from dmr_desktop.engine.cores import Supply

_LOOK_SECONDS = 0.25
# Between two steps: then nobody was computing, and what others did meanwhile says nothing.
_REST_SECONDS = 0.05
# Of a core that must be free for one more thread.
_SHARE_TO_COME = 0.75
_GUESS_SECONDS = 10.0


class Cores(Protocol):
    """What is needed of :class:`.cores.FreeCores`."""

    def __call__(self) -> Supply | None: ...
    def restart(self) -> None: ...


class AdaptiveThreads:
    """``count`` is the number of threads to use now, from 1 to ``most``."""

    def __init__(self, most: int, cores: Cores | None = None, clock: Callable[[], float] = monotonic) -> None:
        """``cores`` None: always ``most``, as where the system tells nothing."""
        self.count = self._most = max(1, most)
        self._cores = cores if self._most > 1 else None
        self._clock = clock
        self._last_step = self._next_look = clock()
        self._next_guess = clock() + _GUESS_SECONDS

    def start(self) -> int:
        """Begins with as many threads as there are cores now; call it once, before the first step."""
        if self._cores is not None:
            supply = self._cores()
            if supply is not None:
                self.count = self._affordable(supply.likely)
        return self.count

    def adapt(self, seconds: float) -> bool:
        """To be called after each step, which took ``seconds``. True if :attr:`count` changed."""
        if self._cores is None:
            return False
        now = self._clock()
        has_rested = now - seconds - self._last_step > _REST_SECONDS
        self._last_step = now
        if now < self._next_look and not has_rested:
            return False
        self._next_look = now + _LOOK_SECONDS
        if has_rested:
            self._cores.restart()
            return False
        supply = self._cores()
        return supply is not None and self._follow(supply, now)

    def _follow(self, supply: Supply, now: float) -> bool:
        before = self.count
        while self.count > 1 and not _keeps_up(self.count, supply.sure):
            self.count -= 1
        if self.count == before:
            self.count = max(before, self._affordable(supply.sure))
        if self.count == before and now >= self._next_guess:
            # Whether those of lower priority really give way shows at the next look.
            self.count = max(before, self._affordable(supply.likely))
            self._next_guess = now + _GUESS_SECONDS
        return self.count != before

    def _affordable(self, cores: float) -> int:
        return max(1, min(self._most, int(cores + 1 - _SHARE_TO_COME)))


def _keeps_up(threads: int, cores: float) -> bool:
    """Whether so many threads get on at least as fast as one fewer.

    All stand still while one has no core. If that is more than 1/n of the time, n - 1 that never stand still
    do more.
    """
    return cores >= threads - 1 / threads
