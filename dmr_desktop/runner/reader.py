"""The thread that listens to the service. It is also the one that ends the process when the service is gone.

It stays responsive while the main thread is inside llama.cpp, or the desk inside a template, for seconds: that is how a
busy runner is told from a dead one.
"""

import logging
import os
from collections.abc import Iterable

from dmr_desktop.protocol.errors import RunnerError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.runner.desk import Desk, Message, Serving, refuse
from dmr_desktop.runner.outbox import Outbox

_logger = logging.getLogger(__name__)


class Reader:
    """``serve`` is called once there is a model to serve. ``messages`` end when the service closes the channel."""

    def __init__(self, messages: Iterable[Message], outbox: Outbox) -> None:
        self._messages = messages
        self._outbox = outbox
        self._model: tuple[Serving, Desk] | None = None

    def serve(self, serving: Serving, desk: Desk) -> None:
        self._model = serving, desk

    def run(self) -> None:
        """Until the service is gone or says stop; then the process is over, whatever else it is doing."""
        try:
            for message in self._messages:
                if message.get("op") == "stop":
                    break
                self._dispatch(message)
        except BaseException:
            # Half a runner that hears nothing would be worse than none.
            _logger.exception("the reader failed")
            os._exit(1)
        os._exit(0)

    def _dispatch(self, message: Message) -> None:
        op, number = message.get("op"), message.get("id")
        if not isinstance(number, int):
            _logger.error("a message without a number: %.80r", message)
        elif op == "stats":
            stats: dict[str, JSON] = self._model[0].stats() if self._model else {}
            self._outbox.put_message({"op": "stats", "id": number, "stats": stats})
        elif self._model is None:
            refuse(self._outbox, message, RunnerError("the model is still being loaded").info)
        elif op == "cancel":
            serving, desk = self._model
            desk.drop(number)
            serving.cancel(number)
        else:
            self._model[1].put(message)
