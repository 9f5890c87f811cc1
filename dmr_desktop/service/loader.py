"""Which models are loaded: leases, joined loads, unloading.

The owner of all runners (their book is :mod:`.residents`). What must go so that a model fits is :mod:`.room`'s, when an
idle one has to go :mod:`.idle_clock`'s, with what each is started :mod:`.configurations`'. Owned by the service's event
loop; nothing here is thread-safe. It knows nothing of HTTP or of processes.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dmr_desktop.backends.base import DEFAULT_BACKEND, Backend, LogLine, Runner
from dmr_desktop.protocol.errors import (
    BackendNotFound,
    Conflict,
    DMRError,
    QueueFull,
    RunnerError,
    WrongMode,
    error_from_info,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import DEMO_REFERENCE, Model, ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerKey, RunnerStatus
from dmr_desktop.service.configurations import Configurations, Configured
from dmr_desktop.service.end import shutting_down
from dmr_desktop.service.fit import fit
from dmr_desktop.service.idle_clock import IdleClock
from dmr_desktop.service.launch_plan import plan_launch
from dmr_desktop.service.placement import default_seats, obtainable_bytes
from dmr_desktop.service.probes import Probes, real_probes
from dmr_desktop.service.recorder import Subject
from dmr_desktop.service.resident import Resident
from dmr_desktop.service.residents import Residents, subject_of
from dmr_desktop.service.room import Room
from dmr_desktop.service.runner_check import computes
from dmr_desktop.service.supervisor import Patience, Supervisor
from dmr_desktop.store.abilities import check_mode
from dmr_desktop.store.estimate import ModelShape

log = logging.getLogger(__name__)

LoaderEvent: TypeAlias = Literal["load", "load_failure", "crash"]


@dataclass(frozen=True, slots=True)
class LoaderLimits:
    """``max_queue`` requests may wait per runner besides those it works on.

    ``seats`` is how many runners there may be, None: min(CPU count, 8), at least 2.
    """

    idle_timeout_seconds: float = 300.0
    max_queue: int = 64
    seats: int | None = None
    patience: Patience = field(default_factory=Patience)


class Loader:
    """``lease`` a runner, tell its state, unload it.

    ``on_change`` is called (synchronously, on the loop) after every change of ``statuses()``; ``tell`` when a model
    was loaded (and in how many seconds), could not be loaded, or its process died.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        configurations: Configurations,
        limits: LoaderLimits = LoaderLimits(),
        *,
        log: Callable[[RunnerKey, str], LogLine] = lambda key, label: lambda line: None,
        on_change: Callable[[], None] = lambda: None,
        probes: Probes | None = None,
        tell: Callable[[LoaderEvent, Subject, float], None] = lambda event, subject, seconds: None,
    ) -> None:
        self._backends = backends
        self._limits = limits
        self._log = log
        self._on_change = on_change
        self._probes = probes or real_probes()
        self._tell = tell
        self._configurations = configurations
        self._residents = Residents(self._probes.process, self._keep_seconds)
        seats = limits.seats or default_seats(os.cpu_count())
        self._room = Room(seats, self._probes.available, self._residents.tenants, self._make_go)
        self._idle_clock = IdleClock(self._seconds_left, self._unload_expired)
        self._is_closing = False

    # ---- using runners ----

    @asynccontextmanager
    async def lease(
        self,
        files: ModelFiles,
        mode: Mode,
        label: str,
        *,
        backend: str = DEFAULT_BACKEND,
        keep_alive_seconds: float | None = None,
    ) -> AsyncIterator[Runner]:
        """A ready runner for the time of the block; loads it first if need be. ``label``: the reference as asked for.

        ``keep_alive_seconds`` given: replaces the configured one until a later lease gives another (0: unload when
        idle, negative: keep for ever).

        Raises BackendNotFound, WrongMode, QueueFull, DoesNotFit, CrashLoop, ShuttingDown, and what the runner says
        about the model (UnsupportedModel, RunnerStartFailed, RunnerCrashed).
        """
        resident = self._enter(RunnerKey(backend, files.model.id, mode), files, label)
        if keep_alive_seconds is not None:
            resident.keep_alive_seconds = keep_alive_seconds
        try:
            yield await self._ready_runner(resident)
        finally:
            # Synchronous: a client that went away must not be able to interrupt it.
            self._leave(resident)

    async def preload(self, files: ModelFiles, mode: Mode, label: str, *, backend: str = DEFAULT_BACKEND) -> None:
        """Load without using. Raises as ``lease``."""
        async with self.lease(files, mode, label, backend=backend):
            pass

    def _enter(self, key: RunnerKey, files: ModelFiles, label: str) -> Resident:
        if self._is_closing:
            raise shutting_down()
        backend = self._backends.get(key.backend)
        if backend is None:
            raise BackendNotFound(f"unknown backend {key.backend!r}", hint=f"there are: {', '.join(self._backends)}")
        resident = self._residents.get(key)
        if resident is None:
            supervisor = Supervisor(
                backend,
                self._log(key, label),
                self._changed,
                self._limits.patience,
                lambda: self._tell("crash", subject_of(key, files), 0.0),
            )
            resident = Resident(key, files, label, supervisor, self._configurations.config(key))
            self._residents.add(resident)
        if resident.users >= resident.config.num_sequences + self._limits.max_queue:
            raise QueueFull(
                f"{resident.users} requests for {label} are already running or waiting",
                hint="try again in a moment",
            )
        resident.users += 1
        if resident.users == 1:
            self._changed()
        return resident

    def _leave(self, resident: Resident) -> None:
        resident.users -= 1
        resident.last_used = time.time()
        if not resident.users:
            resident.idle_since = time.monotonic()
            if resident.load is not None and not resident.is_placed:
                resident.load.cancel()  # it only waited for room, and nobody wants it any more
        self._changed()

    async def _ready_runner(self, resident: Resident) -> Runner:
        while resident.load is not None and resident.load.cancelling():
            await asyncio.wait({resident.load})  # it was given up before we came: what follows is ours
        if self._is_closing:
            raise shutting_down()
        if resident.supervisor.runner is not None:
            return resident.supervisor.runner
        if resident.load is None:
            resident.load = asyncio.create_task(self._load(resident), name=f"load {resident.label}")
            resident.load.add_done_callback(_retrieve)
            self._changed()
        load = resident.load
        try:
            return await asyncio.shield(load)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if load.cancelled() and not (task is not None and task.cancelling()):
                if self._is_closing:
                    raise shutting_down() from None
                raise RunnerError(f"{resident.label} was unloaded while it was loading") from None
            raise
        except DMRError as error:
            # Everyone who joined gets an exception of their own.
            raise error_from_info(error.info) from error

    # ---- loading ----

    async def _load(self, resident: Resident) -> Runner:
        try:
            await resident.supervisor.stopped()
            resident.supervisor.crashes.wait_seconds(time.monotonic())  # a crash loop evicts nobody
            found = await asyncio.to_thread(self._probes.inspect, resident.files)
            check_mode(found.abilities, resident.key.mode, is_wanted=self._is_wanted(resident))
            resident.config = self._configurations.config(resident.key)
            plan = plan_launch(
                resident.files, resident.key.mode, resident.config, found.shape, self._probes.available()
            )
            resident.need_bytes = plan.need_bytes
            await self._room.wait_for(resident.key, plan.need_bytes)
            resident.is_placed = True
            began = time.monotonic()
            runner = await resident.supervisor.start(plan.spec)
            resident.loaded_at = time.time()
            resident.idle_since = time.monotonic()
            seconds = resident.idle_since - began
            log.info("%s was loaded in %.1f s", resident.label, seconds)
            self._tell("load", subject_of(resident.key, resident.files), seconds)
            return runner
        except WrongMode:
            raise  # nothing was tried
        except DMRError:
            self._tell("load_failure", subject_of(resident.key, resident.files), 0.0)
            raise
        finally:
            resident.load = None
            resident.is_placed = False
            self._changed()

    def _is_wanted(self, resident: Resident) -> bool:
        """Whether somebody said that the model is for this mode. The demo model stands in for any kind of model."""
        is_demo = DEMO_REFERENCE in resident.files.model.tags
        return is_demo or self._configurations.entry(resident.key) is not None

    async def _make_go(self, keys: Sequence[RunnerKey]) -> None:
        victims = [resident.supervisor for resident in self._residents if resident.key in keys]
        for victim in victims:
            victim.begin_stop()
        await asyncio.gather(*(victim.stopped() for victim in victims))

    async def fit(self, files: ModelFiles, context_size: int | None) -> dict[str, JSON]:
        """Whether the model would fit if all idle runners were unloaded, see :mod:`fit`. Raises as ``inspect``."""
        found = await asyncio.to_thread(self._probes.inspect, files)
        return self.fit_shape(found.shape, files.model, context_size)

    def fit_shape(self, shape: ModelShape, model: Model, context_size: int | None) -> dict[str, JSON]:
        """The same of a model of which only the shape is here."""
        config = self._configurations.config(RunnerKey(DEFAULT_BACKEND, model.id, Mode.COMPLETION))
        wanted = context_size or config.context_size or model.config.context_size
        return fit(shape, wanted, config, obtainable_bytes(self._residents.tenants(), self._probes.available()))

    # ---- what there is ----

    def statuses(self) -> list[RunnerStatus]:
        """Every runner that is starting, ready, busy, stopping or has failed last, in order of their first use."""
        return [status for _, status, _ in self.subjects()]

    def subjects(self) -> list[tuple[Subject, RunnerStatus, Runner | None]]:
        """``statuses()``, whom each is for, and the runner of those that are ready."""
        return self._residents.subjects()

    @property
    def model_ids(self) -> frozenset[str]:
        """Of every runner in ``statuses()``."""
        return self._residents.model_ids

    def users(self, model_id: str) -> int:
        """Requests that use the model now, in any backend and mode (waiting ones included)."""
        return self._residents.users(model_id)

    # ---- configuration ----

    def configure(self, key: RunnerKey, entry: Configured | None) -> None:
        """Write it into the book; an idle runner that was started otherwise is evicted.

        Raises Conflict (409) if its runner is in use, and something else was configured so far.
        """
        before, resident = self._configurations.entry(key), self._residents.get(key)
        if resident is not None and (before and before.config) != (entry and entry.config):
            if resident.users:
                raise Conflict("runner already active", hint="wait until its requests have ended, or unload it")
            if resident.config != self._configurations.effective(entry):
                self._evict(resident)
        self._configurations.set(key, entry)

    # ---- unloading ----

    async def unload(
        self, model_id: str | None = None, *, backend: str | None = None, mode: Mode | None = None, force: bool = False
    ) -> int:
        """Stop matching runners (None matches all) and wait until they are gone; how many.

        Those in use are left alone unless ``force``; then their requests end with a Failed. A crash loop is forgiven.
        """
        wanted = self._residents.matching(model_id, backend, mode)
        victims = [resident for resident in wanted if force or not resident.users]
        loads = [resident.load for resident in victims if resident.load is not None]
        count = sum(self._evict(resident) for resident in victims)
        await asyncio.gather(*loads, return_exceptions=True)
        await asyncio.gather(*(resident.supervisor.stopped() for resident in victims))
        return count

    async def unload_when_idle(self, model_id: str) -> None:
        """Stop the model's runners that nobody uses; those in use, or waited for, go when their requests have ended."""
        for resident in self._residents.matching(model_id):
            resident.keep_alive_seconds = 0
        await self.unload(model_id)

    async def reload_dead(self) -> None:
        """Loads every idle runner anew that does not compute any more, e.g. since the computer slept."""
        idle = [resident for resident in self._residents if resident.is_idle]
        await asyncio.gather(*map(self._reload_if_dead, idle))

    async def _reload_if_dead(self, resident: Resident) -> None:
        key, files, label = resident.key, resident.files, resident.label
        runner = resident.supervisor.runner
        try:
            async with self.lease(files, key.mode, label, backend=key.backend) as leased:
                if leased is not runner or await computes(leased, key.mode, self._limits.patience.compute):
                    return
            if resident.supervisor.runner is runner:
                self._evict(resident, RunnerError(f"{label} did not answer any more and is loaded anew"))
            await self.preload(files, key.mode, label, backend=key.backend)
        except DMRError as error:
            log.warning("%s did not answer any more and could not be loaded anew: %s", label, error.message)
        else:
            log.warning("%s did not answer any more and was loaded anew", label)

    async def shutdown(self) -> None:
        """From now on ``lease`` raises ShuttingDown; open requests fail; all runners are stopped in parallel."""
        self._is_closing = True
        residents = list(self._residents)
        loads = [resident.load for resident in residents if resident.load is not None]
        for resident in residents:
            self._evict(resident, shutting_down())
        await asyncio.gather(*loads, return_exceptions=True)
        await asyncio.gather(*(resident.supervisor.stopped() for resident in residents))
        self._idle_clock.stop()

    def _evict(self, resident: Resident, because: DMRError | None = None) -> bool:
        """Begin to stop, also in the middle of loading; whether there was anything to stop."""
        was_there = resident.supervisor.runner is not None or resident.load is not None
        if resident.load is not None:
            resident.load.cancel()
        resident.supervisor.begin_stop(because or RunnerError(f"{resident.label} was unloaded"))
        self._changed()
        return was_there

    # ---- time ----

    def _changed(self) -> None:
        """After every change of any state: tidy up, wake those who wait for room, set the timer, tell the world."""
        self._residents.drop_stopped()
        self._room.changed()
        self._idle_clock.set()
        self._on_change()

    def _seconds_left(self) -> list[float]:
        return [] if self._is_closing else self._residents.seconds_left()

    def _unload_expired(self) -> None:
        for resident in self._residents:
            left = self._residents.expires_in(resident)
            if left is not None and left <= 0.001:
                resident.supervisor.begin_stop()
        self._idle_clock.set()

    def _keep_seconds(self, key: RunnerKey) -> float:
        configured = self._configurations.keep_alive_seconds(key)
        return self._limits.idle_timeout_seconds if configured is None else configured


def _retrieve(load: asyncio.Task[Runner]) -> None:
    """Those who asked may have left; then a failed load is no news."""
    if not load.cancelled():
        load.exception()
