"""HTTP to the service's Unix socket through Qt's own event loop; the one user of QNetworkAccessManager.

Knows no routes. Qt opens at most six connections per manager and a stream never gives its own back, so
commands, pulls and events have a transport each.
"""

import json
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QUrl
from PySide6.QtNetwork import QNetworkAccessManager, QNetworkProxy, QNetworkReply, QNetworkRequest

from dmr_desktop import __version__
from dmr_desktop.protocol.json_types import JSON


class Transport(QObject):
    """Requests to one service. The caller owns each reply and calls ``deleteLater`` on it."""

    def __init__(self, socket_path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.socket_path = socket_path
        self._manager = QNetworkAccessManager(self)
        # A proxy from the environment must never see the control socket.
        self._manager.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))

    def send(self, method: str, path: str, body: JSON = None, headers: dict[str, str] | None = None) -> QNetworkReply:
        """``path`` is percent-encoded already; ``body`` goes as JSON."""
        request = QNetworkRequest(QUrl(f"unix+http://localhost{path}"))
        request.setAttribute(QNetworkRequest.Attribute.FullLocalServerNameAttribute, str(self.socket_path))
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute, QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
        )
        request.setRawHeader(b"User-Agent", f"dmr-desktop/{__version__}".encode())
        for name, value in (headers or {}).items():
            request.setRawHeader(name.encode(), value.encode())
        data = QByteArray()
        if body is not None:
            request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
            data = QByteArray(json.dumps(body).encode())
        reply = self._manager.sendCustomRequest(request, method.encode(), data)
        reply.finished.connect(lambda: self._recover(reply))
        return reply

    def _recover(self, reply: QNetworkReply) -> None:
        """After six refused connections Qt (6.8 to 6.11 at least) never tries a local socket again, until told to."""
        if status_of(reply) == 0 and reply.error() is not QNetworkReply.NetworkError.OperationCanceledError:
            self._manager.clearConnectionCache()


def status_of(reply: QNetworkReply) -> int:
    """The HTTP status, 0 when no answer came."""
    status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
    return int(status) if isinstance(status, int) else 0
