"""``desktop --detach``, Docker's ``desktop enable|disable model-runner``, and starting the tray app for others."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from dmr_desktop.cli.safe_text import safe_text
from dmr_desktop.cli.service_verbs import disable, enable
from dmr_desktop.cli.session import Session
from dmr_desktop.client.detached import Detached, start_detached
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.settings import Settings, default_socket_path, self_command

SETTLE_SECONDS = 8.0
"""A tray app that cannot run here (no Qt libraries, a dead display) ends well before this."""


def desktop(session: Session, options: Namespace) -> int:
    """``--detach``, and Docker's switch; the foreground role is the desktop's own."""
    if options.action:
        return _switch(session, options)
    reason = why_headless(session.environ)
    if reason:
        session.terminal.note(f"The tray app cannot run: {reason}.\n→ all else works without it: `dmr --help`")
        return 1
    session.terminal.line(outcome(start_desktop(session.settings)))
    return 0


def _switch(session: Session, options: Namespace) -> int:
    """``docker desktop enable model-runner`` and ``disable``: with us, the TCP door."""
    if not options.feature:
        raise InvalidRequest("what is to be switched?", hint=f"`dmr desktop {options.action} model-runner`")
    if options.no_tcp and (options.containers or options.lan):
        raise InvalidRequest("--no-tcp closes the TCP port: it goes with neither --containers nor --lan")
    if options.action == "enable" and not options.no_tcp:
        return enable(session, options)
    return disable(session, options)


def why_headless(environ: Mapping[str, str]) -> str:
    """Why no window can be shown here, "" if one may be."""
    if (
        os.name == "posix"
        and sys.platform != "darwin"
        and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    ):
        return "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    if find_spec("PySide6") is None:
        return "PySide6 is not installed (pip install 'dmr-desktop[desktop]')"
    return ""


@dataclass(frozen=True, slots=True)
class StartedDesktop:
    process: Detached
    at: float
    """Unix seconds."""

    @property
    def is_up(self) -> bool:
        """The first desktop of a user makes a socket by which a second one raises its panel."""
        sockets = default_socket_path().parent.glob("desktop-*.sock")
        return any(path.stat().st_mtime >= self.at for path in sockets)


def start_desktop(settings: Settings) -> StartedDesktop:
    """A second tray app shows the first one's panel and ends with code 0."""
    # File times may be a tick behind the clock.
    return StartedDesktop(start_detached(self_command("desktop"), settings.log_dir / "desktop.out"), time.time() - 0.1)


def outcome(app: StartedDesktop, seconds: float = SETTLE_SECONDS) -> str:
    """How the start went, in one or more lines. Raises :class:`DMRError` if it failed within ``seconds`` of now."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not app.process.has_ended and not app.is_up:
        time.sleep(0.05)
    if not app.process.has_ended:
        return "The tray app is running: look for its icon in the system tray."
    words = app.process.last_output()
    if app.process.process.returncode:
        raise DMRError("the tray app ended at once", hint=f"its output is in {app.process.log}", evidence=words)
    return safe_text(words) or "The tray app ended at once."
