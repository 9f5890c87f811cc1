"""The tray icon: state as a silhouette, the menu, a click for the panel, a few notifications.

A desktop's panel may come up after us at login, so a missing tray is looked for again for half a minute.
"""

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QSystemTrayIcon

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.icons import tray_icon
from dmr_desktop.desktop.menu import TrayMenu
from dmr_desktop.desktop.state import DesktopState, Shape, shape_of
from dmr_desktop.desktop.wording import tooltip

SEARCH_INTERVAL_MS = 1000
SEARCHES = 30


class Tray(QObject):
    """Signals: ``docked()`` when the icon has a place, ``missing()`` when no tray came in time."""

    docked = Signal()
    missing = Signal()

    def __init__(self, commands: Commands, menu: TrayMenu, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands = commands
        self._shape = Shape.STARTING
        self._icon = QSystemTrayIcon(tray_icon(self._shape), self)
        self._icon.setContextMenu(menu)
        self._icon.activated.connect(self._on_activated)
        self._searches_left = SEARCHES
        self._search = QTimer(self)
        self._search.setInterval(SEARCH_INTERVAL_MS)
        self._search.timeout.connect(self._look)

    @property
    def is_docked(self) -> bool:
        return self._icon.isVisible()

    @property
    def shape(self) -> Shape:
        return self._shape

    def dock(self) -> None:
        """Shows the icon, now or as soon as there is a tray."""
        if not self._look():
            self._search.start()

    def undock(self) -> None:
        """Takes the icon away at once: on Windows it would stay as a ghost."""
        self._search.stop()
        self._icon.hide()

    def render_state(self, state: DesktopState) -> None:
        shape = shape_of(state)
        if shape is not self._shape:
            self._shape = shape
            self._icon.setIcon(tray_icon(shape))
        text = tooltip(state)
        if text != self._icon.toolTip():
            self._icon.setToolTip(text)

    def notify(self, title: str, text: str = "") -> None:
        if self.is_docked:
            self._icon.showMessage(title, text, tray_icon(self._shape))

    def _look(self) -> bool:
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._search.stop()
            self._icon.show()
            self.docked.emit()
            return True
        self._searches_left -= 1
        if self._searches_left == 0:
            self._search.stop()
            self.missing.emit()
        return False

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self._commands.open_panel()
