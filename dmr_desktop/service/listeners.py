"""The doors: the Unix socket, always open, TCP on loopback, for containers and for the local network, opened and closed
at run time, and other addresses of this machine, if so set.

Closing a door never touches a request that is being answered. Knows no routes and no settings.
"""

import asyncio
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import get_args

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from dmr_desktop.protocol.errors import Conflict, PortInUse
from dmr_desktop.service.access import Door
from dmr_desktop.service.http_protocol import BoundedProtocol
from dmr_desktop.service.machine import owner_of_port

log = logging.getLogger(__name__)

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
KEEP_ALIVE_SECONDS = 120
BACKLOG = 256


class Listeners:
    """All sockets of the service and the connections that came through them.

    ``extra_ports`` of loopback are open whenever TCP is, as far as they are to be had.
    """

    def __init__(self, app: ASGIApp, extra_ports: Sequence[int] = ()) -> None:
        self._config = Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        # One for each door, so that who crowds one of them keeps nobody out of another.
        self._states = {door: ServerState() for door in get_args(Door)}
        self._unix: asyncio.Server | None = None
        self._unix_path: Path | None = None
        self._tcp: list[asyncio.Server] = []
        self._container: list[asyncio.Server] = []
        self._network: list[asyncio.Server] = []
        self._lan: dict[str, asyncio.Server] = {}
        self._lan_port = 0
        self._extra_ports = extra_ports

    # ---- opening ----------------------------------------------------------------------------

    async def open_unix(self, path: Path) -> None:
        """Raises Conflict if somebody listens there, or something else is in the way."""
        self._unix = await self._listen(_bind_unix(path), "unix")
        self._unix_path = path

    async def open_tcp(self, port: int) -> tuple[str, ...]:
        """Listen on the loopback addresses of both families; returns them.

        Raises :class:`PortInUse`; an open door then stays as it is. One on another port is closed.
        """
        sockets = _bind_loopback(port)
        await self.close_tcp()
        extra: list[socket.socket] = []
        for other in self._extra_ports:
            try:
                extra += _bind_loopback(other)
            except PortInUse as error:
                log.warning("the extra port stays closed: %s", error.message)
        self._tcp = [await self._listen(sock, "tcp") for sock in (*sockets, *extra)]
        return tuple(host for _, host in LOOPBACK[: len(sockets)])

    async def open_container(self, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        """Listen for containers; returns the addresses that are to be had.

        Raises Conflict if none is; an open door then stays as it is.
        """
        found = _bind_any(addresses, port)
        await self.close_container()
        self._container = [await self._listen(sock, "container") for _, sock in found]
        return tuple(address for address, _ in found)

    async def open_network(self, addresses: Sequence[str], port: int) -> None:
        """Listen for those who have the API key. Raises Conflict if one of the addresses is not to be had."""
        for address in addresses:
            sock = _bind_address(address, port, hint="correct bind_addresses (DMR_BIND_ADDRESSES)")
            self._network.append(await self._listen(sock, "network"))

    async def open_lan(self, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        """Listen at these addresses and no others for those who have the API key; returns those to be had.

        Raises :class:`PortInUse` if there is none because of others' use of the port; then nothing is changed.
        Addresses that stay at their port are left alone.
        """
        kept = self._lan if port == self._lan_port else {}
        bound: dict[str, socket.socket] = {}
        problem: PortInUse | None = None
        for address in addresses:
            if address not in kept:
                try:
                    sock = _bind(_family(address), address, port)
                except PortInUse as error:
                    problem = PortInUse(f"{address}: {error.message}", hint=error.hint)
                else:
                    if sock is not None:
                        bound[address] = sock
        if problem is not None and not bound and not kept.keys() & set(addresses):
            raise problem
        gone = [address for address in self._lan if address not in kept or address not in addresses]
        self._close([self._lan.pop(address) for address in gone], "network")
        self._lan_port = port
        for address, sock in bound.items():
            self._lan[address] = await self._listen(sock, "network")
        return tuple(address for address in addresses if address in self._lan)

    async def _listen(self, sock: socket.socket, door: Door) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: BoundedProtocol(self._config, self._states[door], {"door": door}, loop), sock=sock, backlog=BACKLOG
        )

    # ---- closing ----------------------------------------------------------------------------

    async def close_tcp(self) -> None:
        """No new connections; idle ones are closed, busy ones after their answer."""
        servers, self._tcp = self._tcp, []
        self._close(servers, "tcp")

    async def close_container(self) -> None:
        """As ``close_tcp``."""
        servers, self._container = self._container, []
        self._close(servers, "container")

    async def close_lan(self) -> None:
        """As ``close_tcp``."""
        servers, self._lan = self._lan, {}
        self._close(servers.values(), "network")

    def _close(self, servers: Collection[asyncio.Server], door: Door) -> None:
        for server in servers:
            server.close()
        if servers:
            self._retire(door)

    def stop_accepting(self) -> None:
        unix = [self._unix] if self._unix else []
        for server in [*self._tcp, *self._container, *self._network, *self._lan.values(), *unix]:
            server.close()
        self._tcp, self._container, self._network, self._lan, self._unix = [], [], [], {}, None
        if self._unix_path is not None:
            self._unix_path.unlink(missing_ok=True)
            self._unix_path = None

    async def drain(self, seconds: float) -> None:
        """Wait until the answers under way are complete, at most so long; then cut them off."""
        self._retire(*self._states)
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=seconds)
        late = self._tasks()
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for state in self._states.values():
            for connection in list(state.connections):
                connection.transport.close()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for state in self._states.values() for task in state.tasks]

    def _retire(self, *doors: Door) -> None:
        for door in doors:
            for connection in list(self._states[door].connections):
                connection.shutdown()


def _bind_unix(path: Path) -> socket.socket:
    """Mode 0600; a directory made for it has mode 0700. A dead socket is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_dead_socket(path)
        sock.bind(str(path))
        path.chmod(0o600)  # nobody can connect before listen(), which comes later
    except OSError as error:
        sock.close()
        raise Conflict(f"the socket {path} cannot be opened: {error.strerror}") from error
    except Conflict:
        sock.close()
        raise
    return sock


def _remove_dead_socket(path: Path) -> None:
    if not path.is_socket():
        if path.exists():
            raise Conflict(f"{path} is in the way: it is not a socket", hint="remove it or choose another socket path")
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise Conflict(f"the socket {path} cannot be taken over: {error.strerror}") from error
    raise Conflict(f"another program listens on {path}", hint="stop it or choose another socket path")


def _bind_loopback(port: int) -> list[socket.socket]:
    sockets = []
    try:
        for family, host in LOOPBACK:
            sock = _bind(family, host, port)
            if sock is not None:
                sockets.append(sock)
    except PortInUse:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind_any(addresses: Sequence[str], port: int) -> list[tuple[str, socket.socket]]:
    found, problem = [], Conflict("no address for containers is set", hint="set container_addresses")
    for address in addresses:
        try:
            found.append((address, _bind_address(address, port, hint="is the container engine on?")))
        except Conflict as error:
            problem = error
    if not found:
        raise problem
    return found


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def _bind_address(address: str, port: int, *, hint: str) -> socket.socket:
    """Raises Conflict; ``hint`` is what to do if this machine has no such address."""
    try:
        sock = _bind(_family(address), address, port)
    except PortInUse as error:
        raise Conflict(f"{address}: {error.message}", hint=error.hint) from error
    if sock is None:
        raise Conflict(f"this machine has no network with the address {address}", hint=hint)
    return sock


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    """None if this machine has no such address."""
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        if os.name == "posix":  # elsewhere it would let two programs share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise _port_error(port, error) from error
    return sock


def _port_error(port: int, error: OSError) -> PortInUse:
    if error.errno == errno.EACCES:
        return PortInUse(f"port {port} is reserved by the system", hint="choose a port above 1023")
    return PortInUse(
        f"port {port} is in use by {owner_of_port(port)}", hint="stop that program, or choose another port"
    )
