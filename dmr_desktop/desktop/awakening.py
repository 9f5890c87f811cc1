"""The computer woke up, as the system tells it: logind, on Linux. Elsewhere the link's own watchdog has to do."""

import sys

from PySide6.QtCore import SLOT, QObject, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage

LOGIN = "org.freedesktop.login1"


class Awakening(QObject):
    """Signals: ``woke()`` after each sleep. Costs nothing while it waits."""

    woke = Signal()

    def __init__(self, parent: QObject | None = None, bus: QDBusConnection | None = None) -> None:
        """``bus``: the system's unless given."""
        super().__init__(parent)
        if bus is None and sys.platform != "linux":
            return
        self._bus = bus or QDBusConnection.systemBus()
        place = (LOGIN, "/org/freedesktop/login1", f"{LOGIN}.Manager", "PrepareForSleep")
        # The stubs ask for bytes, and the call refuses them.
        self._bus.connect(*place, self, SLOT("_on_sleep(QDBusMessage)"))  # type: ignore[call-overload]

    @Slot(QDBusMessage)
    def _on_sleep(self, message: QDBusMessage) -> None:
        """``true`` comes before the sleep, ``false`` after it."""
        if message.arguments() == [False]:
            self.woke.emit()
