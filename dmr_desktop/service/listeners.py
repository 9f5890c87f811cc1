"""The doors: the Unix socket, always open, and TCP on loopback, opened and closed at run time.

Closing a door never touches a request that is being answered. Knows no routes and no settings.
"""

import asyncio
import errno
import os
import socket
from pathlib import Path
from typing import Literal, TypeAlias

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from dmr_desktop.protocol.errors import Conflict, PortInUse
from dmr_desktop.service.http_protocol import BoundedProtocol
from dmr_desktop.service.machine import owner_of_port

Door: TypeAlias = Literal["unix", "tcp"]
"""``scope["state"]["door"]``: by which one a request came."""

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
KEEP_ALIVE_SECONDS = 120
BACKLOG = 256


class Listeners:
    """All sockets of the service and the connections that came through them."""

    def __init__(self, app: ASGIApp) -> None:
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
        self._state = ServerState()
        self._unix: asyncio.Server | None = None
        self._unix_path: Path | None = None
        self._tcp: list[asyncio.Server] = []

    # ---- opening ----------------------------------------------------------------------------

    async def open_unix(self, path: Path) -> None:
        """Raises Conflict if somebody listens there, or something else is in the way."""
        self._unix = await self._listen(_bind_unix(path), "unix")
        self._unix_path = path

    async def open_tcp(self, port: int) -> tuple[str, ...]:
        """Listen on the loopback addresses of both families; returns them.

        Raises :class:`PortInUse`; an open door then stays as it is. One on another port is closed.
        """
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
        await self.close_tcp()
        self._tcp = [await self._listen(sock, "tcp") for sock in sockets]
        return tuple(host for _, host in LOOPBACK[: len(sockets)])

    async def _listen(self, sock: socket.socket, door: Door) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: BoundedProtocol(self._config, self._state, {"door": door}, loop), sock=sock, backlog=BACKLOG
        )

    # ---- closing ----------------------------------------------------------------------------

    async def close_tcp(self) -> None:
        """No new connections; idle ones are closed, busy ones after their answer."""
        servers, self._tcp = self._tcp, []
        for server in servers:
            server.close()
        if servers:
            self._retire("tcp")

    def stop_accepting(self) -> None:
        for server in [*self._tcp, *([self._unix] if self._unix else [])]:
            server.close()
        self._tcp, self._unix = [], None
        if self._unix_path is not None:
            self._unix_path.unlink(missing_ok=True)
            self._unix_path = None

    async def drain(self, seconds: float) -> None:
        """Wait until the answers under way are complete, at most so long; then cut them off."""
        self._retire(None)
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks), timeout=seconds)
        late = list(self._state.tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for connection in list(self._state.connections):
            connection.transport.close()

    def _retire(self, door: Door | None) -> None:
        for connection in list(self._state.connections):
            if door is None or connection.app_state["door"] == door:
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


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    """None if this machine has no such address family."""
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
        if family == socket.AF_INET6 and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise _port_error(port, error) from error
    return sock


def _port_error(port: int, error: OSError) -> PortInUse:
    if error.errno == errno.EACCES:
        return PortInUse(f"port {port} is reserved by the system", hint="choose a port above 1023")
    return PortInUse(
        f"port {port} is in use by {owner_of_port(port)}", hint="stop that program, or choose another port"
    )
