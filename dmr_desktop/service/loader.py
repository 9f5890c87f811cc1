"""Which models are loaded: leases, joined loads, idle unloading, eviction, configurations.

Owned by the service's event loop; nothing here is thread-safe. It knows nothing of HTTP or of processes.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from dmr_desktop.backends.base import DEFAULT_BACKEND, Backend, LogLine, Runner
from dmr_desktop.protocol.errors import (
    BackendNotFound,
    Conflict,
    DMRError,
    QueueFull,
    RunnerError,
    ShuttingDown,
    error_from_info,
)
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig, RunnerKey, RunnerState, RunnerStatus
from dmr_desktop.service.memory import ProcessMemory, available_bytes, process_memory
from dmr_desktop.service.model_check import inspect_model
from dmr_desktop.service.placement import (
    Evict,
    Go,
    Machine,
    ModelShape,
    Tenancy,
    Tenant,
    Wait,
    decide,
    default_seats,
    estimate_bytes,
)
from dmr_desktop.service.supervisor import Patience, Supervisor

_LOOK_AGAIN_SECONDS = 1.0  # other programs give memory back without telling us


@dataclass(frozen=True, slots=True)
class LoaderLimits:
    """``seats`` None: min(CPU count, 8), at least 2. ``max_queue`` requests may wait per runner beyond its sequences."""

    idle_timeout_seconds: float = 300.0
    max_queue: int = 64
    num_sequences: int = 8
    threads: int | None = None
    seats: int | None = None
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True)
class Probes:
    """The loader's view of the machine, replaceable in tests. ``inspect`` may block and raise UnsupportedModel."""

    inspect: Callable[[ModelFiles], ModelShape] = inspect_model
    available: Callable[[], int] = available_bytes
    process: Callable[[int], ProcessMemory] = process_memory


@dataclass(slots=True)
class _Tenant:
    """One key: what is served, by whom it is used, and its supervisor. ``users`` counts those who wait, too."""

    key: RunnerKey
    files: ModelFiles
    label: str
    supervisor: Supervisor
    config: RunnerConfig
    users: int = 0
    load: asyncio.Task[Runner] | None = None
    is_placed: bool = False
    need_bytes: int = 0
    keep_alive_seconds: float | None = None
    idle_since: float = 0.0
    last_used: float = 0.0
    loaded_at: float = 0.0

    @property
    def state(self) -> RunnerState:
        state = self.supervisor.state
        if self.load is not None and state is not RunnerState.STOPPING:
            return RunnerState.STARTING
        return RunnerState.BUSY if state is RunnerState.READY and self.users else state

    @property
    def is_idle(self) -> bool:
        return self.supervisor.runner is not None and not self.users


class Loader:
    """``lease`` a runner, tell its state, unload it.

    ``on_change`` is called (synchronously, on the loop) after every change of ``statuses()``.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        limits: LoaderLimits = LoaderLimits(),
        *,
        log: Callable[[RunnerKey, str], LogLine] = lambda key, label: lambda line: None,
        on_change: Callable[[], None] = lambda: None,
        probes: Probes = Probes(),
    ) -> None:
        self._backends = backends
        self._limits = limits
        self._seats = limits.seats or default_seats(os.cpu_count())
        self._log = log
        self._on_change = on_change
        self._probes = probes
        self._tenants: dict[RunnerKey, _Tenant] = {}
        self._configurations: dict[RunnerKey, RunnerConfig] = {}
        self._waiting_for_room: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
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

        Raises BackendNotFound, QueueFull, DoesNotFit, CrashLoop, ShuttingDown, and what the runner says about the
        model (UnsupportedModel, RunnerStartFailed, RunnerCrashed).
        """
        tenant = self._enter(RunnerKey(backend, files.model.id, mode), files, label)
        if keep_alive_seconds is not None:
            tenant.keep_alive_seconds = keep_alive_seconds
        try:
            yield await self._ready_runner(tenant)
        finally:
            # Synchronous: a client that went away must not be able to interrupt it.
            self._leave(tenant)

    async def preload(self, files: ModelFiles, mode: Mode, label: str, *, backend: str = DEFAULT_BACKEND) -> None:
        """Load without using. Raises as ``lease``."""
        async with self.lease(files, mode, label, backend=backend):
            pass

    def _enter(self, key: RunnerKey, files: ModelFiles, label: str) -> _Tenant:
        if self._is_closing:
            raise ShuttingDown("the service is shutting down")
        backend = self._backends.get(key.backend)
        if backend is None:
            raise BackendNotFound(f"unknown backend {key.backend!r}", hint=f"there are: {', '.join(self._backends)}")
        tenant = self._tenants.get(key)
        if tenant is None:
            supervisor = Supervisor(backend, self._log(key, label), self._changed, self._limits.patience)
            tenant = _Tenant(key, files, label, supervisor, self.configuration(key))
            self._tenants[key] = tenant
        if tenant.users >= tenant.config.num_sequences + self._limits.max_queue:
            raise QueueFull(
                f"{tenant.users} requests for {label} are already running or waiting",
                hint="try again in a moment",
            )
        tenant.users += 1
        if tenant.users == 1:
            self._changed()
        return tenant

    def _leave(self, tenant: _Tenant) -> None:
        tenant.users -= 1
        tenant.last_used = time.time()
        if not tenant.users:
            tenant.idle_since = time.monotonic()
            if tenant.load is not None and not tenant.is_placed:
                tenant.load.cancel()  # it only waited for room, and nobody wants it any more
        self._changed()

    async def _ready_runner(self, tenant: _Tenant) -> Runner:
        if tenant.supervisor.runner is not None:
            return tenant.supervisor.runner
        if tenant.load is None:
            tenant.load = asyncio.create_task(self._load(tenant), name=f"load {tenant.label}")
            tenant.load.add_done_callback(_retrieve)
            self._changed()
        load = tenant.load
        try:
            return await asyncio.shield(load)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if load.cancelled() and not (task is not None and task.cancelling()):
                if self._is_closing:
                    raise ShuttingDown("the service is shutting down") from None
                raise RunnerError(f"{tenant.label} was unloaded while it was loading") from None
            raise
        except DMRError as error:
            # Everyone who joined gets an exception of their own.
            raise error_from_info(error.info) from error

    # ---- loading ----

    async def _load(self, tenant: _Tenant) -> Runner:
        try:
            await tenant.supervisor.stopped()
            tenant.supervisor.crashes.wait_seconds(time.monotonic())  # a crash loop evicts nobody
            shape = await asyncio.to_thread(self._probes.inspect, tenant.files)
            tenant.config = self.configuration(tenant.key)
            default_context = tenant.files.model.config.context_size
            tenant.need_bytes = estimate_bytes(shape, tenant.config.context_size or default_context)
            await self._wait_for_room(tenant)
            runner = await tenant.supervisor.start(
                LaunchSpec(
                    weights=str(tenant.files.weights),
                    mode=tenant.key.mode,
                    config=tenant.config,
                    mmproj=str(tenant.files.mmproj) if tenant.files.mmproj else None,
                    chat_template=str(tenant.files.chat_template) if tenant.files.chat_template else None,
                    default_context_size=default_context,
                )
            )
            tenant.loaded_at = time.time()
            tenant.idle_since = time.monotonic()
            return runner
        finally:
            tenant.load = None
            tenant.is_placed = False
            self._changed()

    async def _wait_for_room(self, tenant: _Tenant) -> None:
        while True:
            others = [self._as_value(other) for other in self._tenants.values() if other is not tenant]
            machine = Machine(self._seats, self._probes.available())
            match decide(tenant.need_bytes, [other for other in others if other is not None], machine):
                case Go():
                    tenant.is_placed = True
                    return
                case Evict(keys):
                    victims = [self._tenants[key].supervisor for key in keys]
                    for victim in victims:
                        victim.begin_stop()
                    await asyncio.gather(*(victim.stopped() for victim in victims))
                case Wait():
                    await self._wait_for_change()

    def _as_value(self, tenant: _Tenant) -> Tenant | None:
        """How placement sees a runner; None if it takes no room."""
        runner = tenant.supervisor.runner
        if runner is not None:
            held = self._probes.process(runner.pid)
            tenancy = Tenancy.BUSY if tenant.users else Tenancy.IDLE
            return Tenant(tenant.key, tenancy, held.private_bytes, held.mapped_bytes, idle_since=tenant.idle_since)
        if tenant.supervisor.state is RunnerState.STOPPING:
            return Tenant(tenant.key, Tenancy.LEAVING)
        if tenant.is_placed:
            return Tenant(tenant.key, Tenancy.COMING, reserved_bytes=tenant.need_bytes)
        return None

    async def _wait_for_change(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting_for_room.add(future)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await future
        finally:
            self._waiting_for_room.discard(future)

    # ---- what there is ----

    def statuses(self) -> list[RunnerStatus]:
        """Every runner that is starting, ready, busy, stopping or has failed last, in order of their first use."""
        found = []
        for tenant in self._tenants.values():
            supervisor = tenant.supervisor
            if tenant.state is RunnerState.STOPPED:
                continue
            pid = supervisor.runner.pid if supervisor.runner else None
            held = self._probes.process(pid) if pid else ProcessMemory()
            expires_in = self._expires_in(tenant)
            found.append(
                RunnerStatus(
                    backend=tenant.key.backend,
                    model_id=tenant.key.model_id,
                    model_name=tenant.label,
                    mode=tenant.key.mode,
                    state=tenant.state,
                    pid=pid,
                    active_requests=tenant.users,
                    last_used=tenant.last_used,
                    loaded_at=tenant.loaded_at,
                    expires_at=None if expires_in is None else time.time() + expires_in,
                    memory_bytes=held.private_bytes + held.mapped_bytes,
                    error=supervisor.error.message if supervisor.error else "",
                    facts=supervisor.runner.facts if supervisor.runner else None,
                )
            )
        return found

    def users(self, model_id: str) -> int:
        """Requests that use the model now, in any backend and mode (waiting ones included)."""
        return sum(tenant.users for tenant in self._tenants.values() if tenant.key.model_id == model_id)

    # ---- configurations ----

    def configure(self, key: RunnerKey, config: RunnerConfig) -> None:
        """Store; an idle runner with another configuration is evicted. Raises Conflict (409) if it is in use."""
        if self._configurations.get(key) == config:
            return
        tenant = self._tenants.get(key)
        if tenant is not None:
            if tenant.users:
                raise Conflict("runner already active", hint="wait until its requests have ended, or unload it")
            self._evict(tenant)
        self._configurations[key] = config

    def configuration(self, key: RunnerKey) -> RunnerConfig:
        """What a runner for ``key`` is started with: what was configured, else the service's defaults."""
        config = self._configurations.get(key)
        if config is None:
            return RunnerConfig(num_sequences=self._limits.num_sequences, threads=self._limits.threads)
        return config if config.threads is not None else replace(config, threads=self._limits.threads)

    def configurations(self) -> Mapping[RunnerKey, RunnerConfig]:
        """What ``configure`` stored."""
        return dict(self._configurations)

    def forget(self, keys: Collection[RunnerKey] | None = None) -> None:
        """Drop configurations: these, or all."""
        for key in list(self._configurations) if keys is None else keys:
            self._configurations.pop(key, None)

    # ---- unloading ----

    async def unload(
        self, model_id: str | None = None, *, backend: str | None = None, mode: Mode | None = None, force: bool = False
    ) -> int:
        """Stop matching runners (None matches all) and wait until they are gone; how many.

        Those in use are left alone unless ``force``; then their requests end with a Failed. A crash loop is forgiven.
        """
        wanted = [
            tenant
            for key, tenant in self._tenants.items()
            if model_id in (None, key.model_id) and backend in (None, key.backend) and mode in (None, key.mode)
        ]
        victims = [tenant for tenant in wanted if force or not tenant.users]
        count = sum(self._evict(tenant) for tenant in victims)
        await asyncio.gather(*(tenant.supervisor.stopped() for tenant in victims))
        return count

    async def unload_all(self) -> int:
        """``unload()`` of everything idle, and ``forget()``."""
        self.forget()
        return await self.unload()

    async def shutdown(self) -> None:
        """From now on ``lease`` raises ShuttingDown; open requests fail; all runners are stopped in parallel."""
        self._is_closing = True
        tenants = list(self._tenants.values())
        loads = [tenant.load for tenant in tenants if tenant.load is not None]
        for tenant in tenants:
            self._evict(tenant, ShuttingDown("the service is shutting down"))
        await asyncio.gather(*loads, return_exceptions=True)
        await asyncio.gather(*(tenant.supervisor.stopped() for tenant in tenants))
        if self._timer is not None:
            self._timer.cancel()

    def _evict(self, tenant: _Tenant, because: DMRError | None = None) -> bool:
        """Begin to stop, also in the middle of loading; whether there was anything to stop."""
        was_there = tenant.supervisor.runner is not None or tenant.load is not None
        if tenant.load is not None:
            tenant.load.cancel()
        tenant.supervisor.begin_stop(because or RunnerError(f"{tenant.label} was unloaded"))
        self._changed()
        return was_there

    # ---- time ----

    def _changed(self) -> None:
        """After every change of any state: tidy up, wake those who wait for room, set the timer, tell the world."""
        for key, tenant in list(self._tenants.items()):
            if tenant.state is RunnerState.STOPPED and not tenant.users:
                del self._tenants[key]
        for future in self._waiting_for_room:
            if not future.done():
                future.set_result(None)
        self._set_timer()
        self._on_change()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [left for left in map(self._expires_in, self._tenants.values()) if left is not None]
        if times and not self._is_closing:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(times)), self._unload_expired)

    def _unload_expired(self) -> None:
        for tenant in list(self._tenants.values()):
            left = self._expires_in(tenant)
            if left is not None and left <= 0.001:
                tenant.supervisor.begin_stop()
        self._set_timer()

    def _expires_in(self, tenant: _Tenant) -> float | None:
        """Seconds until an idle runner is unloaded (monotonic: a suspended laptop does not count); None: never."""
        if not tenant.is_idle or tenant.load is not None:
            return None
        keep = tenant.keep_alive_seconds
        if keep is None:
            keep = self.configuration(tenant.key).keep_alive_seconds
        if keep is None:
            keep = self._limits.idle_timeout_seconds
        return None if keep < 0 else tenant.idle_since + keep - time.monotonic()


def _retrieve(load: asyncio.Task[Runner]) -> None:
    """Those who asked may have left; then a failed load is no news."""
    if not load.cancelled():
        load.exception()
