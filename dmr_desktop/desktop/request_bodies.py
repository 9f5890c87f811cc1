"""What one recorded request said and was answered, fetched when somebody looks at it.

The service keeps the bodies of the last requests of each loaded model, in memory only.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.transport import Transport, status_of

MAX_SHOWN_CHARS = 200_000


@dataclass(frozen=True, slots=True)
class Bodies:
    """Texts as they were sent, "" if not kept."""

    url: str
    request: str
    response: str
    user_agent: str = ""


def pretty(text: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def as_curl(base: str, bodies: Bodies, socket_path: str = "") -> str:
    """The request as a command for a terminal. ``base``: where the service is, without a path; over the Unix socket
    if one is named."""
    door = f"--unix-socket {shlex.quote(socket_path)} " if socket_path else ""
    return (
        f"curl {door}{shlex.quote(base + bodies.url)} \\\n  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(bodies.request)}\n"
    )


def find_bodies(answer: object, request_id: str) -> Bodies | None:
    """The record of ``GET /engines/requests`` that belongs to a notice."""
    for group in answer if isinstance(answer, list) else ():
        for record in group.get("records") or () if isinstance(group, Mapping) else ():
            if isinstance(record, Mapping) and record.get("request_id") == request_id:
                return Bodies(
                    str(record.get("url") or ""),
                    str(record.get("request") or ""),
                    str(record.get("response") or record.get("error") or ""),
                    str(record.get("user_agent") or ""),
                )
    return None


class RequestBodies(QObject):
    """Signals: ``found(request_id, Bodies | None)``."""

    found = Signal(str, object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport

    def look_up(self, request_id: str) -> None:
        reply = self._transport.send("GET", "/engines/requests")
        reply.finished.connect(lambda: self._finish(reply, request_id))

    def _finish(self, reply: QNetworkReply, request_id: str) -> None:
        bodies = None
        if status_of(reply) == 200:
            try:
                bodies = find_bodies(json.loads(bytes(reply.readAll().data())), request_id)
            except ValueError:
                pass
        reply.deleteLater()
        self.found.emit(request_id, bodies)
