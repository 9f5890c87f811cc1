"""``status``: whether the service runs, where, and with which backends; for people and, as JSON, for programs."""

from argparse import Namespace
from collections.abc import Mapping

from dmr_desktop.cli.addresses import Doors, network_urls, root_url
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
from dmr_desktop.client.connection import FAR_HINT, START_HINT
from dmr_desktop.client.endpoint import TcpEndpoint, UnixEndpoint
from dmr_desktop.protocol.errors import DMRError, ServiceUnreachable
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import TcpStatus

KIND = "DMR Desktop"
MANUAL_KIND = "Docker Engine (Manual Install)"
"""Docker's name for a service whose address the user has set."""


def status(session: Session, options: Namespace) -> int:
    """Exit code 1 when no service answers; Docker's own command ends with 0 all the same when asked for JSON."""
    try:
        backends = session.client.backends()
    except ServiceUnreachable as error:
        if options.json:
            session.terminal.json(status_json(session, {}, unknown_doors(session), running=False), indent=None)
            return 0 if session.face.is_plugin else 1
        session.terminal.line(f"{session.face.product} is not running")
        _tell_how_to_start(session, error)
        return 1
    doors = find_doors(session)
    if options.json:
        session.terminal.json(status_json(session, backends, doors, running=True), indent=None)
        return 0
    session.terminal.line(f"{session.face.product} is running\n")
    session.terminal.table(table(("BACKEND", "STATUS", "DETAILS"), _backend_rows(backends)))
    session.terminal.line(f"\nReached at  {session.endpoint}")
    if doors.are_known:
        session.terminal.line(f"TCP         {_tcp_line(doors.tcp)}")
        if doors.tcp.network.enabled:
            session.terminal.line(f"Network     {_network_line(doors.tcp)}")
        if doors.containers.enabled:
            session.terminal.line(f"Containers  {_container_line(doors)}")
    return 0


def find_doors(session: Session) -> Doors:
    """Guessed when the service is reached over a door that does not tell (or is Docker's own)."""
    endpoint = session.endpoint
    try:
        tcp, containers = session.client.doors()
    except DMRError:
        return unknown_doors(session)
    return Doors(endpoint, tcp, containers or TcpStatus(False, False, tcp.port))


def unknown_doors(session: Session) -> Doors:
    closed = TcpStatus(False, False, session.settings.tcp_port)
    return Doors(session.endpoint, closed, closed, are_known=False)


def status_json(session: Session, backends: Mapping[str, str], doors: Doors, *, running: bool) -> JSON:
    """Docker's object, and ``tcp`` and ``socket`` of our own.

    The addresses are told even while TCP is off: a program that is given none may go to its vendor's cloud.
    """
    endpoint = doors.endpoint
    found: dict[str, JSON] = {
        "running": running,
        "backends": dict(backends),
        "kind": MANUAL_KIND if isinstance(endpoint, TcpEndpoint) else KIND,
        "endpoint": f"{doors.container_root()}/v1/",
        "endpointHost": f"{doors.host_root}/v1/",
    }
    if isinstance(endpoint, UnixEndpoint):
        found["tcp"] = doors.tcp.listening
        found["socket"] = str(endpoint)
    return found


def _tell_how_to_start(session: Session, error: ServiceUnreachable) -> None:
    if isinstance(session.endpoint, TcpEndpoint):
        session.terminal.note(f"→ {safe_line(error.message)}\n→ {FAR_HINT}")
    else:
        session.terminal.note(f"→ {START_HINT}")


def _tcp_line(tcp: TcpStatus) -> str:
    if tcp.listening:
        return f"on, {root_url(tcp)}"
    if tcp.enabled:
        return f"on, but not listening: {safe_line(tcp.error)}"
    return "off (`dmr enable --tcp` opens it for other programs)"


def _network_line(tcp: TcpStatus) -> str:
    if tcp.network.addresses:
        return f"on, {', '.join(network_urls(tcp))} (with the API key)"
    return f"on, but not listening: {safe_line(tcp.network.error or tcp.error)}"


def _container_line(doors: Doors) -> str:
    if doors.containers.listening:
        return f"on, {doors.container_root()}"
    return f"on, but not listening: {safe_line(doors.containers.error)}"


def _backend_rows(backends: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Running ones first, then by name."""
    order = ("Running", "Error", "Not Installed", "Installing")
    rows = []
    for name, text in backends.items():
        state, _, details = text.partition(": ")
        rank = order.index(state) if state in order else len(order)
        rows.append((rank, (name, state, details)))
    return [row for _, row in sorted(rows)]
