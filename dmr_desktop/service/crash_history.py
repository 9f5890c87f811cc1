"""How often a runner died lately, and what that means for starting it again. Pure: time is passed in."""

from collections import deque
from dataclasses import dataclass, field

from dmr_desktop.protocol.errors import CrashLoop


@dataclass(slots=True)
class CrashHistory:
    """``max_crashes`` deaths within ``window_seconds`` are a crash loop; it is over ``window_seconds`` after the last.

    Times are monotonic seconds.
    """

    max_crashes: int = 3
    window_seconds: float = 60.0
    _crashes: deque[float] = field(default_factory=deque)
    _last_cause: str = ""

    def add(self, now: float, cause: str) -> None:
        self._crashes.append(now)
        self._last_cause = cause
        self._forget(now)

    def clear(self) -> None:
        """A new configuration or an explicit unload deserves a fresh chance."""
        self._crashes.clear()

    def wait_seconds(self, now: float) -> float:
        """How long to wait before the next start: nothing after one crash, then longer. Raises :class:`CrashLoop`."""
        self._forget(now)
        if len(self._crashes) >= self.max_crashes:
            left = max(1, round(self._crashes[-1] + self.window_seconds - now))
            raise CrashLoop(
                f"the model's process died {len(self._crashes)} times within "
                f"{self.window_seconds:.0f} s, so it is not started again for {left} s",
                hint="unload the model to try again at once; the log tells why it died",
                evidence=self._last_cause,
            )
        return 0.5 * max(0, len(self._crashes) - 1)

    def _forget(self, now: float) -> None:
        # The window slides with the last crash, so that a loop stays refused for its whole pause.
        if self._crashes and now - self._crashes[-1] >= self.window_seconds:
            self._crashes.clear()
        while self._crashes and self._crashes[-1] - self._crashes[0] >= self.window_seconds:
            self._crashes.popleft()
