"""How many threads compute: as many as the machine has cores for, fewer while others need them.

llama.cpp's threads meet at a spinning barrier many times in a step. When one of them loses its core to
another program all wait for it, and a step takes ten to a hundred times as long. One thread fewer is then
much faster. Knows nothing of llama.cpp: it only sees durations.
"""

from collections import deque
from collections.abc import Callable
from statistics import median
from time import monotonic

_SAMPLE = 5
_SLOW = 3.0
_VERY_SLOW = 10.0
_FASTER = 0.9
_FIRST_PAUSE_SECONDS = 10.0
# A collapse is often over soon (another program started, a grammar was compiled): look again before a user notices.
_RETURN_PAUSE_SECONDS = 1.0
_LAST_PAUSE_SECONDS = 160.0
_SUPPLY_SECONDS = 0.25
# A thread that has to share its core for less than this part of the time is not worth giving up.
_SPARE = 0.25


class AdaptiveThreads:
    """``count`` is the number of threads to use now, from 1 to ``most``.

    Steps are compared by slowness: their time in terms of the fastest step of their kind. Fewer threads
    are tried when steps become many times slower, one fewer or more now and then, after each vain try
    later; never more than there are free cores, and not fewer while all are free. The better number stays.
    When fewer threads do not help slow steps, they are slow for another reason (a longer context), and that
    is the new standard.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = monotonic,
        free_cores: Callable[[], float | None] = lambda: None,
    ) -> None:
        """``free_cores``: how many cores there were for this process since it was last asked, or None."""
        self.count = self._most = max(1, most)
        self._clock = clock
        self._free_cores = free_cores
        self._supply: float | None = None
        self._supply_at = clock()
        self._fastest: dict[int, float] = {}
        self._recent: deque[float] = deque(maxlen=_SAMPLE)
        self._usual: int | None = None
        """While another number is tried: the one to go back to."""
        self._usual_slowness = 1.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._next_try = clock() + _FIRST_PAUSE_SECONDS

    def start(self) -> int:
        """Begins with as many threads as there are free cores; call it once, before the first step."""
        self._look_around()
        self.count = self._affordable(self._most)
        return self.count

    def observe(self, kind: int, seconds: float) -> bool:
        """A step took ``seconds``. True if :attr:`count` changed.

        Steps of one ``kind`` do about the same work, such as decoding the same number of rows.
        """
        if self._most == 1 or seconds <= 0:
            return False
        if self._clock() >= self._supply_at + _SUPPLY_SECONDS:
            self._look_around()
        fastest = self._fastest.get(kind)
        if fastest is None:
            if self._usual is None:
                self._fastest[kind] = seconds
            return False
        if seconds < fastest and (self._usual is None or self.count > self._usual):
            fastest = self._fastest[kind] = seconds
        self._recent.append(seconds / fastest)
        return self._watch() if self._usual is None else self._judge(self._usual)

    def _look_around(self) -> None:
        self._supply = self._free_cores()
        self._supply_at = self._clock()

    @property
    def _has_all_cores(self) -> bool:
        """Known to be free for it: then fewer threads can only be slower."""
        return self._supply is not None and self._affordable(self._most) == self._most

    def _affordable(self, count: int) -> int:
        """The number of threads, at most ``count``, for which there are cores."""
        return count if self._supply is None else max(1, min(count, int(self._supply + _SPARE)))

    def _watch(self) -> bool:
        if self.count > 1 and self._is_collapsed():
            return self._try(min(self._affordable(self.count), self.count - 1))
        if len(self._recent) == _SAMPLE and self._clock() >= self._next_try:
            if self.count == self._most:
                if self._has_all_cores:
                    self._next_try = self._clock() + self._pause
                    return False
                return self._try(self.count - 1)
            if self._affordable(self.count + 1) > self.count:
                return self._try(self.count + 1)
        return False

    def _is_collapsed(self) -> bool:
        recent = self._recent
        if recent[-1] > _SLOW and self._affordable(self.count) < self.count:
            return True
        if len(recent) >= 2 and min(recent[-1], recent[-2]) > _VERY_SLOW:
            return True
        return len(recent) == _SAMPLE and min(recent) > _SLOW

    def _try(self, count: int) -> bool:
        self._usual, self._usual_slowness = self.count, median(self._recent)
        self.count = count
        self._recent.clear()
        return True

    def _judge(self, usual: int) -> bool:
        recent = self._recent
        # A bad try with more threads can take seconds a step: one is enough to end it.
        is_bad = self.count > usual and recent[-1] > self._usual_slowness * _SLOW
        if not is_bad and len(recent) < _SAMPLE:
            return False
        is_better = not is_bad and median(recent) < self._usual_slowness * _FASTER
        if not is_better and self.count < usual and self._usual_slowness > _SLOW:
            for kind in self._fastest:
                self._fastest[kind] *= self._usual_slowness
        if is_better:
            self._pause = _RETURN_PAUSE_SECONDS if self.count < usual else _FIRST_PAUSE_SECONDS
        else:
            self._pause = min(2 * self._pause, _LAST_PAUSE_SECONDS)
        self._next_try = self._clock() + self._pause
        self._usual = None
        recent.clear()
        if is_better:
            return False
        self.count = usual
        return True
