"""The real program half a minute after it was started on X displays without any tray: the window is the app."""

import signal
from contextlib import closing

import pytest

from tests.fakes.desktop_program import (
    close_panel,
    ended,
    needs,
    panel_has_look,
    panel_width,
    program,
    until,
    visible_panels,
)
from tests.fakes.trayless_apps import TraylessApps

pytestmark = [pytest.mark.slow, pytest.mark.qt, pytest.mark.timeout(120), needs("Xvfb", "xdotool", "import")]

GOODBYE = "No system tray found: DMR Desktop runs as a window.\n"


def test_the_window_opens_in_every_look_and_ends_the_app(trayless_apps: TraylessApps) -> None:
    with closing(trayless_apps):
        for app in trayless_apps.apps:
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
