"""Models that are loaded ahead, because they have just been configured and will be asked something soon."""

import asyncio
import logging

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import Mode
from dmr_desktop.service.loader import Loader

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


class Preloads:
    """Nobody waits for them: one that fails or takes too long is only logged."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, files: ModelFiles, mode: Mode, label: str) -> None:
        task = asyncio.create_task(self._load(files, mode, label), name=f"preload {label}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _load(self, files: ModelFiles, mode: Mode, label: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._loader.preload(files, mode, label)
        except (DMRError, TimeoutError) as error:
            log.warning("%s could not be loaded ahead: %s", files.model.id, error)
