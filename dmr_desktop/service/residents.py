"""The loader's book: every runner that there is, and what can be said of all of them. Only the loader writes in it."""

from collections.abc import Callable, Iterator

from dmr_desktop.backends.base import Runner
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerKey, RunnerState, RunnerStatus
from dmr_desktop.service.memory import ProcessMemory
from dmr_desktop.service.placement import Tenant
from dmr_desktop.service.recorder import Subject
from dmr_desktop.service.resident import Resident


class Residents:
    """In order of their first use. ``memory_of`` tells what a process holds; ``keep_seconds`` how long a runner stays
    idle where no lease has said otherwise, negative: for ever."""

    def __init__(self, memory_of: Callable[[int], ProcessMemory], keep_seconds: Callable[[RunnerKey], float]) -> None:
        self._memory_of = memory_of
        self._keep_seconds = keep_seconds
        self._entries: dict[RunnerKey, Resident] = {}

    def __iter__(self) -> Iterator[Resident]:
        """Those there are now; the book may change meanwhile."""
        return iter(list(self._entries.values()))

    def get(self, key: RunnerKey) -> Resident | None:
        return self._entries.get(key)

    def add(self, resident: Resident) -> None:
        self._entries[resident.key] = resident

    def drop_stopped(self) -> None:
        """Strike out those that are gone and that nobody waits for."""
        for resident in self:
            if resident.state is RunnerState.STOPPED and not resident.users:
                del self._entries[resident.key]

    def matching(
        self, model_id: str | None = None, backend: str | None = None, mode: Mode | None = None
    ) -> list[Resident]:
        """None matches all."""
        return [
            resident
            for resident in self
            if model_id in (None, resident.key.model_id)
            and backend in (None, resident.key.backend)
            and mode in (None, resident.key.mode)
        ]

    # ---- what there is ----

    @property
    def model_ids(self) -> frozenset[str]:
        return frozenset(key.model_id for key in self._entries)

    def users(self, model_id: str) -> int:
        """Requests that use the model now, in any backend and mode (waiting ones included)."""
        return sum(resident.users for resident in self.matching(model_id))

    def subjects(self) -> list[tuple[Subject, RunnerStatus, Runner | None]]:
        """Of each that is not stopped, or has failed: whom it is for, its status, and the runner if it is ready."""
        return [
            (
                subject_of(resident.key, resident.files),
                resident.status(self.expires_in(resident), self._memory_of),
                resident.supervisor.runner,
            )
            for resident in self
            if resident.state is not RunnerState.STOPPED
        ]

    def tenants(self, but: RunnerKey | None = None) -> list[Tenant]:
        """Who has a seat, besides one."""
        others = (resident for resident in self if resident.key != but)
        return [tenant for other in others if (tenant := other.tenant(self._memory_of)) is not None]

    # ---- time ----

    def expires_in(self, resident: Resident) -> float | None:
        """Seconds until it is to be unloaded, if it is idle; None: not at all."""
        return resident.expires_in(self._keep_seconds(resident.key))

    def seconds_left(self) -> list[float]:
        """Of all that are idle and do not stay for ever."""
        return [seconds for resident in self if (seconds := self.expires_in(resident)) is not None]


def subject_of(key: RunnerKey, files: ModelFiles) -> Subject:
    """The name that the model is stored under, not the spelling of the request that loaded it."""
    return Subject(next(iter(files.model.tags), key.model_id), key.mode)
