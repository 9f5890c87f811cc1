"""The real program on X displays without any tray: the window is the app."""

import signal
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.fakes.desktop_program import (
    LOOKS,
    choose_look,
    close_panel,
    ended,
    needs,
    own_environ,
    panel_has_look,
    panel_width,
    program,
    until,
    visible_panels,
    x_display,
)
from tests.fakes.fake_service import FakeService
from tests.fakes.own_folder import own_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.qt,
    pytest.mark.timeout(120),
    needs("Xvfb", "xdotool", "import"),
]

GOODBYE = "No system tray found: DMR Desktop runs as a window.\n"


@dataclass(frozen=True)
class App:
    look: str
    scale: int
    display: str
    environ: dict[str, str]
    process: "subprocess.Popen[str]"


def started(stack: ExitStack, look: str, scale: int) -> App:
    """Hidden, with a display, a home and a service of its own."""
    home = stack.enter_context(own_folder())
    service = FakeService(home / "dmr.sock").start()
    stack.callback(service.crash)
    display = stack.enter_context(x_display())
    choose_look(home, look)
    environ = own_environ(home, service.socket_path) | {"DISPLAY": display, "QT_SCALE_FACTOR": str(scale)}
    return App(look, scale, display, environ, stack.enter_context(program("--hidden", environ=environ)))


def test_the_window_opens_in_every_look_and_ends_the_app() -> None:
    """All at once: each waits half a minute for a tray that might still come up."""
    with ExitStack() as stack:
        apps = [started(stack, look, scale) for look in LOOKS for scale in (1, 2)]
        for app in apps:
            until(lambda app=app: visible_panels(app.display) == 1, seconds=60)
            until(lambda app=app: panel_has_look(app.display, app.look))
            assert panel_width(app.display) == 1080 * app.scale
            with program(environ=app.environ) as second:
                assert ended(second) == (0, "DMR Desktop runs already; its panel was opened.\n")
            if app.scale == 1:
                close_panel(app.display)
            else:
                app.process.send_signal(signal.SIGTERM)
            assert ended(app.process) == (0, GOODBYE)
