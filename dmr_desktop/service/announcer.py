"""What changes in the service, as the notices of ``/events``."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from dmr_desktop.protocol import wire
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.notices import PullStatus, RequestNotice
from dmr_desktop.protocol.runners import RunnerStatus
from dmr_desktop.service.bus import Bus

_RUNNERS_SECONDS = 0.05
"""Runners change several times a request; their notice goes out at most this often."""


class Announcer:
    """Costs nothing while nobody listens. ``models`` and ``runners`` are asked when theirs have changed."""

    def __init__(
        self,
        bus: Bus,
        *,
        models: Callable[[], Awaitable[Sequence[Model]]],
        runners: Callable[[], Sequence[RunnerStatus]],
    ) -> None:
        self._bus = bus
        self._models = models
        self._runners = runners
        self._reading: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def models_changed(self) -> None:
        if self._bus.has_listeners:
            task = asyncio.create_task(self._tell_models(), name="announce models")
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    def runners_changed(self) -> None:
        if self._timer is None and self._bus.has_listeners:
            self._timer = asyncio.get_running_loop().call_later(_RUNNERS_SECONDS, self._tell_runners)

    def pull(self, status: PullStatus) -> None:
        self._bus.publish("pull", lambda: wire.dump(status), item=status.reference)

    def request(self, notice: RequestNotice) -> None:
        self._bus.publish("request", lambda: wire.dump(notice), item=notice.id)

    def state(self, section: str, value: object) -> None:
        """The whole of a section that is one value: a switch's status, a measurement."""
        self._bus.publish(section, lambda: wire.dump(value))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def _tell_models(self) -> None:
        models = await self._models()
        self._bus.publish("models", lambda: {"models": [model_notice(model) for model in models]})

    def _tell_runners(self) -> None:
        self._timer = None
        self._bus.publish("runners", lambda: {"runners": wire.dump(self._runners())})


def model_notice(model: Model) -> dict[str, JSON]:
    return {**model.to_json(), "size_bytes": model.size_bytes}
