"""HTTP to the service's Unix socket through Qt's own event loop; the one user of QNetworkAccessManager.

Knows no routes. Commands and streams have a manager each, because Qt opens at most six connections
per manager and a stream never gives its connection back.
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
        self._commands = self._manager()
        self._streams = self._manager()

    def send(self, method: str, path: str, body: JSON = None, headers: dict[str, str] | None = None) -> QNetworkReply:
        """A request with a short answer; ``path`` is percent-encoded already."""
        return self._send(self._commands, method, path, body, headers or {})

    def stream(self, method: str, path: str, body: JSON = None, headers: dict[str, str] | None = None) -> QNetworkReply:
        """A request whose answer arrives piece by piece and may last for hours."""
        return self._send(self._streams, method, path, body, headers or {})

    def _manager(self) -> QNetworkAccessManager:
        manager = QNetworkAccessManager(self)
        # A proxy from the environment must never see the control socket.
        manager.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        return manager

    def _send(
        self, manager: QNetworkAccessManager, method: str, path: str, body: JSON, headers: dict[str, str]
    ) -> QNetworkReply:
        request = QNetworkRequest(QUrl(f"unix+http://localhost{path}"))
        request.setAttribute(QNetworkRequest.Attribute.FullLocalServerNameAttribute, str(self.socket_path))
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute, QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
        )
        request.setRawHeader(b"User-Agent", f"dmr-desktop/{__version__}".encode())
        for name, value in headers.items():
            request.setRawHeader(name.encode(), value.encode())
        if body is None:
            return manager.sendCustomRequest(request, method.encode(), QByteArray())
        request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
        return manager.sendCustomRequest(request, method.encode(), QByteArray(json.dumps(body).encode()))


def status_of(reply: QNetworkReply) -> int:
    """The HTTP status, 0 when no answer came."""
    status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
    return int(status) if isinstance(status, int) else 0
