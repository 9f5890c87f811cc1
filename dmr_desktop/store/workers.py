"""The threads of one transfer: a few tasks at once, all of them stopped by the first failure or by its caller."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from dmr_desktop.store.blobs import Cancelled

PARALLEL_LAYERS = 4
_CANCEL_POLL_SECONDS = 0.1
_T = TypeVar("_T")


class Workers:
    """``cancelled`` may be set at any time, by any thread; ``abort`` then breaks off what waits for the network."""

    def __init__(self, cancelled: threading.Event, abort: Callable[[], None]) -> None:
        self._cancelled = cancelled
        self._abort = abort
        self.stopped = threading.Event()
        """Set when the transfer ends early, for whatever reason: all its threads stop."""

    def run_all(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        """Run ``tasks`` in threads while this one watches for cancellation; their results in order.

        The first failure stops the others. Nothing runs any more when this returns. Raises what a task raised, and
        :class:`Cancelled`.
        """
        with ThreadPoolExecutor(PARALLEL_LAYERS, thread_name_prefix="transfer") as pool:
            futures = [pool.submit(task) for task in tasks]
            pending = set(futures)
            while pending:
                done, pending = wait(pending, _CANCEL_POLL_SECONDS, FIRST_EXCEPTION)
                if self._cancelled.is_set() or any(future.exception() for future in done):
                    self.stopped.set()
                    self._abort()
                    pool.shutdown(cancel_futures=True)
                    break
        if self._cancelled.is_set():
            raise Cancelled
        failures = [error for f in futures if not f.cancelled() and (error := f.exception()) is not None]
        if failures:
            # Those that only stopped because another failed say nothing.
            raise min(failures, key=lambda error: isinstance(error, Cancelled))
        return [future.result() for future in futures]
