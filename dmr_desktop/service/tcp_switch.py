"""The switch of the TCP door: what the user wants, remembered over restarts, and what is true."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.listeners import Listeners

log = logging.getLogger(__name__)


class TcpSwitch:
    """``file`` keeps the user's wish. ``announce`` is called after every change of ``status``."""

    def __init__(self, file: Path, default_port: int, announce: Callable[[TcpStatus], None]) -> None:
        self._file = file
        self._announce = announce
        self._listeners: Listeners | None = None
        self.status = _read(file, default_port)

    async def start(self, listeners: Listeners, *, opens: bool = True) -> None:
        """Open the door if the user wants it. A port in use is told in ``status`` only: the service works without."""
        self._listeners = listeners
        if self.status.enabled and opens:
            try:
                await self._open(self.status.port)
            except Conflict as error:
                log.warning("TCP stays closed: %s", error.message)
                self._set(TcpStatus(True, False, self.status.port, error=error.message))

    async def set(self, enabled: bool, port: int | None = None, *, remember: bool = True) -> TcpStatus:
        """Open or close. Raises Conflict if the port is not to be had; an open door then stays open."""
        wanted = port or self.status.port
        if enabled:
            if self.status.listening and wanted == self.status.port:
                return self.status
            try:
                await self._open(wanted)
            except Conflict as error:
                if not self.status.listening:
                    self._set(TcpStatus(False, False, wanted, error=error.message))
                raise
        elif self._listeners is not None:
            await self._listeners.close_tcp()
            self._set(TcpStatus(False, False, wanted))
        if remember:
            self._write()
        return self.status

    async def _open(self, port: int) -> None:
        if self._listeners is not None:
            addresses = await self._listeners.open_tcp(port)
            self._set(TcpStatus(True, True, port, addresses))

    def _set(self, status: TcpStatus) -> None:
        if status != self.status:
            self.status = status
            self._announce(status)

    def _write(self) -> None:
        text = json.dumps({"enabled": self.status.enabled, "port": self.status.port})
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            log.warning("the state of the TCP switch cannot be remembered: %s", error)


def _read(file: Path, default_port: int) -> TcpStatus:
    """Off, if the file says nothing usable."""
    try:
        match json.loads(file.read_text(encoding="utf-8")):
            case {"enabled": bool(enabled), "port": int(port)} if 1 <= port <= 65535:
                return TcpStatus(enabled, False, port)
        log.warning("%s is not as expected: TCP is off", file)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s): TCP is off", file, error)
    return TcpStatus(False, False, default_port)
