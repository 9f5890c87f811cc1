"""A question to the service whose newest answer counts: asked again while somebody types or chooses."""

import json
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.transport import Transport, status_of


class Lookup(QObject):
    """``read`` makes a value of the answer's JSON, None if it is not one. Signals: ``answered(value | None)``."""

    answered = Signal(object)

    def __init__(
        self, transport: Transport, read: Callable[[object], object | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._transport = transport
        self._read = read
        self._reply: QNetworkReply | None = None

    def get(self, path: str) -> None:
        """Asks, and drops the question before. ``path`` is percent-encoded already."""
        self.cancel()
        reply = self._reply = self._transport.send("GET", path)
        reply.finished.connect(lambda: self._finish(reply))

    def cancel(self) -> None:
        """No answer will come."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()

    def _finish(self, reply: QNetworkReply) -> None:
        reply.deleteLater()
        if reply is not self._reply:
            return
        self._reply = None
        value = None
        if status_of(reply) == 200:
            try:
                value = self._read(json.loads(bytes(reply.readAll().data())))
            except ValueError:
                pass
        self.answered.emit(value)
