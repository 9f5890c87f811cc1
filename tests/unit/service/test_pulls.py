"""Joining, waiting, cancelling: a store whose pulls the test holds in its hands."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from dmr_desktop.protocol.errors import DMRError, ModelNotFound, ShuttingDown, StoreError
from dmr_desktop.protocol.models import Progress
from dmr_desktop.protocol.notices import PullStatus
from dmr_desktop.service import transfers
from dmr_desktop.service.transfers import MAX_AT_ONCE, Transfers

LINE = Progress("progress", "Downloaded: 1 MB", 100, "sha256:a", 60, 10)


@dataclass
class HeldStore:
    """A pull reports one line, then waits for ``release`` (or its cancellation) and ends as told."""

    release: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    references: list[str] = field(default_factory=list)
    num_cancelled: int = 0
    most_at_once: int = 0
    _running: int = 0
    _count: threading.Lock = field(default_factory=threading.Lock)

    def normalise(self, reference: str) -> str:
        return f"docker.io/ai/{reference.lower()}:latest"

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str:
        with self._count:
            self.references.append(reference)
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            progress(LINE)
            while not self.release.wait(0.002):
                if cancelled.is_set():
                    self.num_cancelled += 1
                    raise StoreError("cancelled")
            if self.error is not None:
                raise self.error
            return "Model pulled successfully"
        finally:
            with self._count:
                self._running -= 1


@dataclass
class Rig:
    store: HeldStore = field(default_factory=HeldStore)
    told: list[PullStatus] = field(default_factory=list)
    num_stored: int = 0

    def __post_init__(self) -> None:
        store = self.store
        self.pulls = Transfers(
            "pull", store.pull, normalise=store.normalise, announce=self.told.append, on_done=self._stored
        )

    def _stored(self) -> None:
        self.num_stored += 1

    async def all_lines(self, reference: str) -> list[Progress]:
        return [line async for line in self.pulls.watch(reference)]

    async def begin(self, reference: str) -> "asyncio.Task[list[Progress]]":
        """A watcher whose pull has reported its first line."""
        lines = self.pulls.watch(reference)
        first = await anext(lines)

        async def rest() -> list[Progress]:
            async with aclosing(lines):
                return [first] + [line async for line in lines]

        task = asyncio.create_task(rest())
        await asyncio.sleep(0)  # a task cancelled before its first step would never leave
        return task


async def test_lines_then_success() -> None:
    rig = Rig()
    rig.store.release.set()
    assert await rig.all_lines("X") == [LINE, Progress("success", "Model pulled successfully")]
    assert rig.store.references == ["X"]
    assert rig.num_stored == 1
    last = rig.told[-1]
    assert (last.reference, last.state, last.current_bytes, last.total_bytes) == (
        "docker.io/ai/x:latest",
        "done",
        100,
        100,
    )
    assert rig.pulls.statuses() == ()


async def test_the_same_model_is_pulled_once_for_all() -> None:
    rig = Rig()
    first = await rig.begin("x")
    second = await rig.begin("X")
    assert [status.current_bytes for status in rig.pulls.statuses()] == [10]
    rig.store.release.set()
    assert await first == await second == [LINE, Progress("success", "Model pulled successfully")]
    assert len(rig.store.references) == 1


async def test_one_who_leaves_does_not_end_it_for_the_other() -> None:
    rig = Rig()
    first = await rig.begin("x")
    second = await rig.begin("x")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    rig.store.release.set()
    assert (await second)[-1].type == "success"


async def test_the_last_who_leaves_cancels_it() -> None:
    rig = Rig()
    watcher = await rig.begin("x")
    watcher.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watcher
    await rig.pulls.close()
    assert rig.store.num_cancelled == 1
    assert rig.told[-1].state == "cancelled"


async def test_a_pull_after_a_cancelled_one_starts_anew() -> None:
    rig = Rig()
    watcher = await rig.begin("x")
    watcher.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watcher
    again = await rig.begin("x")
    rig.store.release.set()
    assert (await again)[-1].type == "success"
    assert len(rig.store.references) == 2


async def test_no_more_than_two_at_once() -> None:
    rig = Rig()
    watchers = [await rig.begin("a"), await rig.begin("b")]
    waiting = [asyncio.create_task(rig.all_lines(name)) for name in ("c", "d")]
    await asyncio.sleep(0.02)
    assert len(rig.store.references) == MAX_AT_ONCE
    waiting[1].cancel()
    rig.store.release.set()
    assert (await waiting[0])[-1].type == "success"
    await asyncio.gather(*watchers)
    await rig.pulls.close()
    assert sorted(rig.store.references) == ["a", "b", "c"]
    assert rig.store.most_at_once == MAX_AT_ONCE


async def test_who_has_to_wait_is_told() -> None:
    rig = Rig()
    watchers = [await rig.begin("a"), await rig.begin("b")]
    waiting = rig.pulls.watch("c")
    joined = rig.pulls.watch("c")
    for lines in (waiting, joined):
        line = await anext(lines)
        assert (line.type, line.message, line.layer_id) == ("progress", "Waiting: 2 other pulls are under way", "")
    (status,) = [status for status in rig.pulls.statuses() if status.reference == "docker.io/ai/c:latest"]
    assert status.message == "waiting: 2 other pulls are under way"
    rig.store.release.set()
    assert [line.type async for line in waiting] == ["progress", "success"]
    assert [line.type async for line in joined] == ["progress", "success"]
    await asyncio.gather(*watchers)


async def test_pulls_leave_the_threads_that_answer_questions_alone() -> None:
    before = set(threading.enumerate())
    rig = Rig()
    watchers = [await rig.begin(name) for name in ("a", "b")]
    assert sum(thread.name.startswith("pull") for thread in set(threading.enumerate()) - before) == 2
    rig.store.release.set()
    await asyncio.gather(*watchers)


async def test_a_failure_reaches_everybody() -> None:
    rig = Rig()
    rig.store.error = ModelNotFound("Model not found")
    watchers = [await rig.begin("x") for _ in range(2)]
    rig.store.release.set()
    raised = await asyncio.gather(*watchers, return_exceptions=True)
    assert [type(error) for error in raised] == [ModelNotFound, ModelNotFound]
    assert raised[0] is not raised[1], "each has a traceback of its own"
    assert (rig.told[-1].state, rig.told[-1].message) == ("failed", "Model not found")
    assert rig.num_stored == 0


async def test_a_bug_in_the_store_is_an_error_like_any_other() -> None:
    rig = Rig()
    rig.store.error = ZeroDivisionError()
    watcher = await rig.begin("x")
    rig.store.release.set()
    with pytest.raises(DMRError, match="broke down"):
        await watcher
    assert rig.told[-1].state == "failed"


async def test_after_closing_nothing_is_pulled() -> None:
    rig = Rig()
    watcher = await rig.begin("x")
    await rig.pulls.close()
    with pytest.raises(StoreError):
        await watcher
    with pytest.raises(ShuttingDown):
        await rig.all_lines("y")


async def test_nor_what_was_asked_for_in_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def normalise(_: HeldStore, reference: str) -> str:
        asked.set()
        assert answer.wait(5)
        return reference

    monkeypatch.setattr(HeldStore, "normalise", normalise)
    rig = Rig()
    watcher = asyncio.create_task(rig.all_lines("x"))
    await asyncio.to_thread(asked.wait)
    await rig.pulls.close()
    answer.set()
    with pytest.raises(ShuttingDown):
        await watcher
    assert rig.store.references == []


def test_what_was_kept_of_an_earlier_pull_is_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(transfers.time, "monotonic", lambda: clock)
    transfer = transfers._Transfer("docker.io/ai/x:latest", "x", "pull")
    transfer.add(Progress("progress", "", 1000, "sha256:a", 1000, 600))
    clock = 101.0
    status = transfer.status("running")
    assert (status.current_bytes, status.bytes_per_second) == (600, 0.0)
    transfer.add(Progress("progress", "", 1000, "sha256:a", 1000, 640))
    clock = 102.0
    assert transfer.status("running").bytes_per_second == 20.0
