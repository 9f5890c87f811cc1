"""The tray icon: state as a silhouette, the menu, a click for the panel, a few notifications.

A desktop's panel may come up after us at login, so a missing tray is looked for each second for half a minute, and
every ten seconds after that.
"""

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QSystemTrayIcon

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.icons import tray_icon
from dmr_desktop.desktop.menu import TrayMenu
from dmr_desktop.desktop.state import DesktopState, Shape, shape_of
from dmr_desktop.desktop.tray_host import has_notifier_host, has_tray
from dmr_desktop.desktop.wording import tooltip

SEARCH_INTERVAL_MS = 1000
SEARCHES = 30
LATER_INTERVAL_MS = 10_000


class Tray(QObject):
    """Signals: ``docked()`` when the icon has a place, ``missing()`` when no tray came in time."""

    docked = Signal()
    missing = Signal()

    def __init__(self, commands: Commands, menu: TrayMenu, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands = commands
        self._shape = Shape.STARTING
        self._menu = menu
        self._tool_tip = ""
        self._icon: QSystemTrayIcon | None = None
        self._searches_left = SEARCHES
        self._search = QTimer(self)
        self._search.setInterval(SEARCH_INTERVAL_MS)
        self._search.timeout.connect(self._look)

    @property
    def is_docked(self) -> bool:
        return self._icon is not None

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
        icon, self._icon = self._icon, None
        if icon is not None:
            icon.hide()
            icon.deleteLater()

    def render_state(self, state: DesktopState) -> None:
        shape, text = shape_of(state), tooltip(state)
        is_new_shape, is_new_text = shape is not self._shape, text != self._tool_tip
        self._shape, self._tool_tip = shape, text
        if self._icon is not None and is_new_shape:
            self._icon.setIcon(tray_icon(shape))
        if self._icon is not None and is_new_text:
            self._icon.setToolTip(text)

    def notify(self, title: str, text: str = "") -> None:
        if self._icon is not None:
            self._icon.showMessage(title, text, tray_icon(self._shape))

    def _look(self) -> bool:
        if has_tray():
            self._search.stop()
            self._show()
            self.docked.emit()
            return True
        self._searches_left -= 1
        if self._searches_left == 0:
            self._search.setInterval(LATER_INTERVAL_MS)
            self.missing.emit()
        return False

    def _show(self) -> None:
        """Makes the icon only now: one that is made without a tray stays without."""
        self._icon = QSystemTrayIcon(tray_icon(self._shape), self)
        self._menu.show_on_bus(has_notifier_host())
        self._icon.setContextMenu(self._menu)
        self._icon.setToolTip(self._tool_tip)
        self._icon.activated.connect(self._on_activated)
        self._icon.show()

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self._commands.open_panel()
