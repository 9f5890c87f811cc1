"""One timer for all idle runners: it rings when the first of them has been idle for long enough."""

import asyncio
from collections.abc import Callable, Iterable


class IdleClock:
    """``left`` are the seconds that each has left, by a monotonic clock (a suspended laptop does not count)."""

    def __init__(self, left: Callable[[], Iterable[float]], ring: Callable[[], None]) -> None:
        self._left = left
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Anew, after whatever may have changed ``left``."""
        self.stop()
        left = min(self._left(), default=None)
        if left is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
