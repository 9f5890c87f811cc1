"""One entry of the loader's book: a runner key, who uses it, and the supervisor of its process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from dmr_desktop.backends.base import Runner
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import RunnerConfig, RunnerKey, RunnerState, RunnerStatus
from dmr_desktop.service.memory import ProcessMemory
from dmr_desktop.service.placement import Tenancy, Tenant
from dmr_desktop.service.supervisor import Supervisor


@dataclass(slots=True)
class Resident:
    """Only the loader changes it. ``users`` counts the requests that use the runner or wait for it.

    ``load`` is the one task that brings the runner up, while there is one; ``is_placed`` once it has been given its
    room. ``idle_since`` is monotonic seconds; ``last_used`` and ``loaded_at`` are Unix seconds.
    """

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
        return self.supervisor.runner is not None and self.load is None and not self.users

    def expires_in(self, keep_seconds: float) -> float | None:
        """Seconds until it is to be unloaded, if it is idle; None: not at all.

        ``keep_seconds`` holds where no lease has said otherwise; negative: for ever.
        """
        if not self.is_idle:
            return None
        keep = keep_seconds if self.keep_alive_seconds is None else self.keep_alive_seconds
        return None if keep < 0 else self.idle_since + keep - time.monotonic()

    def tenant(self, memory_of: Callable[[int], ProcessMemory]) -> Tenant | None:
        """How placement sees it; None if it takes no room."""
        if self.supervisor.pid is None:
            return Tenant(self.key, Tenancy.COMING, reserved_bytes=self.need_bytes) if self.is_placed else None
        held = memory_of(self.supervisor.pid)
        tenancy = Tenancy.BUSY if self.users else Tenancy.IDLE
        if self.supervisor.runner is None:
            tenancy = Tenancy.LEAVING
        growth = max(0, self.need_bytes - held.private_bytes - held.mapped_bytes)
        return Tenant(self.key, tenancy, held.private_bytes, held.mapped_bytes, growth, self.idle_since)

    def status(self, expires_in: float | None, memory_of: Callable[[int], ProcessMemory]) -> RunnerStatus:
        supervisor = self.supervisor
        held = memory_of(supervisor.pid) if supervisor.pid is not None else ProcessMemory()
        return RunnerStatus(
            backend=self.key.backend,
            model_id=self.key.model_id,
            model_name=self.label,
            mode=self.key.mode,
            state=self.state,
            pid=supervisor.pid,
            active_requests=self.users,
            last_used=self.last_used,
            loaded_at=self.loaded_at,
            expires_at=None if expires_in is None else time.time() + expires_in,
            memory_bytes=held.private_bytes + held.mapped_bytes,
            card_bytes=held.card_bytes,
            error=supervisor.error.message if supervisor.error else "",
            facts=supervisor.runner.facts if supervisor.runner else None,
        )
