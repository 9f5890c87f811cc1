"""Fixtures for the desktop's tests: offscreen Qt, a fake service on a socket, the parts wired to it."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="PySide6 or one of its system libraries is missing", exc_type=ImportError
)

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
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.transport import Transport
from tests.fakes.fake_service import FakeService


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """A folder with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="dmr") as folder:
        yield Path(folder)


@pytest.fixture
def service(socket_dir: Path) -> Iterator[FakeService]:
    fake = FakeService(socket_dir / "dmr.sock").start()
    yield fake
    fake.crash()
    assert not fake.problems


@dataclass
class FakeLauncher:
    """Stands in for ``ServiceProcess``: ``start`` starts the fake service, or does nothing and stays dead."""

    service: FakeService | None = None
    words: str = ""
    starts: int = 0
    is_running: bool = False

    def start(self) -> None:
        self.starts += 1
        if self.service is not None:
            self.service.start()
            self.is_running = True

    def is_alive(self) -> bool:
        return self.is_running

    def last_words(self) -> str:
        return self.words


@dataclass
class Parts:
    """The desktop without a tray, joined to ``service``."""

    link: ServiceLink
    commands: Commands
    menu: TrayMenu
    panel: PanelWindow
    theme: Theme
    launcher: FakeLauncher
    problems: list[object] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def parts(qtbot: QtBot, service: FakeService, theme: Theme, tmp_path: Path) -> Iterator[Parts]:
    transport = Transport(service.socket_path)
    launcher = FakeLauncher(service)
    link = ServiceLink(EventStream(transport, transport), launcher, transport)
    commands = Commands(link, ServiceApi(transport, transport), Pulls(transport, transport), transport)
    menu = TrayMenu(commands, theme, Preferences(tmp_path))
    panel = PanelWindow(commands, theme, menu)
    qtbot.addWidget(menu)
    qtbot.addWidget(panel)
    made = Parts(link, commands, menu, panel, theme, launcher)
    link.changed.connect(menu.render_state)
    link.changed.connect(panel.render_state)
    commands.problem.connect(panel.show_problem)
    commands.said.connect(panel.banner.show_news)
    commands.problem.connect(made.problems.append)
    commands.said.connect(made.said.append)
    link.join()
    qtbot.waitUntil(lambda: link.state.is_connected, timeout=5000)
    panel.open_page("overview")
    yield made
    link.close()
    commands.pulls.cancel_all()
    transport.deleteLater()
