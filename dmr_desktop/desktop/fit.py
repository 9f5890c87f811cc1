"""What a model will need at a context size, as the service estimates it: asked for while somebody chooses."""

import json
from dataclasses import dataclass
from urllib.parse import quote

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from dmr_desktop.desktop.transport import Transport, status_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes. ``max_context`` is the largest context that fits, None if none does."""

    total_bytes: int
    available_bytes: int
    fits: bool
    max_context: int | None = None


def read_estimate(answer: object) -> Estimate | None:
    """The answer of ``GET /models/{name}/fit``; None if it is not one."""
    if not isinstance(answer, dict):
        return None
    total, available, fits = answer.get("total_bytes"), answer.get("available_bytes"), answer.get("fits")
    if not isinstance(total, int) or not isinstance(available, int) or not isinstance(fits, bool):
        return None
    most = answer.get("max_context_that_fits")
    return Estimate(total, available, fits, most if isinstance(most, int) and most > 0 else None)


class Fit(QObject):
    """The newest question counts. Signals: ``estimated(Estimate | None)``."""

    estimated = Signal(object)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._reply: QNetworkReply | None = None

    def ask(self, reference: str, context_size: int | None) -> None:
        """``context_size`` None: the model's own."""
        self.cancel()
        query = "" if context_size is None else f"?context_size={context_size}"
        reply = self._reply = self._transport.send("GET", f"/models/{quote(reference, safe='/:@')}/fit{query}")
        reply.finished.connect(lambda: self._finish(reply))

    def cancel(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()

    def _finish(self, reply: QNetworkReply) -> None:
        reply.deleteLater()
        if reply is not self._reply:
            return
        self._reply = None
        estimate = None
        if status_of(reply) == 200:
            try:
                estimate = read_estimate(json.loads(bytes(reply.readAll().data())))
            except ValueError:
                pass
        self.estimated.emit(estimate)
