"""The thread that listens to the service. It is also the one that ends the process when the service is gone.

It stays responsive while the main thread is inside llama.cpp for seconds: that is how a busy runner is told from a
dead one.
"""

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from dmr_desktop.protocol.errors import DMRError, ErrorInfo, InvalidRequest, RunnerError
from dmr_desktop.protocol.generation import Failed
from dmr_desktop.protocol.wire import WireError, dump, dump_event
from dmr_desktop.runner.outbox import Outbox

_logger = logging.getLogger(__name__)

Message: TypeAlias = dict[str, Any]
Accept: TypeAlias = Callable[[Message], None]


class Reader:
    """``accept`` is set once there is a model to serve. ``messages`` end when the service closes the channel."""

    def __init__(self, messages: Iterable[Message], outbox: Outbox) -> None:
        self.accept: Accept | None = None
        self._messages = messages
        self._outbox = outbox

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
        try:
            if self.accept is not None:
                self.accept(message)
            elif message.get("op") == "stats":
                self._outbox.put_message({"op": "stats", "id": message["id"], "stats": {}})
            else:
                raise RunnerError("the model is still being loaded")
        except DMRError as error:
            self._refuse(message, error.info)
        except WireError as error:
            self._refuse(message, InvalidRequest(f"the request cannot be understood: {error}").info)
        except Exception as error:
            _logger.exception("a request could not be prepared")
            self._refuse(message, RunnerError("the request could not be prepared", evidence=repr(error)).info)

    def _refuse(self, message: Message, error: ErrorInfo) -> None:
        op, number = message.get("op"), message.get("id")
        if op == "generate":
            self._outbox.put(lambda: [[number, *dump_event(Failed(error))]])
        else:
            self._outbox.put_message({"op": "error", "id": number, "error": dump(error)})
