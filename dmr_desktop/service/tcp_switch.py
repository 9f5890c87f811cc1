"""The switch of the TCP door: what the user wants, remembered over restarts, and what is true."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus
from dmr_desktop.service.api_keys import ApiKeys
from dmr_desktop.service.listeners import Listeners
from dmr_desktop.service.local_network import local_addresses
from dmr_desktop.service.network_door import NetworkDoor
from dmr_desktop.service.switch_file import read_switch, write_switch

log = logging.getLogger(__name__)

_NAME = "TCP"


class TcpSwitch:
    """``file`` keeps the user's wish. ``announce`` is called after every change of ``status``.

    The door has two sides: this computer's, which is open whenever the door is, and the local network's, which needs
    one of ``keys`` and listens where ``find`` says. Closing the door forgets that the network's side was open.
    """

    def __init__(
        self,
        file: Path,
        default_port: int,
        announce: Callable[[TcpStatus], None],
        keys: ApiKeys,
        find: Callable[[], tuple[str, ...]] = local_addresses,
    ) -> None:
        self._file = file
        self._announce = announce
        self._listeners: Listeners | None = None
        self._changing = asyncio.Lock()
        self._network = NetworkDoor(keys, find, self._changing, self._network_changed)
        self.status = _read(file, default_port)
        self._network.wish(self.status.network.enabled)
        self.status = replace(self.status, network=self._network.status)

    async def start(self, listeners: Listeners, *, opens: bool = True) -> None:
        """Open the door if the user wants it. A port in use is told in ``status`` only: the service works without."""
        self._listeners = listeners
        if self.status.enabled and opens:
            async with self._changing:
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
        network: bool | None = None,
        key: str | None = None,
        remember: bool = True,
    ) -> TcpStatus:
        """Open or close. Raises Conflict if the port is not to be had; an open door then stays open.

        ``origins`` replaces the web origins allowed so far; None leaves them. ``network`` opens or closes the local
        network's side, ``key`` is from now on the API key; None leaves each.
        """
        async with self._changing:
            wanted = port or self.status.port
            if enabled:
                if network and key is None and not self._network.has_key:
                    raise Conflict("the local network is let in only with an API key", hint="make one with it")
                await self._open_all(wanted, network, key)
            else:
                await self._close(wanted)
                if key is not None:
                    self._network.use_key(key)
            if origins is not None:
                self._set(replace(self.status, origins=tuple(origins)))
            if remember:
                self._write()
            return self.status

    def close(self) -> None:
        """The service ends."""
        self._network.stop()

    async def _open_all(self, port: int, network: bool | None, key: str | None) -> None:
        was_open = self.status.listening
        if not was_open or port != self.status.port:
            await self._open_or_tell(port)
        if self._listeners is None:
            return
        if network is False:
            await self._network.close(self._listeners)
        try:
            if network:
                await self._network.open(self._listeners, port)
            if key is not None:
                self._network.use_key(key)
        except Conflict:
            if network:
                await self._network.close(self._listeners)
            if not was_open:
                await self._close(port)
            raise

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
            if self.status.network.enabled:
                await self._network.resume(self._listeners, port)

    async def _close(self, port: int) -> None:
        if self._listeners is not None:
            await self._network.close(self._listeners)
            await self._listeners.close_tcp()
            self._set(self._status(False, False, port))

    def _status(
        self, enabled: bool, listening: bool, port: int, addresses: tuple[str, ...] = (), error: str = ""
    ) -> TcpStatus:
        network = self._network.status
        return TcpStatus(enabled, listening, port, addresses, error, self.status.origins, network)

    def _network_changed(self, network: NetworkStatus) -> None:
        self._set(replace(self.status, network=network))

    def _set(self, status: TcpStatus) -> None:
        if status != self.status:
            self.status = status
            self._announce(status)

    def _write(self) -> None:
        status = self.status
        members: dict[str, JSON] = {
            "enabled": status.enabled,
            "port": status.port,
            "origins": status.origins,
            "network": status.network.enabled,
        }
        write_switch(self._file, _NAME, members)


def _read(file: Path, default_port: int) -> TcpStatus:
    match read_switch(file, _NAME):
        case {"enabled": bool(enabled), "port": int(port), **others}:
            network = NetworkStatus(enabled and others.get("network") is True)
            return TcpStatus(enabled, False, port, origins=_texts(others.get("origins")), network=network)
    return TcpStatus(False, False, default_port)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
