"""Verbs about the service itself: ``serve --detach`` ``status`` ``enable`` ``disable`` ``stop`` ``version``."""

import platform
import sys
from argparse import Namespace

from dmr_desktop import __version__
from dmr_desktop.cli.addresses import connection_lines, root_url
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
from dmr_desktop.client.client import START_HINT
from dmr_desktop.client.discovery import is_reachable, start_service, wait_until_gone
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import Conflict, DMRError, PortInUse, ServiceUnreachable
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import TcpStatus

KIND = "DMR Desktop"
_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def serve(session: Session, options: Namespace) -> int:
    """Only ``--detach`` comes here; the foreground role is the service's own."""
    started = start_service(session.settings)
    state = "started" if started else "already running"
    session.terminal.line(f"The service is {state}: {UnixEndpoint(session.settings.socket_path)}")
    return 0


def status(session: Session, options: Namespace) -> int:
    """Exit code 1 when no service answers."""
    terminal = session.terminal
    try:
        backends = session.client.backends()
    except ServiceUnreachable as error:
        if options.json:
            terminal.json({"running": False}, indent=None)
        else:
            terminal.line(f"{KIND} is not running")
            terminal.note(f"→ {START_HINT}" if isinstance(session.endpoint, UnixEndpoint) else f"→ {error.message}")
        return 1
    tcp = _tcp(session)
    if options.json:
        terminal.json(_status_json(session, backends, tcp), indent=None)
        return 0
    terminal.line(f"{KIND} is running\n")
    terminal.data(table(("BACKEND", "STATUS", "DETAILS"), _backend_rows(backends)))
    terminal.line(f"\nReached at  {session.endpoint}")
    if tcp is not None:
        terminal.line(f"TCP         {_tcp_line(tcp)}")
    return 0


def _tcp(session: Session) -> TcpStatus | None:
    """None when the service is reached over a door that does not tell (or is Docker's own)."""
    try:
        return session.client.tcp()
    except DMRError:
        return None


def _tcp_line(tcp: TcpStatus) -> str:
    if tcp.listening:
        return f"on, {root_url(tcp)}"
    if tcp.enabled:
        return f"on, but not listening: {safe_line(tcp.error)}"
    return "off (`dmr enable --tcp` opens it for other programs)"


def _status_json(session: Session, backends: dict[str, str], tcp: TcpStatus | None) -> JSON:
    url = f"{root_url(tcp)}/v1/" if tcp is not None and tcp.listening else ""
    return {
        "running": True,
        "backends": dict(backends),
        "kind": KIND,
        "endpoint": url,
        "endpointHost": url,
        "socket": str(session.endpoint),
    }


def _backend_rows(backends: dict[str, str]) -> list[tuple[str, str, str]]:
    """Running ones first, then by name."""
    order = ("Running", "Error", "Not Installed", "Installing")
    rows = []
    for name, text in backends.items():
        state, _, details = text.partition(": ")
        rank = order.index(state) if state in order else len(order)
        rows.append((rank, (name, state, details)))
    return [row for _, row in sorted(rows)]


def enable(session: Session, options: Namespace) -> int:
    if isinstance(session.endpoint, UnixEndpoint):
        start_service(session.settings)
    tcp = open_tcp(session, options.tcp or session.settings.tcp_port)
    session.terminal.line(f"TCP is open at {root_url(tcp)} for programs on this machine.\n")
    for line in connection_lines(tcp):
        session.terminal.line(line)
    return 0


def open_tcp(session: Session, port: int) -> TcpStatus:
    """Open the TCP door. Raises PortInUse; its message names the other program if the service knows it."""
    try:
        return session.client.set_tcp(True, port)
    except Conflict as error:
        other = port + 1 if port < 65535 else port - 1
        raise PortInUse(error.message, hint=f"e.g. `dmr enable --tcp {other}`") from error


def disable(session: Session, options: Namespace) -> int:
    session.client.set_tcp(False)
    session.terminal.line("TCP is closed. The Unix socket stays open for the tray app and this command line.")
    return 0


def stop(session: Session, options: Namespace) -> int:
    """Stopping what does not run is fine."""
    endpoint = session.endpoint
    if not is_reachable(endpoint):
        session.terminal.line("The service is not running.")
        return 0
    session.client.stop_service()
    if not wait_until_gone(endpoint):
        raise DMRError("the service is still there", hint="`dmr logs` tells what it is doing")
    session.terminal.line("The service has stopped.")
    return 0


def version(session: Session, options: Namespace) -> int:
    try:
        server = safe_line(session.client.version())
    except ServiceUnreachable:
        server = "(not reachable)"
    machine = platform.machine().lower()
    session.terminal.line("Client:")
    session.terminal.line(f" Version:    {__version__}")
    session.terminal.line(f" OS/Arch:    {sys.platform}/{_GO_ARCHITECTURES.get(machine, machine)}")
    session.terminal.line("\nServer:")
    session.terminal.line(f" Version:    {server}")
    session.terminal.line(f" Engine:     {KIND}")
    return 0
