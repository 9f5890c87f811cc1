"""Ends the process when preparing one request burns too much CPU time.

Templates and grammars come from strangers. Their own layers bound them; this is for what those bounds miss, such as
one endless call in native code, which nothing inside the process can interrupt.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_logger = logging.getLogger(__name__)

_CHECK_SECONDS = 0.1
EXIT_CODE = 4


class Watchdog:
    """Watches one thread: the one that calls ``limit``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = threading.Event()
        self._what = ""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    @contextmanager
    def limit(self, what: str) -> Iterator[None]:
        """The block may take ``seconds`` of CPU time; beyond that the process exits, saying ``what`` it was."""
        self._what = what
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._end = time.clock_gettime(self._clock) + self._seconds
        self._armed.set()
        try:
            yield
        finally:
            self._armed.clear()

    def _run(self) -> None:
        while True:
            self._armed.wait()
            time.sleep(_CHECK_SECONDS)
            if self._armed.is_set() and time.clock_gettime(self._clock) > self._end:
                _logger.critical("%s took more than %.0f s: giving up", self._what, self._seconds)
                os._exit(EXIT_CODE)
