"""The end of the service's log, and every line after it: one connection to ``GET /logs?follow=true``.

Lines come in bundles, however fast they are logged. Knows no widgets.
"""

from collections import deque

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.transport import Transport, status_of

MAX_LINES = 5000
"""What is kept; the files have more."""
BUNDLE_MS = 60
BUNDLE_LINES = 150
"""More at once would be seen as a stutter."""
BITE_BYTES = 64 * 1024
BUFFER_BYTES = 8 * BITE_BYTES
MAX_LINE_CHARS = 4000


class LogTail(QObject):
    """Signals: ``restarted()`` when a new connection begins (forget what was shown), ``arrived(list[str])``."""

    restarted = Signal()
    arrived = Signal(object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._reply: QNetworkReply | None = None
        self._rest = b""
        self._waiting: deque[str] = deque(maxlen=MAX_LINES)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(BUNDLE_MS)
        self._timer.timeout.connect(self._hand_over)

    @property
    def is_open(self) -> bool:
        return self._reply is not None

    def open(self) -> None:
        """Follows the log; an open connection stays as it is."""
        if self._reply is not None:
            return
        self._rest = b""
        self._waiting.clear()
        reply = self._reply = self._transport.send("GET", "/logs?follow=true")
        reply.setReadBufferSize(BUFFER_BYTES)
        reply.readyRead.connect(lambda: self._read(reply))
        reply.finished.connect(lambda: self._finish(reply))
        self.restarted.emit()

    def close(self) -> None:
        """Stops following."""
        reply, self._reply = self._reply, None
        self._timer.stop()
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _read(self, reply: QNetworkReply) -> None:
        if reply is not self._reply or status_of(reply) != 200:
            return
        *lines, self._rest = (self._rest + bytes(reply.read(BITE_BYTES).data())).split(b"\n")
        self._rest = self._rest[:MAX_LINE_CHARS]
        for line in lines:
            self._waiting.append(printable(line.decode("utf-8", "replace"), MAX_LINE_CHARS))
        if self._waiting and not self._timer.isActive():
            self._timer.start(BUNDLE_MS)
        if reply.bytesAvailable():
            QTimer.singleShot(0, self, lambda: self._read(reply))

    def _hand_over(self) -> None:
        """A bundle; what is more follows soon, with room for the window between."""
        self.arrived.emit([self._waiting.popleft() for _ in range(min(BUNDLE_LINES, len(self._waiting)))])
        if self._waiting:
            self._timer.start(BUNDLE_MS // 4)

    def _finish(self, reply: QNetworkReply) -> None:
        if reply is self._reply:
            while status_of(reply) == 200 and reply.bytesAvailable():
                self._read(reply)
            self._reply = None
            self._hand_over()
            reply.deleteLater()
