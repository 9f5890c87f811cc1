"""Pulls that this desktop asked for: one open request each, cancelled or paused by closing it.

What a pull has done so far is in ``/events`` for everybody; this only holds the requests and reports
their failures. A pull lasts as long as its request. One that ended because the service died waits, as if paused, until
:meth:`Pulls.resume_cut` when the service is back.
"""

import json
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.names import canonical, familiar
from dmr_desktop.desktop.problems import Problem, problem_from_reply
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.transport import Transport, status_of

MAX_LINE_BYTES = 1024 * 1024
MAX_CUTS = 3
"""A pull that brings the service down so often is not begun again by itself."""


@dataclass(slots=True)
class _Pull:
    reference: str
    reply: QNetworkReply
    unread: bytes = b""
    outcome: str = ""
    error: str = ""
    is_cancelled: bool = False


class Pulls(QObject):
    """Signals: ``failed(Problem)``; ``finished(reference)`` after success; ``changed()`` when the set changed."""

    failed = Signal(object)
    finished = Signal(str)
    changed = Signal()

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._pulls: dict[str, _Pull] = {}
        self._paused: dict[str, str] = {}
        self._cut: dict[str, int] = {}

    @property
    def paused(self) -> tuple[str, ...]:
        """What waits to be resumed, as typed."""
        return tuple(self._paused.values())

    @property
    def references(self) -> tuple[str, ...]:
        """What is being pulled, as typed."""
        return tuple(pull.reference for pull in self._pulls.values())

    def owns(self, reference: str) -> bool:
        return canonical(reference) in self._pulls

    def start(self, reference: str) -> None:
        """Asks for a model, or for the rest of a paused one; a second wish for the same one changes nothing."""
        key = canonical(reference)
        if key in self._pulls:
            return
        self._paused.pop(key, None)
        headers = {"Accept": "application/json"}
        reply = self._transport.send("POST", "/models/create", {"from": reference}, headers)
        pull = self._pulls[key] = _Pull(reference, reply)
        reply.readyRead.connect(lambda: self._read(pull))
        reply.finished.connect(lambda: self._finish(key, pull))
        self.changed.emit()

    def cancel(self, reference: str) -> None:
        """Leaves a pull, a paused one too. What came so far is kept by the service and used next time."""
        key = canonical(reference)
        pull = self._pulls.get(key)
        self._cut.pop(key, None)
        if self._paused.pop(key, None) is not None:
            self.changed.emit()
        if pull is not None:
            pull.is_cancelled = True
            pull.reply.abort()

    def resume_cut(self) -> None:
        """Goes on with what the end of the service has cut; the same pull no more than :data:`MAX_CUTS` times."""
        for key, count in self._cut.items():
            if key in self._paused and count <= MAX_CUTS:
                self.start(self._paused[key])

    def pause(self, reference: str) -> None:
        """Leaves a pull and remembers it until :meth:`start` or :meth:`cancel`."""
        key = canonical(reference)
        pull = self._pulls.get(key)
        if pull is not None and not pull.is_cancelled:
            self._cut.pop(key, None)
            self._paused[key] = pull.reference
            pull.is_cancelled = True
            pull.reply.abort()

    def cancel_all(self) -> None:
        for reference in self.references:
            self.cancel(reference)

    def _read(self, pull: _Pull) -> None:
        if status_of(pull.reply) != 200:
            return
        *lines, pull.unread = (pull.unread + bytes(pull.reply.readAll().data())).split(b"\n")
        if len(pull.unread) > MAX_LINE_BYTES:
            pull.error = self.tr("The service sent something that is no progress.")
            pull.reply.abort()
        for line in lines:
            kind, message = _progress(line)
            if kind == "error":
                pull.error = pull.error or message.removeprefix("Error: ")
            elif kind == "success":
                pull.outcome = message

    def _finish(self, key: str, pull: _Pull) -> None:
        del self._pulls[key]
        reply, title = pull.reply, self.tr("Could not pull {model}").format(model=familiar(pull.reference))
        if pull.error:
            hint = self.tr("Pull again: finished parts are kept.")
            self.failed.emit(Problem(title, in_own_words(pull.error), hint, pull=pull.reference))
        elif pull.outcome:
            self._cut.pop(key, None)
            self._paused.pop(key, None)  # it was done before the pause reached it
            self.finished.emit(pull.reference)
        elif not pull.is_cancelled and reply.error() is QNetworkReply.NetworkError.RemoteHostClosedError:
            self._cut[key] = self._cut.get(key, 0) + 1
            self._paused[key] = pull.reference
        elif not pull.is_cancelled:
            status = status_of(reply)
            if status == 200:
                message = self.tr("The connection to the service was cut.")
                hint = self.tr("Pull again: finished parts are kept.")
                self.failed.emit(Problem(title, message, hint, pull=pull.reference))
            else:
                problem = problem_from_reply(title, status, bytes(reply.readAll().data()), reply.errorString())
                if status == 500:
                    problem = replace(problem, hint=self.tr("Check the network, then pull again."))
                self.failed.emit(replace(problem, pull=pull.reference))
        reply.deleteLater()
        self.changed.emit()


def _progress(line: bytes) -> tuple[str, str]:
    """Type and message of a progress line; anything else is ("", "")."""
    try:
        item = json.loads(line)
        return str(item["type"]), str(item["message"])
    except (ValueError, KeyError, TypeError):
        return "", ""
