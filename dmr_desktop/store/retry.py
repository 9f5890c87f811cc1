"""When to try again: patience with a registry, written down once.

A failure waits a little longer each time; progress makes the patience whole again, so that a bad line costs time but
not the download. Knows nothing of what is tried.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.blobs import Cancelled

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds and counts. ``give_up_seconds`` without a new byte end a transfer, whatever ``attempts`` are left."""

    connect_seconds: float = 10.0
    stall_seconds: float = 30.0
    give_up_seconds: float = 60.0
    attempts: int = 6
    request_attempts: int = 3
    first_delay_seconds: float = 0.5
    longest_delay_seconds: float = 8.0
    longest_rate_limit_seconds: float = 60.0


class Temporary(RegistryError):
    """A failure worth another try. ``retry_after`` seconds is what the registry asks for (a rate limit)."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RangeRefused(Temporary):
    """The other side will not go on where we stopped: the transfer must begin anew."""


class Attempts:
    """Counts the failures of one undertaking and waits between its tries."""

    def __init__(self, patience: Patience, attempts: int, cancelled: threading.Event) -> None:
        self._patience = patience
        self._allowed = attempts
        self._cancelled = cancelled
        self._failures = 0
        self._last_progress = time.monotonic()

    def progressed(self) -> None:
        self._failures = 0
        self._last_progress = time.monotonic()

    def worked(self) -> None:
        """Bytes moved, though it is not known whether they stay: the patience is not whole again, but not used up."""
        self._last_progress = time.monotonic()

    def failed(self, error: Temporary) -> None:
        """Wait before the next try. Raises ``error`` when there is none left, :class:`Cancelled` when told to stop."""
        if self._cancelled.is_set():
            raise Cancelled from error
        self._failures += 1
        idle_seconds = time.monotonic() - self._last_progress
        patience = self._patience
        # Waiting because we were asked to is no idleness, but it is not asked for often.
        is_limited = error.retry_after is not None
        allowed = min(self._allowed, patience.request_attempts) if is_limited else self._allowed
        if self._failures >= allowed or (idle_seconds > patience.give_up_seconds and not is_limited):
            raise error
        delay = min(patience.longest_delay_seconds, patience.first_delay_seconds * 2 ** (self._failures - 1))
        delay = max(delay * random.uniform(0.8, 1.2), error.retry_after or 0.0)
        if self._cancelled.wait(delay):
            raise Cancelled from error


def patiently(ask: Callable[[], _T], patience: Patience, stopped: threading.Event) -> _T:
    """What a small request answers, tried a few times. Raises what it raises, and :class:`Cancelled`."""
    attempts = Attempts(patience, patience.request_attempts, stopped)
    while True:
        try:
            return ask()
        except Temporary as error:
            attempts.failed(error)
