"""The real program on X displays without any tray: a tray may come up later, so nothing is shown at first.

What becomes of these apps half a minute later, test_only_window.py sees; the tests in between need not wait for it.
"""

import pytest

from tests.fakes.desktop_program import needs, until, visible_panels
from tests.fakes.trayless_apps import TraylessApps

pytestmark = [pytest.mark.slow, pytest.mark.qt, pytest.mark.timeout(120), needs("Xvfb", "xdotool", "import")]


def test_no_window_opens_at_first(trayless_apps: TraylessApps) -> None:
    latest = trayless_apps.apps[-1]
    until(lambda: latest.service.num_listeners == 1)
    assert visible_panels(latest.display) == 0
    assert all(app.process.poll() is None for app in trayless_apps.apps)
