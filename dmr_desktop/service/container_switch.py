"""The switch of container access: what the user wants, remembered over restarts, and what is true.

The addresses of container networks come and go with their engine, so an open switch looks for them again.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.listeners import Listeners
from dmr_desktop.service.switch_file import read_switch, write_switch

log = logging.getLogger(__name__)

RETRY_SECONDS = 15.0
_NAME = "container access"


class ContainerSwitch:
    """``file`` keeps the user's wish. ``announce`` is called after every change of ``status``."""

    def __init__(
        self, file: Path, addresses: tuple[str, ...], default_port: int, announce: Callable[[TcpStatus], None]
    ) -> None:
        self._file = file
        self._addresses = addresses
        self._announce = announce
        self._listeners: Listeners | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._again: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        enabled, port = _read(file, default_port)
        self.status = TcpStatus(enabled, False, port)

    async def start(self, listeners: Listeners) -> None:
        """Open the door if the user wants it; an address that is not there yet is told in ``status`` and waited for."""
        self._listeners = listeners
        if self.status.enabled:
            await self._try()

    async def set(self, enabled: bool, port: int | None = None) -> TcpStatus:
        """Open or close. Raises Conflict if no address is to be had; an open door then stays open."""
        async with self._changing:
            wanted = port or self.status.port
            if enabled and not (self.status.listening and wanted == self.status.port):
                await self._open(wanted)
            elif not enabled:
                await self._close(wanted)
            self._write()
            return self.status

    def close(self) -> None:
        """The service ends."""
        if self._retry is not None:
            self._retry.cancel()
        if self._again is not None and self._again is not asyncio.current_task():
            self._again.cancel()

    async def _open(self, port: int) -> None:
        assert self._listeners is not None
        try:
            found = await self._listeners.open_container(self._addresses, port)
        except Conflict as error:
            if not self.status.listening:
                self._set(TcpStatus(False, False, port, error=error.message))
            raise
        self._set(TcpStatus(True, True, port, found))

    async def _close(self, port: int) -> None:
        self.close()
        if self._listeners is not None:
            await self._listeners.close_container()
        self._set(TcpStatus(False, False, port))

    async def _try(self) -> None:
        assert self._listeners is not None
        port = self.status.port
        try:
            found = await self._listeners.open_container(self._addresses, port)
        except Conflict as error:
            if error.message != self.status.error:
                log.warning("containers cannot reach the service yet: %s", error.message)
            self._set(TcpStatus(True, False, port, error=error.message))
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._begin_again)
        else:
            self._set(TcpStatus(True, True, port, found))

    def _begin_again(self) -> None:
        self._again = asyncio.get_running_loop().create_task(self._try_again())

    async def _try_again(self) -> None:
        async with self._changing:
            if self.status.enabled and not self.status.listening:
                await self._try()

    def _set(self, status: TcpStatus) -> None:
        if status != self.status:
            self.status = status
            self._announce(status)

    def _write(self) -> None:
        write_switch(self._file, _NAME, {"enabled": self.status.enabled, "port": self.status.port})


def _read(file: Path, default_port: int) -> tuple[bool, int]:
    match read_switch(file, _NAME):
        case {"enabled": bool(enabled), "port": int(port)}:
            return enabled, port
    return False, default_port
