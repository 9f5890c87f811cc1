"""Whether half of the threads decode a lone sequence as fast as all of them.

Decoding one sequence reads all weights for one token. Where memory is the bound, more threads only spin:
they use twice the power, and the programs that bring the text to its reader wait for a core. Whether that
is so depends on the machine and the model, so it is measured: both numbers in turn, in short blocks, so that
what else happens on the machine happens to both. Knows nothing of llama.cpp; it only sees durations.
"""

from collections.abc import Callable
from statistics import median
from time import monotonic

_BLOCK_STEPS = 5
_NUM_BLOCKS = 4
# All threads must be this much faster to be worth it.
_WORTH = 1.03
# Beyond it the answer is so clear that it need not be asked again soon.
_CLEAR = 1.15
_PAUSE_SECONDS = 60.0
_LONG_PAUSE_SECONDS = 600.0


class LoneDecode:
    """Ask :meth:`threads` before each step that decodes one token alone, tell :meth:`took` after it."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._most = 0
        """What the present verdict or trial is about."""
        self._best = 0
        self._next_trial = clock()
        self._durations: list[float] = []

    def threads(self, most: int) -> int:
        """How many of at most ``most`` threads to use now."""
        if most != self._most:
            self._most = self._best = most
            self._next_trial = self._clock()
            self._durations.clear()
        if not self._is_trying:
            return self._best
        return self._fewer if self._block % 2 else most

    def took(self, seconds: float) -> None:
        if not self._is_trying:
            return
        self._durations.append(seconds)
        if self._block == _NUM_BLOCKS:
            self._judge()

    def interrupted(self) -> None:
        """A step of another kind came between."""
        self._durations.clear()

    @property
    def _is_trying(self) -> bool:
        return self._most > 1 and self._clock() >= self._next_trial

    @property
    def _block(self) -> int:
        return len(self._durations) // _BLOCK_STEPS

    @property
    def _fewer(self) -> int:
        return self._most // 2

    def _judge(self) -> None:
        slowness = self._usual(block=1) / self._usual(block=0)
        self._best = self._most if slowness > _WORTH else self._fewer
        is_clear = not 1 / _CLEAR < slowness < _CLEAR
        self._next_trial = self._clock() + (_LONG_PAUSE_SECONDS if is_clear else _PAUSE_SECONDS)
        self._durations.clear()

    def _usual(self, block: int) -> float:
        """The median of every second block, without its first step: that wakes threads, or has some still spinning."""
        steps = enumerate(self._durations)
        return median(took for step, took in steps if step % _BLOCK_STEPS and step // _BLOCK_STEPS % 2 == block)
