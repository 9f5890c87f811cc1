"""Once a second, what the machine and the runners are doing; only while somebody wants to know."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from dmr_desktop.protocol.notices import GpuSample, TelemetrySample
from dmr_desktop.protocol.runners import RunnerStatus
from dmr_desktop.service import machine
from dmr_desktop.service.recorder import Recorder

PERIOD_SECONDS = 1.0
KEPT_SECONDS = 120


class Telemetry:
    """``samples`` holds the last two minutes, oldest first. ``wake`` it when a listener comes."""

    def __init__(
        self,
        recorder: Recorder,
        runners: Callable[[], Sequence[RunnerStatus]],
        is_wanted: Callable[[], bool],
        announce: Callable[[TelemetrySample], None],
    ) -> None:
        self._recorder = recorder
        self._runners = runners
        self._is_wanted = is_wanted
        self._announce = announce
        self._samples: deque[TelemetrySample] = deque(maxlen=KEPT_SECONDS)
        self._wanted = asyncio.Event()
        self._gpus = machine.Gpus()
        self._cpu = machine.CpuMeter()
        self._counted_tokens = 0
        self._counted_at = time.monotonic()

    @property
    def samples(self) -> tuple[TelemetrySample, ...]:
        oldest = time.time() - KEPT_SECONDS
        return tuple(sample for sample in self._samples if sample.at >= oldest)

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
                await self._wanted.wait()
                self._start_counting()
                while self._is_wanted():
                    await asyncio.sleep(PERIOD_SECONDS)
                    sample = await self.sample()
                    self._samples.append(sample)
                    self._announce(sample)
                self._wanted.clear()
        finally:
            self._gpus.close()

    def _start_counting(self) -> None:
        self._counted_tokens, self._counted_at = self._recorder.num_tokens, time.monotonic()
        self._cpu = machine.CpuMeter()

    async def sample(self) -> TelemetrySample:
        """Rates are since the last one."""
        cpu, (used, total), gpus = await asyncio.to_thread(self._ask_machine)
        now = time.monotonic()
        seconds = now - self._counted_at
        tokens = self._recorder.num_tokens - self._counted_tokens
        self._counted_tokens, self._counted_at = self._recorder.num_tokens, now
        return TelemetrySample(
            at=time.time(),
            cpu_percent=cpu,
            memory_used_bytes=used,
            memory_total_bytes=total,
            runners_memory_bytes=sum(runner.memory_bytes for runner in self._runners()),
            tokens_per_second=round(tokens / seconds, 2) if seconds > 0 else 0.0,
            active_requests=self._recorder.num_active,
            gpus=gpus,
        )

    def _ask_machine(self) -> tuple[float, tuple[int, int], tuple[GpuSample, ...]]:
        return self._cpu.percent(), machine.memory(), self._gpus.sample()
