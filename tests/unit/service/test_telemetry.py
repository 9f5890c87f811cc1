"""When the machine is looked at, and what is kept of it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmr_desktop.protocol.notices import GpuNotice, GpuSample, TelemetrySample
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from dmr_desktop.service import telemetry as telemetry_module
from dmr_desktop.service.gpus import Gpus
from dmr_desktop.service.recorder import Recorder
from dmr_desktop.service.telemetry import HISTORY_KEPT_SECONDS, Telemetry, mean_of
from tests.fakes.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CARD = GpuSample("Card", 50.0, 4, 8)
RUNNER = RunnerStatus("llama.cpp", "sha256:1", "m", Mode.COMPLETION, RunnerState.READY, pid=1, memory_bytes=7)


class Cards:
    """Counts how often it was asked and let go."""

    def __init__(self) -> None:
        self.num_asked = self.num_rested = self.num_renewed = 0
        self.cards: tuple[GpuSample, ...] = (CARD,)

    def sample(self) -> tuple[GpuSample, ...]:
        self.num_asked += 1
        return self.cards

    def rest(self) -> None:
        self.num_rested += 1

    def renew(self) -> None:
        self.num_renewed += 1


class Bench:
    def __init__(self, runners: Sequence[RunnerStatus] = ()) -> None:
        self.cards = Cards()
        self.is_wanted = False
        self.announced: list[tuple[str, TelemetrySample | GpuNotice]] = []
        self.telemetry = Telemetry(
            Recorder(lambda notice: None, lambda *ended: None),
            lambda: runners,
            lambda: self.is_wanted,
            lambda section, sample: self.announced.append((section, sample)),
            gpus=Gpus((self.cards,)),
            history_period_seconds=0.05,
        )

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[None]":
        task = asyncio.create_task(self.telemetry.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until_history(self, count: int) -> None:
        await until(lambda: len(self.telemetry.history) >= count)


async def test_the_last_half_hour_is_known_though_nobody_watched() -> None:
    bench = Bench()
    async with bench.running():
        await bench.until_history(3)
    assert bench.telemetry.samples == ()
    assert bench.announced == []
    assert all(sample.memory_total_bytes > 0 for sample in bench.telemetry.history)


@pytest.mark.parametrize("is_watched", [False, True])
async def test_a_measurement_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch, is_watched: bool) -> None:
    monkeypatch.setattr(telemetry_module, "PERIOD_SECONDS", 0.01)
    measure, failures = telemetry_module.machine.memory, [OSError(24, "Too many open files")]

    def memory() -> tuple[int, int]:
        if failures:
            raise failures.pop()
        return measure()

    monkeypatch.setattr(telemetry_module.machine, "memory", memory)
    bench = Bench()
    bench.is_wanted = is_watched
    if is_watched:
        bench.telemetry.wake()
    async with bench.running():
        await bench.until_history(1)
    assert failures == []


async def test_unwatched_cards_sleep_until_a_model_is_loaded() -> None:
    idle, loaded = Bench(), Bench((RUNNER,))
    async with idle.running(), loaded.running():
        await idle.until_history(2)
        await loaded.until_history(2)
    assert idle.cards.num_asked == 0
    assert idle.cards.num_rested >= 2
    assert loaded.telemetry.history[-1].gpus == (CARD,)
    assert loaded.telemetry.history[-1].runners_memory_bytes == 7


async def test_watched_it_tells_each_second_and_the_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_module, "PERIOD_SECONDS", 0.01)
    bench = Bench()
    bench.is_wanted = True
    bench.telemetry.wake()
    async with bench.running():
        await until(lambda: sum(section == "history" for section, _ in bench.announced) >= 2)
        bench.is_wanted = False
    told = [section for section, _ in bench.announced]
    assert told.index("history") >= 2, "a mean is of several"
    assert bench.telemetry.history[-1] == [sample for section, sample in bench.announced if section == "history"][-1]
    assert len(bench.telemetry.samples) == told.count("telemetry")


async def test_what_is_older_than_half_an_hour_is_forgotten() -> None:
    bench = Bench()
    old = replace(await bench.telemetry.sample(), at=time.time() - HISTORY_KEPT_SECONDS - 1)
    bench.telemetry._history.append(old)
    assert bench.telemetry.history == ()


async def test_after_a_sleep_cards_are_looked_for_anew_and_missed() -> None:
    bench = Bench()
    await bench.telemetry.sample()
    bench.cards.cards = ()
    await bench.telemetry.look_anew()
    assert bench.cards.num_renewed == 1
    assert bench.telemetry.gpus == GpuNotice(("Card",))
    assert bench.announced == [("gpus", GpuNotice(("Card",)))]
    bench.cards.cards = (CARD,)
    await bench.telemetry.look_anew()
    assert bench.telemetry.gpus == GpuNotice()
    assert bench.announced[1:] == [("gpus", GpuNotice())]


async def test_where_no_card_was_seen_none_is_woken_after_a_sleep() -> None:
    bench = Bench()
    await bench.telemetry.look_anew()
    assert (bench.cards.num_renewed, bench.cards.num_asked) == (1, 0)


def test_means() -> None:
    one = TelemetrySample(100.0, 10.0, 100, 1000, 50, 4.0, 1, (CARD,))
    other = replace(one, at=101.0, cpu_percent=20.0, memory_used_bytes=201, tokens_per_second=0.0, active_requests=0)
    silent = replace(other, gpus=(GpuSample("Card", None, None, 8),))
    found = mean_of([one, other, silent])
    assert (found.at, found.cpu_percent, found.memory_used_bytes, found.active_requests) == (101.0, 16.7, 167, 0)
    assert found.tokens_per_second == 1.33
    assert found.gpus == (GpuSample("Card", 50.0, 4, 8),)
    assert mean_of([replace(one, gpus=()), other]).gpus == other.gpus
    assert mean_of([one, replace(other, gpus=())]).gpus == ()
