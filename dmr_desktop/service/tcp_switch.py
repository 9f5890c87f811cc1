"""The switch of the TCP door: what the user wants, remembered over restarts, and what is true."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.listeners import Listeners
from dmr_desktop.service.switch_file import read_switch, write_switch

log = logging.getLogger(__name__)

_NAME = "TCP"


class TcpSwitch:
    """``file`` keeps the user's wish. ``announce`` is called after every change of ``status``."""

    def __init__(self, file: Path, default_port: int, announce: Callable[[TcpStatus], None]) -> None:
        self._file = file
        self._announce = announce
        self._listeners: Listeners | None = None
        self._changing = asyncio.Lock()
        self.status = _read(file, default_port)

    async def start(self, listeners: Listeners, *, opens: bool = True) -> None:
        """Open the door if the user wants it. A port in use is told in ``status`` only: the service works without."""
        self._listeners = listeners
        if self.status.enabled and opens:
            try:
                await self._open(self.status.port)
            except Conflict as error:
                log.warning("TCP stays closed: %s", error.message)
                self._set(self._status(True, False, self.status.port, error=error.message))

    async def set(
        self,
        enabled: bool,
        port: int | None = None,
        *,
        origins: Iterable[str] | None = None,
        remember: bool = True,
    ) -> TcpStatus:
        """Open or close. Raises Conflict if the port is not to be had; an open door then stays open.

        ``origins`` replaces the web origins allowed so far; None leaves them.
        """
        async with self._changing:
            wanted = port or self.status.port
            if enabled:
                if not self.status.listening or wanted != self.status.port:
                    await self._open_or_tell(wanted)
            elif self._listeners is not None:
                await self._listeners.close_tcp()
                self._set(self._status(False, False, wanted))
            if origins is not None:
                self._set(replace(self.status, origins=tuple(origins)))
            if remember:
                self._write()
            return self.status

    async def _open_or_tell(self, port: int) -> None:
        try:
            await self._open(port)
        except Conflict as error:
            if not self.status.listening:
                self._set(self._status(False, False, port, error=error.message))
            raise

    async def _open(self, port: int) -> None:
        if self._listeners is not None:
            addresses = await self._listeners.open_tcp(port)
            self._set(self._status(True, True, port, addresses))

    def _status(
        self, enabled: bool, listening: bool, port: int, addresses: tuple[str, ...] = (), error: str = ""
    ) -> TcpStatus:
        return TcpStatus(enabled, listening, port, addresses, error, self.status.origins)

    def _set(self, status: TcpStatus) -> None:
        if status != self.status:
            self.status = status
            self._announce(status)

    def _write(self) -> None:
        status = self.status
        members: dict[str, JSON] = {"enabled": status.enabled, "port": status.port, "origins": status.origins}
        write_switch(self._file, _NAME, members)


def _read(file: Path, default_port: int) -> TcpStatus:
    match read_switch(file, _NAME):
        case {"enabled": bool(enabled), "port": int(port), **others}:
            return TcpStatus(enabled, False, port, origins=_texts(others.get("origins")))
    return TcpStatus(False, False, default_port)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
