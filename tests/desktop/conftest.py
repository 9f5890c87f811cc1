"""Fixtures for the desktop's tests: offscreen Qt, a fake service on a socket, the parts wired to it."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QDeadlineTimer, QLocale, QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.api import ServiceApi
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.event_stream import EventStream
from dmr_desktop.desktop.link import ServiceLink
from dmr_desktop.desktop.menu import TrayMenu
from dmr_desktop.desktop.panel.window import PanelWindow
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.pulls import Pulls
from dmr_desktop.desktop.sources import Sources
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.transport import Transport
from tests.fakes.desktop_parts import FakeLauncher, Parts
from tests.fakes.fake_service import FakeService
from tests.fakes.own_folder import own_folder

QLocale.setDefault(QLocale("en_US"))  # whatever the language of the machine


@pytest.fixture(autouse=True)
def loops_end_in_time(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[None]:
    """A test's time is over by an exception that a slot may swallow, e.g. the one that was to end a wait.

    Then Qt would wait for ever: its loops are ended from here, and the waits look at their own clocks.
    """
    marker = request.node.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else float(request.config.getini("timeout"))
    deadline = QDeadlineTimer(int(1000 * seconds) + 1000)
    watch = QTimer()
    watch.timeout.connect(lambda: qapp.exit() if deadline.hasExpired() else None)
    watch.start(1000)
    yield
    watch.stop()


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


@pytest.fixture
def service(socket_dir: Path) -> Iterator[FakeService]:
    fake = FakeService(socket_dir / "dmr.sock").start()
    yield fake
    fake.crash()
    assert not fake.problems


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def parts(qtbot: QtBot, service: FakeService, theme: Theme, tmp_path: Path) -> Iterator[Parts]:
    root = QObject()
    launcher = FakeLauncher(service)

    def transport() -> Transport:
        return Transport(service.socket_path, root)

    link = ServiceLink(EventStream(transport(), root), launcher, root)
    commands = Commands(link, ServiceApi(transport(), root), Pulls(transport(), root), root)
    preferences = Preferences(tmp_path)
    preferences.welcomed = True
    menu = TrayMenu(commands, theme, preferences)
    sources = Sources.of(service.socket_path, root)
    panel = PanelWindow(commands, theme, menu, sources, preferences)
    qtbot.addWidget(menu)
    qtbot.addWidget(panel)
    made = Parts(link, commands, menu, panel, theme, launcher, sources, preferences)
    link.changed.connect(menu.render_state)
    link.changed.connect(panel.render_state)
    commands.problem.connect(panel.show_problem)
    commands.said.connect(panel.show_news)
    commands.problem.connect(made.problems.append)
    commands.said.connect(made.said.append)
    link.join()
    try:
        qtbot.waitUntil(menu.tcp.isEnabled, timeout=5000)
        panel.open_page("overview")
        yield made
    finally:  # else a link that came up too late would look for its service in all tests that follow
        link.close()
        sources.close()
        commands.pulls.cancel_all()
        root.deleteLater()
