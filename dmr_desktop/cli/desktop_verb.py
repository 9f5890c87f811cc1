"""``desktop --detach``, and starting the tray app for whoever wants it shown."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from importlib.util import find_spec

from dmr_desktop.cli.session import Session
from dmr_desktop.client.detached import Detached, start_detached
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.settings import Settings, self_command

SETTLE_SECONDS = 2.0
"""A tray app that cannot run (no Qt libraries, no display) ends well before this."""


def desktop(session: Session, options: Namespace) -> int:
    """Only ``--detach`` comes here; the foreground role is the desktop's own."""
    reason = why_headless(session.environ)
    if reason:
        raise DMRError(f"the tray app cannot run: {reason}", hint="all else works without it: `dmr --help`")
    app = start_desktop(session.settings)
    problem = early_end(app)
    if problem:
        raise DMRError("the tray app ended at once", hint=f"its output is in {app.log}", evidence=problem)
    session.terminal.line("The tray app is running.")
    return 0


def why_headless(environ: Mapping[str, str]) -> str:
    """Why no window can be shown here, "" if one can."""
    if os.name == "posix" and sys.platform != "darwin":
        if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
            return "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    if find_spec("PySide6") is None:
        return "PySide6 is not installed (pip install 'dmr-desktop[desktop]')"
    return ""


def start_desktop(settings: Settings) -> Detached:
    """A second tray app shows the first one's window and ends with code 0."""
    return start_detached(self_command("desktop"), settings.log_dir / "desktop.out")


def early_end(app: Detached, seconds: float = SETTLE_SECONDS) -> str:
    """What it printed if it failed within ``seconds`` of now, else ""."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not app.has_ended:
        time.sleep(0.05)
    return (app.last_output() or "no output") if app.process.poll() else ""
