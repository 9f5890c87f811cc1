"""Which models are loaded: leases, joined loads, idle unloading, eviction, configurations.

Owned by the service's event loop; nothing here is thread-safe. It knows nothing of HTTP or of processes.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dmr_desktop.backends.base import DEFAULT_BACKEND, Backend, LogLine, Runner
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey, RunnerStatus


@dataclass(frozen=True, slots=True)
class LoaderLimits:
    """``seats`` None: min(CPU count, 8), at least 2. ``max_queue`` requests may wait per runner beyond its sequences."""

    idle_timeout_seconds: float = 300.0
    max_queue: int = 64
    num_sequences: int = 8
    threads: int | None = None
    seats: int | None = None


class Loader:
    """``lease`` a runner, tell its state, unload it.

    ``on_change`` is called (synchronously, on the loop) after every change of ``statuses()``.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        limits: LoaderLimits,
        *,
        log: Callable[[RunnerKey, str], LogLine] | None = None,
        available_memory: Callable[[], int] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None: ...

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
        raise NotImplementedError
        yield

    async def preload(self, files: ModelFiles, mode: Mode, label: str, *, backend: str = DEFAULT_BACKEND) -> None:
        """Load without using. Raises as ``lease``."""

    def statuses(self) -> list[RunnerStatus]:
        """Every runner that is starting, ready, busy, stopping or has failed last, oldest first."""
        raise NotImplementedError

    def users(self, model_id: str) -> int:
        """Requests that use the model now, in any backend and mode (waiting ones included)."""
        raise NotImplementedError

    def configure(self, key: RunnerKey, config: RunnerConfig) -> None:
        """Store; an idle runner with another configuration is evicted. Raises Conflict (409) if it is in use."""

    def configurations(self) -> Mapping[RunnerKey, RunnerConfig]:
        """What ``configure`` stored."""
        raise NotImplementedError

    def forget(self, keys: set[RunnerKey] | None = None) -> None:
        """Drop configurations: these, or all."""

    async def unload(
        self, model_id: str | None = None, *, backend: str | None = None, mode: Mode | None = None, force: bool = False
    ) -> int:
        """Stop matching runners (None matches all) and wait until they are gone; how many.

        Those in use are left alone unless ``force``; then their requests end with a Failed.
        """
        raise NotImplementedError

    async def unload_all(self) -> int:
        """``unload()`` of everything idle, and ``forget()``."""
        raise NotImplementedError

    async def shutdown(self) -> None:
        """From now on ``lease`` raises ShuttingDown; open requests fail; all runners are stopped in parallel."""
