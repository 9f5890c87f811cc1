"""The real program on X displays without a tray: one may come up later, but in half a minute the window is the app."""

import signal
from collections.abc import Iterator

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
from tests.fakes.trayless_apps import TraylessApp, trayless_apps

pytestmark = [pytest.mark.slow, pytest.mark.qt, pytest.mark.timeout(120), needs("Xvfb", "xdotool", "import")]

GOODBYE = "No system tray found: DMR Desktop runs as a window.\n"


@pytest.fixture(scope="module")
def apps() -> Iterator[tuple[TraylessApp, ...]]:
    with trayless_apps() as started:
        yield started


def test_no_window_opens_at_first(apps: tuple[TraylessApp, ...]) -> None:
    latest = apps[-1]
    until(lambda: latest.service.num_listeners == 1)
    assert visible_panels(latest.display) == 0
    assert all(app.process.poll() is None for app in apps)


def test_the_window_opens_in_every_look_and_ends_the_app(apps: tuple[TraylessApp, ...]) -> None:
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
