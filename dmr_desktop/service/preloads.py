"""Models that are loaded ahead, because they have just been configured and will be asked something soon."""

import asyncio
import logging
from functools import partial

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerKey
from dmr_desktop.service.loader import Loader

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


class Preloads:
    """Nobody waits for them: one that fails or takes too long is only logged."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._tasks: dict[RunnerKey, asyncio.Task[None]] = {}

    def begin(self, files: ModelFiles, mode: Mode, label: str) -> None:
        """In the place of an earlier one, which must have been dropped."""
        key = RunnerKey(DEFAULT_BACKEND, files.model.id, mode)
        self._tasks[key] = asyncio.create_task(self._load(files, mode, label), name=f"preload {label}")
        self._tasks[key].add_done_callback(partial(self._forget, key))

    async def drop(self, key: RunnerKey) -> None:
        """What is loaded ahead keeps nobody from configuring it anew. Once this returns, there is none for ``key``."""
        while (task := self._tasks.get(key)) is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        for key in list(self._tasks):
            await self.drop(key)

    def _forget(self, key: RunnerKey, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _load(self, files: ModelFiles, mode: Mode, label: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._loader.preload(files, mode, label)
        except (DMRError, TimeoutError) as error:
            log.warning("%s could not be loaded ahead: %s", files.model.id, error)
