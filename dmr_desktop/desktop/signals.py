"""SIGINT, SIGTERM and SIGHUP end the event loop in order, without a timer that wakes up for them."""

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class TerminationSignals(QObject):
    """Signals: ``received()``. One per process, made on the main thread."""

    received = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        # Python runs a handler only between bytecodes; the byte on this socket makes Qt give it the chance.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda number, frame: self.received.emit())

    def _drain(self) -> None:
        self._reader.recv(64)
