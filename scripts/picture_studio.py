"""The panel with a fake service behind it, in which scenes are set: for pictures of them, and for tests."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from picture_data import play
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

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
from tests.fakes.desktop_parts import FakeLauncher
from tests.fakes.fake_service import FakeService, empty_snapshot


class Studio:
    """One panel; scenes are played in it one after the other."""

    def __init__(self, home: Path, theme: Theme | None = None, patience: float = 1.0) -> None:
        """``patience``: how long to wait for things to settle, relative to what is always enough."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.root = QObject()
        self.theme = theme or Theme(app, "light")
        self.patience = patience
        self.service = FakeService(home / "dmr.sock").start()
        play(self.service)

        def transport() -> Transport:
            return Transport(self.service.socket_path, self.root)

        self.link = ServiceLink(EventStream(transport(), self.root), FakeLauncher(self.service), self.root)
        self.commands = Commands(
            self.link, ServiceApi(transport(), self.root), Pulls(transport(), self.root), self.root
        )
        self.preferences = Preferences(home)
        self.sources = Sources.of(self.service.socket_path, self.root)
        self.menu = TrayMenu(self.commands, self.theme, self.preferences)
        self.panel = PanelWindow(self.commands, self.theme, self.menu, self.sources, self.preferences)
        self.link.changed.connect(self.panel.render_state)
        self.link.changed.connect(self.menu.render_state)
        self.commands.problem.connect(self.panel.show_problem)
        self._changes = 0
        self.link.changed.connect(self._count)
        self.link.join()

    def _count(self) -> None:
        self._changes += 1

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError
            QApplication.processEvents()
            time.sleep(0.005)

    def settle(self, seconds: float = 0.25) -> None:
        """Until all is laid out and painted, also on a machine that is busy."""
        end = time.monotonic() + seconds * self.patience
        self.wait(lambda: time.monotonic() > end)
        for _ in range(10):
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()

    def show(self, **changes: Any) -> None:
        """The service as it is in the scene."""
        snapshot = replace(empty_snapshot(self.service.socket_path), **changes)
        before = self._changes
        self.service.emit("snapshot", replace(snapshot, models_path="/home/me/.docker/models"))
        self.wait(lambda: self._changes > before)
        self.settle(0.15)

    def shoot(self, scene: "Scene", width: int, height: int, path: Path) -> None:
        self.play(scene, width, height).grab().save(str(path))
        self.clear()
        print(path, flush=True)

    def play(self, scene: "Scene", width: int, height: int) -> QWidget:
        """Sets a scene; the widget to look at: the dialog or menu that it opened, or the panel."""
        self.wait(lambda: self.service.num_listeners == 1)
        self.panel.banner.hide()
        self.panel.news.hide()
        self.panel.resize(width, height)
        self.panel.open_page("overview")
        scene(self)
        self.settle()
        above = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QDialog | QMenu)]
        return next((widget for widget in above if widget.isVisible()), self.panel)

    def clear(self) -> None:
        """Undoes what a scene leaves behind."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog | QMenu):
                widget.close()
        for model in self.commands.deletions.waiting:
            self.commands.deletions.undo(model.id)
        self.commands.pulls.cancel_all()
        self.panel.models.field.clear()
        self.panel.chat.options_button.setChecked(False)
        self.panel.requests.tabs.setCurrentIndex(0)
        self.panel.integrations.programs.setCurrentRow(0)
        self.panel.settings.verticalScrollBar().setValue(0)
        self.panel.say_tray(True)
        self.settle(0.05)

    def close(self) -> None:
        self.link.close()
        self.sources.close()
        self.commands.pulls.cancel_all()
        self.service.crash()


Scene: TypeAlias = Callable[[Studio], None]
"""Brings the panel of a studio into a state."""
