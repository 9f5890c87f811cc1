"""Whether anybody looks at what is measured each second: the panel or the menu is open.

While nobody does, neither the service measures nor the tray wakes up.
"""

from PySide6.QtCore import QObject, QTimer, Signal

LINGER_MS = 3000
"""A look away for less than this is none: it would only make the stream of events begin anew."""
MENU_MS = 60_000
"""Some desktops never tell that a tray menu was closed; nobody reads one for longer than this."""


class Attention(QObject):
    """Signals: ``changed(bool)``. Nobody looks at first."""

    changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open: set[str] = set()
        self._is_looking = False
        self._linger = QTimer(self)
        self._linger.setSingleShot(True)
        self._linger.setInterval(LINGER_MS)
        self._linger.timeout.connect(lambda: self._set(False))
        self._menu_limit = QTimer(self)
        self._menu_limit.setSingleShot(True)
        self._menu_limit.setInterval(MENU_MS)
        self._menu_limit.timeout.connect(lambda: self.show("menu", False))

    def show(self, what: str, is_open: bool) -> None:
        """``what`` was opened or closed: ``panel`` or ``menu``."""
        if is_open:
            if what == "menu":
                self._menu_limit.start()
            self._open.add(what)
            self._linger.stop()
            self._set(True)
        else:
            self._open.discard(what)
            if not self._open and self._is_looking:
                self._linger.start()

    def _set(self, is_looking: bool) -> None:
        if is_looking != self._is_looking:
            self._is_looking = is_looking
            self.changed.emit(is_looking)
