"""``dmr desktop`` where no window can be shown: see that the service runs, say how to reach it, leave."""

import sys

from dmr_desktop.client.client import Client
from dmr_desktop.client.discovery import start_service
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.settings import Settings


def run_headless(settings: Settings, reason: str) -> int:
    """Exit code 0 when the service runs afterwards, else 1. ``reason`` completes "No window: ..."."""
    print(f"No window can be shown here: {reason}.")
    try:
        has_started = start_service(settings)
        with Client(UnixEndpoint(settings.socket_path)) as client:
            tcp = client.tcp()
    except DMRError as error:
        print(f"{error.title}: {error.message}", error.hint, error.evidence, sep="\n", file=sys.stderr)
        return 1
    print("The service was started without one." if has_started else "The service runs without one.")
    print(f"  Unix socket: {settings.socket_path}")
    print(f"  TCP:         {_door(tcp)}")
    print("  Commands:    dmr status, dmr ls, dmr pull, dmr run")
    return 0


def _door(tcp: TcpStatus) -> str:
    if tcp.listening:
        return f"http://localhost:{tcp.port}/engines/v1"
    return tcp.error or "off"
