"""Transfers under way, pulls or pushes: at most two of a kind at once, and one a reference, which later callers join.

A transfer runs in a thread and ends when it is done or when the last caller has left. Owned by the event loop; the
thread's progress comes over by ``call_soon_threadsafe``. Knows no wire format.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from dmr_desktop.protocol.errors import DMRError, error_from_info
from dmr_desktop.protocol.models import Progress, ProgressMode
from dmr_desktop.protocol.notices import PullState, PullStatus
from dmr_desktop.service.end import shutting_down

log = logging.getLogger(__name__)

MAX_AT_ONCE = 2
MAX_WAITING_LINES = 1000
NOTICE_SECONDS = 0.25
RATE_SECONDS = 5.0


class Work(Protocol):
    """``pull`` or ``push`` of a store: blocks, and returns the sentence of success."""

    def __call__(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...


class _Caller:
    """One who watches. ``lines`` that it has not fetched; layers' older lines give way when it is slow."""

    def __init__(self, backlog: list[Progress]) -> None:
        self.lines: deque[Progress] = deque(backlog, maxlen=MAX_WAITING_LINES)
        self.arrived = asyncio.Event()


class _Transfer:
    """``name`` is the normalised reference, ``reference`` what the first caller wrote (Hugging Face minds its case)."""

    def __init__(self, name: str, reference: str, mode: ProgressMode) -> None:
        self.name = name
        self.reference = reference
        self.mode: ProgressMode = mode
        self.task: asyncio.Task[None] | None = None
        self.has_place = False
        self.cancelled = threading.Event()
        self.callers: set[_Caller] = set()
        self.layers: dict[str, Progress] = {}
        self.total = 0
        self.is_over = False
        self.message = ""
        self.error: DMRError | None = None
        self._kept_bytes = 0
        """What was there before, of a transfer that goes on: it did not come just now."""
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, line: Progress) -> None:
        if line.layer_id:
            if line.layer_id not in self.layers:
                self._kept_bytes += line.layer_current
            self.layers[line.layer_id] = line
        self.total = max(self.total, line.total)
        self._show(line)

    def wait(self) -> None:
        """Say so to those who watch: a transfer that stands still for no visible reason looks broken."""
        self.message = f"waiting: {MAX_AT_ONCE} other {'pulls' if self.mode == 'pull' else 'pushes'} are under way"
        self._show(self._waiting_line())

    def backlog(self) -> list[Progress]:
        """What somebody who joins now has to know."""
        return [self._waiting_line()] if self.message else list(self.layers.values())

    def begin(self) -> None:
        self.has_place, self.message = True, ""

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
        self._marks.append((now, current - self._kept_bytes))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        rate = (self._marks[-1][1] - before) / (now - then) if now > then else 0.0
        return PullStatus(
            reference=self.name,
            state=state,
            current_bytes=self.total if state == "done" else current,
            total_bytes=self.total,
            bytes_per_second=max(rate, 0.0) if state == "running" else 0.0,
            message=self.error.message if self.error else self.message,
        )

    def _waiting_line(self) -> Progress:
        return Progress("progress", self.message.capitalize(), mode=self.mode)

    def _show(self, line: Progress) -> None:
        for caller in self.callers:
            caller.lines.append(line)
            caller.arrived.set()


class Transfers:
    """``normalise`` gives the name under which callers join; ``announce`` gets a status a few times a second.

    ``on_done`` is called after each success.
    """

    def __init__(
        self,
        mode: ProgressMode,
        work: Work,
        *,
        normalise: Callable[[str], str],
        announce: Callable[[PullStatus], None] = lambda status: None,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._mode: ProgressMode = mode
        self._work = work
        self._normalise = normalise
        self._announce = announce
        self._on_done = on_done
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        # Their own: a transfer takes minutes, and the other threads answer questions.
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix=mode)
        self._transfers: dict[str, _Transfer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def statuses(self) -> tuple[PullStatus, ...]:
        return tuple(transfer.status("running") for transfer in self._transfers.values())

    async def watch(self, reference: str, bearer_token: str | None = None) -> AsyncGenerator[Progress, None]:
        """Start a transfer, or join the one of the same model; its lines, ``success`` last. Raises :class:`DMRError`.

        Close it early to leave; a transfer that nobody watches is cancelled.
        """
        name = await asyncio.to_thread(self._normalise, reference)
        if self._is_closed:
            raise shutting_down()
        transfer = self._transfers.get(name)
        if transfer is None or transfer.cancelled.is_set():
            transfer = self._transfers[name] = _Transfer(name, reference, self._mode)
            transfer.task = asyncio.create_task(self._run(transfer, bearer_token))
            self._tasks.add(transfer.task)
            transfer.task.add_done_callback(self._tasks.discard)
        caller = _Caller(transfer.backlog())
        transfer.callers.add(caller)
        try:
            while True:
                while caller.lines:
                    yield caller.lines.popleft()
                if transfer.is_over:
                    break
                await caller.arrived.wait()
                caller.arrived.clear()
        finally:
            transfer.callers.discard(caller)
            if not transfer.callers:
                transfer.cancel()
        if transfer.error is not None:
            # Everyone who joined gets an exception of their own.
            raise error_from_info(transfer.error.info) from transfer.error
        yield Progress("success", transfer.message, mode=self._mode)

    async def _run(self, transfer: _Transfer, bearer_token: str | None) -> None:
        loop = asyncio.get_running_loop()

        def progress(line: Progress) -> None:
            loop.call_soon_threadsafe(transfer.add, line)

        ticker = asyncio.create_task(self._tick(transfer))
        state: PullState = "failed"
        try:
            if self._places.locked():
                transfer.wait()
            async with self._places:
                transfer.begin()
                work = partial(
                    self._work,
                    transfer.reference,
                    progress=progress,
                    cancelled=transfer.cancelled,
                    bearer_token=bearer_token,
                )
                message = await loop.run_in_executor(self._threads, work)
            state = "done"
            self._on_done()
            transfer.end(message, None)
        except asyncio.CancelledError:
            state = "cancelled"
            transfer.end("", DMRError(f"the {self._mode} was cancelled"))
        except DMRError as error:
            state = "cancelled" if transfer.cancelled.is_set() else "failed"
            transfer.end("", error)
        except Exception:
            log.exception("a %s broke down: %s", self._mode, transfer.name)
            transfer.end("", DMRError(f"the {self._mode} broke down", hint="the service's log tells more"))
        finally:
            ticker.cancel()
            if self._transfers.get(transfer.name) is transfer:
                del self._transfers[transfer.name]
            why = f" ({transfer.error})" if state == "failed" else ""
            log.info("%s of %s: %s%s", self._mode, transfer.name, state, why)
            self._announce(transfer.status(state))

    async def _tick(self, transfer: _Transfer) -> None:
        while True:
            self._announce(transfer.status("running"))
            await asyncio.sleep(NOTICE_SECONDS)

    async def close(self) -> None:
        """Cancel all; what has come is kept for the next time. Returns when their threads are through."""
        self._is_closed = True
        for transfer in self._transfers.values():
            transfer.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        self._threads.shutdown(wait=False)
