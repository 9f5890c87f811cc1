"""How many threads compute: as many as the machine has cores for, fewer while others need them.

llama.cpp's threads meet at a spinning barrier many times in a step. When one of them loses its core to
another program all wait for it, and a step takes ten to a hundred times as long. One thread fewer is then
much faster. Knows nothing of llama.cpp: it only sees durations.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from statistics import median
from time import monotonic

RUNNER_ENVIRONMENT: Mapping[str, str] = {
    # On an abort ggml would start a debugger, for seconds.
    "GGML_NO_BACKTRACE": "1",
}
"""For the process that runs an engine; read when the libraries load. How long threads spin
(``OMP_WAIT_POLICY``, ``GOMP_SPINCOUNT``) is left alone: the default is fastest on a quiet machine, and
:class:`AdaptiveThreads` deals with a busy one."""

_SAMPLE = 5
_SLOW = 3.0
_VERY_SLOW = 10.0
_FASTER = 0.9
_FIRST_PROBE_SECONDS = 10.0
_LAST_PROBE_SECONDS = 160.0


class _Mode(Enum):
    STEADY = auto()
    TRYING_FEWER = auto()
    TRYING_MORE = auto()


class AdaptiveThreads:
    """``count`` is the number of threads to use now, from 1 to ``most``.

    Slowness is a step's time in terms of the fastest step with as many rows. A drop that does not make
    steps faster is taken back: they are slow for another reason (a longer context), and that is the new
    standard. After a drop one thread more is tried now and then, after each failure later.
    """

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self.count = self._most = max(1, most)
        self._clock = clock
        self._mode = _Mode.STEADY
        self._fastest: dict[int, float] = {}
        self._recent: deque[float] = deque(maxlen=_SAMPLE)
        self._before = 0.0
        self._pause = _FIRST_PROBE_SECONDS
        self._probe_at = 0.0

    def observe(self, rows: int, seconds: float) -> bool:
        """A step that decoded ``rows`` rows and nothing else took ``seconds``. True if :attr:`count` changed."""
        if self._most == 1 or seconds <= 0:
            return False
        fastest = self._fastest.get(rows)
        if fastest is None or (seconds < fastest and self.count == self._most):
            fastest = self._fastest[rows] = seconds
        self._recent.append(seconds / fastest)
        if self._mode is _Mode.STEADY:
            return self._watch()
        if self._mode is _Mode.TRYING_FEWER:
            return self._judge_fewer()
        return self._judge_more()

    def _watch(self) -> bool:
        if self.count > 1 and self._is_collapsed():
            self._try(self.count - 1, _Mode.TRYING_FEWER)
            return True
        if self.count < self._most and len(self._recent) == _SAMPLE and self._clock() >= self._probe_at:
            self._try(self.count + 1, _Mode.TRYING_MORE)
            return True
        return False

    def _judge_fewer(self) -> bool:
        if len(self._recent) < _SAMPLE:
            return False
        if median(self._recent) < self._before * _FASTER:
            self._settle(self.count)
            return False
        for rows in self._fastest:
            self._fastest[rows] *= self._before
        self._settle(self.count + 1)
        return True

    def _judge_more(self) -> bool:
        # A failed try is costly: two bad steps are enough to end it.
        failed = len(self._recent) >= 2 and min(self._recent[-1], self._recent[-2]) > self._before * _SLOW
        if not failed and len(self._recent) < _SAMPLE:
            return False
        if not failed and median(self._recent) < self._before:
            self._pause = _FIRST_PROBE_SECONDS
            self._settle(self.count)
            return False
        self._pause = min(2 * self._pause, _LAST_PROBE_SECONDS)
        self._settle(self.count - 1)
        return True

    def _is_collapsed(self) -> bool:
        recent = self._recent
        if len(recent) >= 2 and min(recent[-1], recent[-2]) > _VERY_SLOW:
            return True
        return len(recent) == _SAMPLE and min(recent) > _SLOW

    def _try(self, count: int, mode: _Mode) -> None:
        self._before = median(self._recent)
        self.count, self._mode = count, mode
        self._recent.clear()

    def _settle(self, count: int) -> None:
        self.count, self._mode = count, _Mode.STEADY
        self._probe_at = self._clock() + self._pause
        self._recent.clear()
