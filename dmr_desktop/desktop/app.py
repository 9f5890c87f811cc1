"""Puts the desktop together and takes it apart: the one place that knows all its parts."""

import sys
import traceback
from types import TracebackType

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QMessageBox

from dmr_desktop.desktop.api import ServiceApi
from dmr_desktop.desktop.attention import Attention
from dmr_desktop.desktop.awakening import Awakening
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.event_stream import EventStream
from dmr_desktop.desktop.instance import Instance
from dmr_desktop.desktop.link import Launcher, ServiceLink
from dmr_desktop.desktop.menu import TrayMenu
from dmr_desktop.desktop.panel.window import PanelWindow
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.pulls import Pulls
from dmr_desktop.desktop.sources import Sources
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.transport import Transport
from dmr_desktop.desktop.tray import Tray
from dmr_desktop.settings import Settings

STOP_TIMEOUT_MS = 5000


class Desktop(QObject):
    """Tray, menu and, once asked for, the panel, around one link to the service. Signals: ``ended()`` after a quit."""

    ended = Signal()

    def __init__(self, app: QApplication, settings: Settings, instance: Instance, launcher: Launcher) -> None:
        super().__init__(app)
        self._instance = instance
        self._preferences = Preferences(settings.config_dir)
        self._theme = Theme(app, self._preferences.theme)
        path = settings.socket_path
        self.link = ServiceLink(EventStream(Transport(path, self), self), launcher, self)
        api, pulls = ServiceApi(Transport(path, self), self), Pulls(Transport(path, self), self)
        self.commands = Commands(self.link, api, pulls, self)
        self._sources = Sources.of(path, self)
        self.menu = TrayMenu(self.commands, self._theme, self._preferences)
        # The tray has its own: what a desktop's panel draws is spelt otherwise.
        self._tray_menu = TrayMenu(self.commands, self._theme, self._preferences)
        self.tray = Tray(self.commands, self._tray_menu, self)
        self._panel: PanelWindow | None = None
        self._is_quitting = False
        app.setQuitOnLastWindowClosed(False)  # closing the panel quits only where there is no tray
        Awakening(self).woke.connect(self.link.check)
        self.attention = Attention(self)
        self.attention.changed.connect(self.link.watch_telemetry)
        for menu in (self.menu, self._tray_menu):
            menu.aboutToShow.connect(lambda: self.attention.show("menu", True))
            menu.aboutToHide.connect(lambda: self.attention.show("menu", False))
        self.link.changed.connect(self._render)
        self.commands.panel_wanted.connect(self.open_panel)
        self.commands.quit_wanted.connect(self._on_quit_wanted)
        self.commands.problem.connect(self._on_problem)
        self.commands.said.connect(self._on_said)
        instance.show_wanted.connect(self.open_panel)
        self.tray.missing.connect(self._on_no_tray)
        self.tray.docked.connect(self._on_tray)

    def start(self, *, is_hidden: bool) -> None:
        """Joins the service and shows the icon; the panel too unless ``is_hidden``."""
        self.link.watch_telemetry(not is_hidden)
        self.link.join()
        self.tray.dock()
        if not is_hidden:
            self.open_panel()

    @property
    def panel(self) -> PanelWindow:
        """Made when first needed: most of the time the tray icon is all there is."""
        if self._panel is None:
            self._panel = PanelWindow(self.commands, self._theme, self.menu, self._sources, self._preferences)
            self._panel.visibility_changed.connect(lambda is_open: self.attention.show("panel", is_open))
            self._panel.closed.connect(self._on_panel_closed)
        return self._panel

    def open_panel(self, page: str = "") -> None:
        self.panel.open_page(page)

    def quit(self) -> None:
        """Leaves the service running and lets go of everything."""
        if self._is_quitting:
            return
        self._is_quitting = True
        self.tray.undock()
        if self._panel is not None:
            self._panel.hide()
        self.commands.pulls.cancel_all()
        self.commands.deletions.undo_all()
        self._sources.close()
        self.link.close()
        self._instance.release()
        self.ended.emit()

    def report_bug(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """For ``sys.excepthook``: an exception in a slot is printed and shown, and the app goes on."""
        print("".join(traceback.format_exception(kind, error, trace)), file=sys.stderr, flush=True)
        message = f"{kind.__name__}: {error}"
        hint = self.tr("The details are in the app's output. Please report this.")
        self._on_problem(Problem(self.tr("Something went wrong in this app"), message, hint))

    def _render(self, state: DesktopState) -> None:
        self.tray.render_state(state)
        self.menu.render_state(state)
        self._tray_menu.render_state(state)
        if self._panel is not None:
            self._panel.render_state(state)

    def _on_problem(self, problem: Problem) -> None:
        """The panel shows it; without one in sight a notification does, and the panel keeps it for later."""
        is_seen = self._panel is not None and self._panel.isVisible()
        if not is_seen:
            self.panel.show_problem(problem)
            self.tray.notify(problem.title, problem.message)
        elif self._panel is not None:
            self._panel.show_problem(problem)

    def _on_said(self, text: str) -> None:
        if self._panel is not None and self._panel.isVisible():
            self._panel.show_news(text)
        else:
            self.tray.notify("DMR Desktop", text)

    def _on_no_tray(self) -> None:
        """No tray on this desktop: the window is the app, and closing it the end."""
        print("No system tray found: DMR Desktop runs as a window.", flush=True)
        self.panel.say_tray(False)
        self.open_panel()

    def _on_tray(self) -> None:
        """Perhaps late: then closing the window is no end any more."""
        if self._panel is not None:
            self._panel.say_tray(True)

    def _on_panel_closed(self) -> None:
        if not self.tray.is_docked:
            self.quit()
        elif not self._preferences.tray_explained:
            self._preferences.tray_explained = True
            self.tray.notify(self.tr("DMR Desktop stays in the tray"), self.tr("Its menu has the ways to quit."))

    def _on_quit_wanted(self, stop_service: bool) -> None:
        if self.commands.pulls.references:
            self._ask_quit(stop_service)
        else:
            self._quit_with(stop_service)

    def _ask_quit(self, stop_service: bool) -> None:
        self.open_panel()
        box = QMessageBox(self.panel)
        box.setWindowTitle("DMR Desktop")
        box.setText(self.tr("Quit while a model is being pulled?"))
        box.setInformativeText(self.tr("The pull ends. What came so far is kept: pulling again goes on from there."))
        quit_button = box.addButton(self.tr("Quit"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        quit_button.clicked.connect(lambda: self._quit_with(stop_service))
        box.open()

    def _quit_with(self, stop_service: bool) -> None:
        if not stop_service or not self.commands.state.is_connected:
            self.quit()
            return
        self.commands.stop_service().ended.connect(lambda ok: self.quit() if ok else None)
        QTimer.singleShot(STOP_TIMEOUT_MS, self, self.quit)
