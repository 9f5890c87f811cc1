"""One runner process after another for one key: start, watch, stop, and remember how they died.

It does not know who uses the runner nor what else is loaded; :mod:`.loader` decides when to start and stop.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from dmr_desktop.backends.base import Backend, Death, LogLine, Runner
from dmr_desktop.protocol.errors import DMRError, RunnerCrashed, RunnerStartFailed
from dmr_desktop.protocol.runners import LaunchSpec, RunnerState
from dmr_desktop.service.crash_history import CrashHistory


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until a model must be loaded; of silence of a busy runner until it is asked; until it must answer.

    ``compute``: until an idle one must have computed a token, when that is in doubt.
    """

    ready: float = 300.0
    silence: float = 15.0
    answer: float = 10.0
    check: float = 5.0
    compute: float = 30.0


class Supervisor:
    """STOPPED → STARTING → READY → STOPPING → STOPPED, or FAILED with ``error`` from anywhere.

    At most one process exists at a time, and it is reaped; ``pid`` is its number from READY to its end.
    ``on_change`` is called after each change of state, ``on_crash`` at each death that nobody asked for. The caller
    starts only what is STOPPED or FAILED, one ``start`` at a time.
    """

    def __init__(
        self,
        backend: Backend,
        log: LogLine,
        on_change: Callable[[], None],
        patience: Patience = Patience(),
        on_crash: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = RunnerState.STOPPED
        self.error: DMRError | None = None
        self.runner: Runner | None = None
        self.pid: int | None = None
        self.crashes = CrashHistory()
        self._backend = backend
        self._log = log
        self._on_change = on_change
        self._on_crash = on_crash
        self._patience = patience
        self._watch: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def start(self, spec: LaunchSpec) -> Runner:
        """A ready runner. Raises CrashLoop, RunnerStartFailed, RunnerCrashed or the runner's own refusal."""
        await asyncio.sleep(self.crashes.wait_seconds(time.monotonic()))
        self._enter(RunnerState.STARTING)
        try:
            async with asyncio.timeout(self._patience.ready):
                runner = await self._backend.start(spec, self._log)
        except TimeoutError:
            error = RunnerStartFailed(
                f"the model was not loaded after {self._patience.ready:.0f} s",
                hint="the model may be too large for this machine; the log tells how far it came",
            )
            self._fail(error)
            raise error from None
        except DMRError as error:
            if isinstance(error, RunnerCrashed):
                self.crashes.add(time.monotonic(), error.evidence)
                self._on_crash()
            self._fail(error)
            raise
        except BaseException:
            self._enter(RunnerState.STOPPED)
            raise
        self.runner = runner
        self.pid = runner.pid
        self._watch = asyncio.create_task(self._watch_over(runner), name=f"watch {runner.pid}")
        self._enter(RunnerState.READY)
        return runner

    def begin_stop(self, because: DMRError | None = None) -> None:
        """Synchronous, so that nobody can start using the runner in between; await ``stopped`` for the rest.

        Requests that are open end with ``because``. A FAILED one is just forgiven.
        """
        if self.runner is not None:
            runner, self.runner = self.runner, None
            self._stopping = asyncio.create_task(self._stop(runner, because), name=f"stop {runner.pid}")
            self._enter(RunnerState.STOPPING)
        elif self.state is RunnerState.FAILED:
            self.crashes.clear()
            self._enter(RunnerState.STOPPED)

    async def stopped(self) -> None:
        """Until a stop that is under way has ended. Any number of callers."""
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    async def _stop(self, runner: Runner, because: DMRError | None) -> None:
        try:
            await runner.stop(because)
            if self._watch is not None:
                await self._watch
        finally:
            self._stopping = None
            self.pid = None
            self._enter(RunnerState.STOPPED)

    async def _watch_over(self, runner: Runner) -> None:
        """Ends with the process. A death that nobody asked for is remembered as a crash."""
        watchdog = asyncio.create_task(self._kill_when_silent(runner), name=f"watchdog {runner.pid}")
        try:
            death = await runner.wait_dead()
        finally:
            watchdog.cancel()
        if self.runner is runner:
            self._died(death)

    async def _kill_when_silent(self, runner: Runner) -> None:
        """A long prefill is silent too, but then the runner still answers; one that is stopped or hangs does not."""
        while True:
            await asyncio.sleep(self._patience.check)
            if not runner.num_open or runner.silent_seconds() < self._patience.silence:
                continue
            try:
                async with asyncio.timeout(self._patience.answer):
                    await runner.stats()
            except TimeoutError:
                runner.kill(f"it had not answered for {runner.silent_seconds():.0f} s")
                return
            except DMRError:
                return  # it died meanwhile

    def _died(self, death: Death) -> None:
        self.crashes.add(time.monotonic(), death.cause)
        self._on_crash()
        self._fail(death.error())

    def _fail(self, error: DMRError) -> None:
        self.runner = None
        self.pid = None
        self.error = error
        self._enter(RunnerState.FAILED)

    def _enter(self, state: RunnerState) -> None:
        self.state = state
        if state is not RunnerState.FAILED:
            self.error = None
        self._on_change()
