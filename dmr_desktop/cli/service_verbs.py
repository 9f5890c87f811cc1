"""Verbs about the service itself: ``serve --detach`` ``enable`` ``disable`` ``stop`` ``version``."""

import platform
import re
import sys
from argparse import Namespace
from collections.abc import Sequence

from dmr_desktop import __version__
from dmr_desktop.cli.addresses import Doors, connection_lines, network_urls, root_url
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.status import KIND
from dmr_desktop.client.discovery import is_reachable, start_service, wait_until_gone
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest, PortInUse, ServiceUnreachable
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import TcpStatus

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def serve(session: Session, options: Namespace) -> int:
    """Only ``--detach`` comes here; the foreground role is the service's own."""
    started = start_service(session.settings)
    state = "started" if started else "already running"
    session.terminal.line(f"The service is {state}: {UnixEndpoint(session.settings.socket_path)}")
    return 0


def enable(session: Session, options: Namespace) -> int:
    if options.containers and (options.lan or options.new_key or options.cors is not None):
        raise InvalidRequest(
            "--containers is a door of its own: of the other options it takes only --tcp",
            hint="one after the other: `dmr enable --containers`, then `dmr enable --lan`",
        )
    if options.new_key and not options.lan:
        raise InvalidRequest("--new-key goes with --lan", hint="`dmr enable --lan --new-key`")
    if isinstance(session.endpoint, UnixEndpoint):
        start_service(session.settings)
    if options.containers:
        return _let_containers_in(session, options.tcp)
    origins = None if options.cors is None else origins_of(options.cors)
    before = session.client.tcp()
    port, key = options.tcp or before.port, ""
    if options.lan:
        is_new = options.new_key or before.network.key == "none"
        tcp, key = session.client.open_to_network(port, new_key=is_new, origins=origins)
    else:
        tcp = open_tcp(session, port, origins)
    session.terminal.line(f"TCP is open at {root_url(tcp)} for programs on this machine.")
    if origins is not None:
        allowed = "all" if "*" in origins else ", ".join(map(safe_line, origins)) or "only this machine's"
        session.terminal.line(f"Web pages that may use it: {allowed}.")
    session.terminal.line()
    for line in connection_lines(tcp):
        session.terminal.line(line)
    if tcp.network.enabled:
        _tell_network(session, tcp, key)
    return 0


def _let_containers_in(session: Session, port: int | None) -> int:
    containers = session.client.set_containers(True, port)
    root = Doors(session.endpoint, containers, containers).container_root()
    session.terminal.line(f"Containers reach the models at {root}; they may use models and list them, no more.\n")
    session.terminal.line(f"Base URL  {root}/engines/v1")
    session.terminal.line("          with extra_hosts host.docker.internal:host-gateway also under that name")
    return 0


def _tell_network(session: Session, tcp: TcpStatus, key: str) -> None:
    where = ", ".join(network_urls(tcp)) or f"nowhere yet: {safe_line(tcp.network.error)}"
    session.terminal.line(f"\nOther machines of the local network reach it too, with the API key: {where}")
    session.terminal.line("Key and texts are sent as they are. `dmr disable --lan` shuts the network out again.")
    if key:
        session.terminal.line(f"\nAPI key   {key}")
        session.terminal.line("          shown only now; `dmr enable --lan --new-key` makes another one in its place")


def origins_of(text: str) -> tuple[str, ...]:
    """``all`` (``("*",)``), ``none`` (nothing), or web origins with commas. Raises InvalidRequest."""
    if text in ("all", "*"):
        return ("*",)
    origins = () if text == "none" else tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+", origin):
            raise InvalidRequest(
                f"{origin!r} is not a web origin",
                hint="--cors all, --cors none, or e.g. --cors https://app.example.com",
            )
    return origins


def open_tcp(session: Session, port: int, origins: Sequence[str] | None = None) -> TcpStatus:
    """Open the TCP door. Raises PortInUse; its message names the other program if the service knows it."""
    try:
        return session.client.set_tcp(True, port, origins)
    except Conflict as error:
        other = port + 1 if port < 65535 else port - 1
        raise PortInUse(error.message, hint=f"e.g. `dmr enable --tcp {other}`") from error


def disable(session: Session, options: Namespace) -> int:
    if options.lan:
        session.client.close_to_network()
        session.terminal.line("The local network is out. TCP on this machine is as it was.")
        if not options.containers:
            return 0
    _, containers = session.client.doors()
    if containers is not None and (containers.enabled or options.containers):
        session.client.set_containers(False)
        session.terminal.line("Container access is closed.")
    if options.containers:
        return 0
    session.client.set_tcp(False)
    session.terminal.line("TCP is closed. The Unix socket stays open for the tray app and this command line.")
    return 0


def stop(session: Session, options: Namespace) -> int:
    """Stopping what does not run is fine."""
    if stop_service(session):
        session.terminal.line("The service has stopped.")
    else:
        session.terminal.line("The service is not running.")
    return 0


def stop_service(session: Session) -> bool:
    """False if none runs. Raises :class:`DMRError` if it does not go."""
    endpoint = session.endpoint
    if not is_reachable(endpoint):
        return False
    session.client.stop_service()
    if not wait_until_gone(endpoint):
        raise DMRError("the service is still there", hint="`dmr logs` tells what it is doing")
    return True


def version(session: Session, options: Namespace) -> int:
    try:
        server = session.client.version()
    except ServiceUnreachable:
        server = None
    machine = platform.machine().lower()
    system = f"{sys.platform}/{_GO_ARCHITECTURES.get(machine, machine)}"
    if options.json:
        running: JSON = None if server is None else {"version": server, "engine": KIND}
        session.terminal.json({"client": {"version": __version__, "platform": system}, "server": running})
        return 0
    session.terminal.line("Client:")
    session.terminal.line(f" Version:    {__version__}")
    session.terminal.line(f" OS/Arch:    {system}")
    session.terminal.line("\nServer:")
    session.terminal.line(f" Version:    {'(not reachable)' if server is None else safe_line(server)}")
    session.terminal.line(f" Engine:     {KIND}")
    return 0
