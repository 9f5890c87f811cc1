"""Where the service is, and how to get one running.

Two callers may start it at the same moment: the service itself holds a lock, so one of the two new
processes ends at once with code 0 and both callers find the other. Nothing here keeps a pid or a lock.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dmr_desktop.client.client import Client
from dmr_desktop.client.contexts import context_endpoint
from dmr_desktop.client.detached import Detached, start_detached
from dmr_desktop.client.endpoint import Endpoint, UnixEndpoint, endpoint_from_environment
from dmr_desktop.protocol.errors import DMRError, ServiceUnreachable
from dmr_desktop.settings import Settings, self_command

START_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.02
_LAST_PAUSE_SECONDS = 0.25


def find_endpoint(settings: Settings, environ: Mapping[str, str] | None = None) -> Endpoint:
    """What the user has set in the environment, else the context in use, else the service's Unix socket.

    Opens nothing. Raises :class:`InvalidRequest` if the environment or the context names something that is no address.
    """
    environ = os.environ if environ is None else environ
    return endpoint_from_environment(environ) or context_endpoint(environ) or UnixEndpoint(settings.socket_path)


def is_reachable(endpoint: Endpoint) -> bool:
    """Whether a service answers there now; takes a few seconds at most."""
    with Client(endpoint, timeout_seconds=2.0) as client:
        try:
            client.version()
        except DMRError:
            return False
        return True


def start_service(settings: Settings, *, seconds: float = START_SECONDS, command: Sequence[str] | None = None) -> bool:
    """Make sure that a service answers on the Unix socket; True if this call had to start one.

    ``command`` is what to run for it, by default this program's ``serve``. Raises
    :class:`ServiceUnreachable`, with the end of its output, when it does not come up in time.
    """
    endpoint = UnixEndpoint(settings.socket_path)
    if is_reachable(endpoint):
        return False
    command = command or self_command("serve")
    log = settings.log_dir / "service.out"
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    service = _start(command, log)
    while time.monotonic() < deadline:
        if is_reachable(endpoint):
            return True
        if service.process.poll():
            break
        if service.has_ended:
            # Code 0: another one holds the lock. It is either starting, then this attempt ends like the
            # last one, or it is on its way out, then this attempt takes its place.
            service = _start(command, log)
            pause = _LAST_PAUSE_SECONDS
        time.sleep(pause)
        pause = min(pause * 1.5, _LAST_PAUSE_SECONDS)
    why = "ended at once" if service.has_ended else f"did not answer within {seconds:.0f} seconds"
    raise ServiceUnreachable(
        f"the service was started and {why}",
        hint=f"its output is in {log}; `dmr serve` runs it in this terminal",
        evidence=service.last_output(),
    )


def _start(command: Sequence[str], log: Path) -> Detached:
    try:
        return start_detached(command, log)
    except OSError as error:
        raise ServiceUnreachable(f"the service could not be started: {error}") from error


def wait_until_gone(endpoint: Endpoint, *, seconds: float = START_SECONDS) -> bool:
    """Whether the service stopped answering in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_reachable(endpoint):
            return True
        time.sleep(_LAST_PAUSE_SECONDS / 2)
    return False
