"""Makes the call of a snippet, as the other program would: through the same door, with the same body."""

import json
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QObject, QUrl, Signal
from PySide6.QtNetwork import QNetworkAccessManager, QNetworkProxy, QNetworkReply, QNetworkRequest

from dmr_desktop import __version__
from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.problems import joined, problem_from_reply
from dmr_desktop.desktop.snippets import Try
from dmr_desktop.desktop.transport import Transport, status_of

TIMEOUT_MS = 120_000
"""Loading a large model takes long."""
_TIMED_OUT = (QNetworkReply.NetworkError.TimeoutError, QNetworkReply.NetworkError.OperationCanceledError)
"""Qt says the one or the other of its own time limit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``text`` is what the model said, or what went wrong."""

    is_good: bool
    status: int
    seconds: float
    text: str
    is_cancelled: bool = False


def answer_text(body: object) -> str:
    """What a model said, in any of the dialects; "" if that is not found."""
    if not isinstance(body, dict):
        return ""
    if isinstance(choices := body.get("choices"), list) and choices:
        return str((choices[0].get("message") or {}).get("content") or "")
    if isinstance(message := body.get("message"), dict):
        return str(message.get("content") or "")
    if isinstance(content := body.get("content"), list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


class Trial(QObject):
    """One at a time. Signals: ``ended(Outcome)``."""

    ended = Signal(object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._socket = transport
        self._tcp = QNetworkAccessManager(self)
        self._tcp.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        self._reply: QNetworkReply | None = None
        self._is_cancelled = False
        self._clock = QElapsedTimer()

    @property
    def is_running(self) -> bool:
        return self._reply is not None

    def start(self, attempt: Try, port: int) -> None:
        if self.is_running:
            return
        self._is_cancelled = False
        self._clock.start()
        if attempt.over_socket:
            reply = self._socket.send("POST", attempt.path, attempt.body)
        else:
            request = QNetworkRequest(QUrl(f"http://localhost:{port}{attempt.path}"))
            request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
            request.setRawHeader(b"User-Agent", f"dmr-desktop/{__version__}".encode())
            request.setTransferTimeout(TIMEOUT_MS)
            reply = self._tcp.post(request, json.dumps(attempt.body).encode())
        self._reply = reply
        reply.finished.connect(lambda: self._finish(reply))

    def cancel(self) -> None:
        if self._reply is not None:
            self._is_cancelled = True
            self._reply.abort()

    def _finish(self, reply: QNetworkReply) -> None:
        self._reply = None
        status, body, seconds = status_of(reply), bytes(reply.readAll().data()), self._clock.elapsed() / 1000
        try:
            text = answer_text(json.loads(body)) if status == 200 else ""
        except (ValueError, AttributeError):
            text = ""
        if reply.error() in _TIMED_OUT and not self._is_cancelled:
            text = self.tr("Nothing came for {count} minutes. Load the model first, on the Models page.").format(
                count=TIMEOUT_MS // 60_000
            )
        elif status != 200:
            problem = problem_from_reply("", status, body, reply.errorString())
            text = joined(problem.message, problem.hint)
        reply.deleteLater()
        self.ended.emit(
            Outcome(bool(status == 200 and text), status, seconds, printable(text, 300), self._is_cancelled)
        )
