"""Pulls under way: at most two at once, and one a reference, which later callers join.

A pull runs in a thread and ends when it is done or when the last caller has left. Owned by the event
loop; the thread's progress comes over by ``call_soon_threadsafe``. Knows no wire format.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from dmr_desktop.protocol.errors import DMRError, ShuttingDown
from dmr_desktop.protocol.models import Progress
from dmr_desktop.protocol.notices import PullState, PullStatus

log = logging.getLogger(__name__)

MAX_AT_ONCE = 2
MAX_WAITING_LINES = 1000
NOTICE_SECONDS = 0.25
RATE_SECONDS = 5.0


class Puller(Protocol):
    """What this needs of the store."""

    def normalise(self, reference: str) -> str: ...

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...


class _Caller:
    """One who watches a pull. ``lines`` that it has not fetched; layers' older lines give way when it is slow."""

    def __init__(self, backlog: list[Progress]) -> None:
        self.lines: deque[Progress] = deque(backlog, maxlen=MAX_WAITING_LINES)
        self.arrived = asyncio.Event()


class _Pull:
    """``name`` is the normalised reference, ``reference`` what the first caller wrote (Hugging Face minds its case)."""

    def __init__(self, name: str, reference: str) -> None:
        self.name = name
        self.reference = reference
        self.task: asyncio.Task[None] | None = None
        self.has_place = False
        self.cancelled = threading.Event()
        self.callers: set[_Caller] = set()
        self.layers: dict[str, Progress] = {}
        self.total = 0
        self.is_over = False
        self.message = ""
        self.error: DMRError | None = None
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, line: Progress) -> None:
        if line.layer_id:
            self.layers[line.layer_id] = line
        self.total = max(self.total, line.total)
        for caller in self.callers:
            caller.lines.append(line)
            caller.arrived.set()

    def end(self, message: str, error: DMRError | None) -> None:
        self.is_over, self.message, self.error = True, message, error
        for caller in self.callers:
            caller.arrived.set()

    def cancel(self) -> None:
        self.cancelled.set()
        if not self.has_place and self.task is not None:
            self.task.cancel()

    def status(self, state: PullState) -> PullStatus:
        current = sum(line.layer_current for line in self.layers.values())
        now = time.monotonic()
        self._marks.append((now, current))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        rate = (current - before) / (now - then) if now > then else 0.0
        return PullStatus(
            reference=self.name,
            state=state,
            current_bytes=self.total if state == "done" else current,
            total_bytes=self.total,
            bytes_per_second=max(rate, 0.0) if state == "running" else 0.0,
            message=self.error.message if self.error else self.message,
        )


class Pulls:
    """``announce`` gets a status a few times a second; ``on_stored`` is called when a model has come."""

    def __init__(self, store: Puller, announce: Callable[[PullStatus], None], on_stored: Callable[[], None]) -> None:
        self._store = store
        self._announce = announce
        self._on_stored = on_stored
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._pulls: dict[str, _Pull] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def statuses(self) -> tuple[PullStatus, ...]:
        return tuple(pull.status("running") for pull in self._pulls.values())

    async def watch(self, reference: str, bearer_token: str | None = None) -> AsyncGenerator[Progress, None]:
        """Start a pull, or join the one of the same model; its lines, ``success`` last. Raises :class:`DMRError`.

        Close it early to leave; a pull that nobody watches is cancelled.
        """
        if self._is_closed:
            raise ShuttingDown("the service is shutting down")
        name = await asyncio.to_thread(self._store.normalise, reference)
        pull = self._pulls.get(name)
        if pull is None or pull.cancelled.is_set():
            pull = self._pulls[name] = _Pull(name, reference)
            pull.task = asyncio.create_task(self._run(pull, bearer_token))
            self._tasks.add(pull.task)
            pull.task.add_done_callback(self._tasks.discard)
        caller = _Caller(list(pull.layers.values()))
        pull.callers.add(caller)
        try:
            while True:
                while caller.lines:
                    yield caller.lines.popleft()
                if pull.is_over:
                    break
                await caller.arrived.wait()
                caller.arrived.clear()
        finally:
            pull.callers.discard(caller)
            if not pull.callers:
                pull.cancel()
        if pull.error is not None:
            raise pull.error
        yield Progress("success", pull.message)

    async def _run(self, pull: _Pull, bearer_token: str | None) -> None:
        loop = asyncio.get_running_loop()

        def progress(line: Progress) -> None:
            loop.call_soon_threadsafe(pull.add, line)

        ticker = asyncio.create_task(self._tick(pull))
        state: PullState = "failed"
        try:
            async with self._places:
                pull.has_place = True
                message = await asyncio.to_thread(
                    self._store.pull,
                    pull.reference,
                    progress=progress,
                    cancelled=pull.cancelled,
                    bearer_token=bearer_token,
                )
            state = "done"
            self._on_stored()
            pull.end(message, None)
        except asyncio.CancelledError:
            state = "cancelled"
            pull.end("", DMRError("the pull was cancelled"))
        except DMRError as error:
            state = "cancelled" if pull.cancelled.is_set() else "failed"
            pull.end("", error)
        except Exception:
            log.exception("a pull broke down: %s", pull.name)
            pull.end("", DMRError("the pull broke down", hint="the service's log tells more"))
        finally:
            ticker.cancel()
            if self._pulls.get(pull.name) is pull:
                del self._pulls[pull.name]
            self._announce(pull.status(state))

    async def _tick(self, pull: _Pull) -> None:
        while True:
            self._announce(pull.status("running"))
            await asyncio.sleep(NOTICE_SECONDS)

    async def close(self) -> None:
        """Cancel all; what has come is kept for the next time. Returns when their threads are through."""
        self._is_closed = True
        for pull in self._pulls.values():
            pull.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
