"""One connection to ``GET /events``: bytes in, events out, and the reason when it ends.

Does not reconnect by itself and does not know what the events mean; ``link.py`` does.
"""

import json
from enum import StrEnum

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.sse import SseOverflow, SseParser
from dmr_desktop.desktop.transport import Transport, status_of

ANSWER_TIMEOUT_MS = 10_000
SILENCE_TIMEOUT_MS = 40_000
"""The service sends a comment every 15 s, so 40 s of silence means that it hangs."""
BITE_BYTES = 32 * 1024
"""Read in one go: what is more waits for the next turn of the event loop, so that the window stays alive."""
BUFFER_BYTES = 8 * BITE_BYTES
"""What waits here at most. A service that is held up sends the newest of each section, and drops what is older."""


class Closed(StrEnum):
    """Why a stream ended."""

    UNREACHABLE = "unreachable"  # nobody listens on the socket
    SILENT = "silent"  # somebody listens and does not answer
    ENDED = "ended"  # was fine, then cut
    FOREIGN = "foreign"  # another program answers


_REASONS = {0: Closed.UNREACHABLE, 200: Closed.ENDED, 503: Closed.UNREACHABLE}


class EventStream(QObject):
    """Signals: ``received(name, data)`` per event, ``closed(Closed)`` once per ``open``."""

    received = Signal(str, object)
    closed = Signal(object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._reply: QNetworkReply | None = None
        self._with_telemetry = True
        self._parser = SseParser()
        self._reason: Closed | None = None
        self._next_bite = QTimer(self)
        self._next_bite.setSingleShot(True)
        self._next_bite.setInterval(0)
        self._next_bite.timeout.connect(self._read)
        self._watchdog = QTimer(self)
        self._watchdog.setSingleShot(True)
        self._watchdog.timeout.connect(lambda: self._abort(Closed.SILENT))

    def open(self) -> None:
        """Connects; a stream that is open stays as it is."""
        if self._reply is not None:
            return
        self._parser = SseParser()
        self._reason = None
        path = "/events" if self._with_telemetry else "/events?telemetry=false"
        self._reply = self._transport.send("GET", path, headers={"Accept": "text/event-stream"})
        self._reply.setReadBufferSize(BUFFER_BYTES)
        self._reply.readyRead.connect(self._read)
        self._reply.finished.connect(self._finish)
        self._watchdog.start(ANSWER_TIMEOUT_MS)

    def want_telemetry(self, wanted: bool) -> None:
        """Whether to be told what is measured each second. A stream that is open begins anew, with a snapshot."""
        if wanted == self._with_telemetry:
            return
        self._with_telemetry = wanted
        if self._reply is not None:
            self.close()
            self.open()

    def close(self) -> None:
        """Ends the stream without a ``closed`` signal."""
        reply, self._reply = self._reply, None
        self._watchdog.stop()
        self._next_bite.stop()
        if reply is not None:
            reply.readyRead.disconnect(self._read)
            reply.finished.disconnect(self._finish)
            reply.abort()
            reply.deleteLater()

    def _read(self) -> None:
        reply = self._reply
        if reply is None:
            return
        if status_of(reply) != 200:
            return  # the end of the reply says why
        if not bytes(reply.rawHeader("Content-Type").data()).startswith(b"text/event-stream"):
            self._abort(Closed.FOREIGN)
            return
        self._watchdog.start(SILENCE_TIMEOUT_MS)
        try:
            events = self._parser.feed(bytes(reply.read(BITE_BYTES).data()))
            for event in events:
                self.received.emit(event.name, json.loads(event.data))
        except (ValueError, SseOverflow):
            self._abort(Closed.FOREIGN)
        else:
            if reply is self._reply and reply.bytesAvailable():
                self._next_bite.start()

    def _abort(self, reason: Closed) -> None:
        self._reason = reason
        if self._reply is not None:
            self._reply.abort()

    def _finish(self) -> None:
        while self._reply is not None and status_of(self._reply) == 200 and self._reply.bytesAvailable():
            self._read()  # the last words came with the end
            if self._reason is not None:
                break
        reply, self._reply = self._reply, None
        self._next_bite.stop()
        self._watchdog.stop()
        if reply is None:
            return
        reason = self._reason
        if reason is None:
            reason = _REASONS.get(status_of(reply), Closed.FOREIGN)
        reply.deleteLater()
        self.closed.emit(reason)
