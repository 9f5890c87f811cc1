"""What the machine and the runners are doing: once a second while somebody wants to know, four times a minute else.

So that a panel which is opened knows the last half hour. A look without anybody watching costs a millisecond, and
leaves the graphics cards asleep while no model is loaded.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from dmr_desktop.protocol.notices import GpuNotice, GpuSample, TelemetrySample
from dmr_desktop.protocol.runners import RunnerStatus
from dmr_desktop.service import machine
from dmr_desktop.service.gpu_presence import GpuPresence
from dmr_desktop.service.gpus import Gpus
from dmr_desktop.service.recorder import Recorder

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
KEPT_SECONDS = 120
HISTORY_PERIOD_SECONDS = 15.0
HISTORY_KEPT_SECONDS = 1800


class Telemetry:
    """``samples`` holds the last two minutes, ``history`` the last thirty. ``wake`` it when a listener comes.

    ``announce`` is told each new value of the section ``telemetry``, ``history`` or ``gpus``.
    """

    def __init__(
        self,
        recorder: Recorder,
        runners: Callable[[], Sequence[RunnerStatus]],
        is_wanted: Callable[[], bool],
        announce: Callable[[str, TelemetrySample | GpuNotice], None],
        *,
        gpus: Gpus | None = None,
        history_period_seconds: float = HISTORY_PERIOD_SECONDS,
    ) -> None:
        self._recorder = recorder
        self._runners = runners
        self._is_wanted = is_wanted
        self._announce = announce
        self._history_period = history_period_seconds
        self._samples: deque[TelemetrySample] = deque(maxlen=KEPT_SECONDS)
        self._history: deque[TelemetrySample] = deque(maxlen=int(HISTORY_KEPT_SECONDS / HISTORY_PERIOD_SECONDS))
        self._wanted = asyncio.Event()
        self._gpus = gpus or Gpus()
        self._presence = GpuPresence()
        self._cpu = machine.CpuMeter()
        self._counted_tokens = 0
        self._counted_at = time.monotonic()

    @property
    def samples(self) -> tuple[TelemetrySample, ...]:
        return _since(self._samples, KEPT_SECONDS)

    @property
    def history(self) -> tuple[TelemetrySample, ...]:
        return _since(self._history, HISTORY_KEPT_SECONDS)

    @property
    def gpus(self) -> GpuNotice:
        return GpuNotice(self._presence.missing)

    @property
    def has_gpus(self) -> bool:
        """Whether there ever was a card, as far as anybody looked."""
        return self._presence.has_cards

    async def look_anew(self) -> None:
        """Forgets what the drivers said, e.g. after a sleep; asks them now if there were cards."""
        await asyncio.to_thread(self._gpus.renew)
        if self.has_gpus:
            for _ in range(2):  # one look may fail
                await self.sample()

    async def latest(self) -> tuple[TelemetrySample, ...]:
        """``samples``, with one of now if nobody has been listening."""
        samples = self.samples
        if samples and samples[-1].at > time.time() - 2 * PERIOD_SECONDS:
            return samples
        return (*samples, await self.sample())

    def wake(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """For ever; a task of the service."""
        try:
            while True:
                try:
                    await self._look()
                except OSError as error:  # e.g. too many open files: it may pass
                    log.warning("the machine cannot be measured: %s", error)
                    await asyncio.sleep(PERIOD_SECONDS)
        finally:
            self._gpus.rest()

    async def _look(self) -> None:
        """At the end of a quiet period, or each second for as long as somebody wants to know."""
        try:
            async with asyncio.timeout(self._history_period):
                await self._wanted.wait()
        except TimeoutError:
            self._history.append(await self.sample(is_watched=False))
            return
        self._start_counting()
        await self._sample_while_wanted()
        self._wanted.clear()

    async def _sample_while_wanted(self) -> None:
        unsummed: list[TelemetrySample] = []
        while self._is_wanted():
            await asyncio.sleep(PERIOD_SECONDS)
            sample = await self.sample()
            self._samples.append(sample)
            self._announce("telemetry", sample)
            unsummed.append(sample)
            if sample.at - unsummed[0].at >= self._history_period - 1.5 * PERIOD_SECONDS:
                mean = mean_of(unsummed)
                self._history.append(mean)
                self._announce("history", mean)
                unsummed.clear()

    def _start_counting(self) -> None:
        self._counted_tokens, self._counted_at = self._recorder.num_tokens, time.monotonic()
        self._cpu = machine.CpuMeter()

    async def sample(self, *, is_watched: bool = True) -> TelemetrySample:
        """Rates are since the last one. Unwatched, the cards are only asked while a model may be on them."""
        runners = self._runners()
        asks_gpus = is_watched or any(runner.pid is not None for runner in runners)
        cpu, (used, total), gpus = await asyncio.to_thread(self._ask_machine, asks_gpus)
        if asks_gpus and self._presence.saw(gpus):
            self._announce("gpus", self.gpus)
        now = time.monotonic()
        seconds = now - self._counted_at
        tokens = self._recorder.num_tokens - self._counted_tokens
        self._counted_tokens, self._counted_at = self._recorder.num_tokens, now
        return TelemetrySample(
            at=time.time(),
            cpu_percent=cpu,
            memory_used_bytes=used,
            memory_total_bytes=total,
            runners_memory_bytes=sum(runner.memory_bytes for runner in runners),
            tokens_per_second=round(tokens / seconds, 2) if seconds > 0 else 0.0,
            active_requests=self._recorder.num_active,
            gpus=gpus,
        )

    def _ask_machine(self, asks_gpus: bool) -> tuple[float, tuple[int, int], tuple[GpuSample, ...]]:
        if not asks_gpus:
            self._gpus.rest()
        return self._cpu.percent(), machine.memory(), self._gpus.sample() if asks_gpus else ()


def mean_of(samples: Sequence[TelemetrySample]) -> TelemetrySample:
    """One for several, at the time of the last. What a card did not always tell is the mean of when it did."""
    last = samples[-1]

    def mean(name: str) -> float:
        return fmean(getattr(sample, name) for sample in samples)

    return replace(
        last,
        cpu_percent=round(mean("cpu_percent"), 1),
        memory_used_bytes=round(mean("memory_used_bytes")),
        runners_memory_bytes=round(mean("runners_memory_bytes")),
        tokens_per_second=round(mean("tokens_per_second"), 2),
        gpus=tuple(
            _mean_gpu([sample.gpus[index] for sample in samples if len(sample.gpus) == len(last.gpus)])
            for index in range(len(last.gpus))
        ),
    )


def _mean_gpu(samples: Sequence[GpuSample]) -> GpuSample:
    busy = [sample.utilization for sample in samples if sample.utilization is not None]
    used = [sample.memory_used_bytes for sample in samples if sample.memory_used_bytes is not None]
    return replace(
        samples[-1],
        utilization=round(fmean(busy), 1) if busy else None,
        memory_used_bytes=round(fmean(used)) if used else None,
    )


def _since(samples: Sequence[TelemetrySample], seconds: float) -> tuple[TelemetrySample, ...]:
    oldest = time.time() - seconds
    return tuple(sample for sample in samples if sample.at >= oldest)
