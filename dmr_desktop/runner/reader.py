"""The thread that listens to the service. It is also the one that ends the process when the service is gone.

It stays responsive while the main thread is inside llama.cpp for seconds: that is how a busy runner is told from a
dead one.
"""

import logging
import os
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

from dmr_desktop.protocol.errors import DMRError, ErrorInfo, InvalidRequest, RunnerError
from dmr_desktop.protocol.generation import Failed
from dmr_desktop.protocol.runners import LaunchSpec
from dmr_desktop.protocol.wire import WireError, dump, dump_event, load
from dmr_desktop.runner.channel import Channel
from dmr_desktop.runner.outbox import Outbox

_logger = logging.getLogger(__name__)

Message: TypeAlias = dict[str, Any]
Accept: TypeAlias = Callable[[Message], None]


class Reader:
    """``launches`` receives the spec; ``accept`` is set once there is a model to serve."""

    def __init__(self, channel: Channel, outbox: Outbox) -> None:
        self.launches: SimpleQueue[LaunchSpec] = SimpleQueue()
        self.accept: Accept | None = None
        self._channel = channel
        self._outbox = outbox

    def run(self) -> None:
        """Until the service closes the channel; then the process is over, whatever else it is doing."""
        try:
            for message in self._channel.receive():
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
            if message.get("op") == "launch":
                self.launches.put(load(LaunchSpec, message["spec"]))
            elif self.accept is not None:
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
        if op == "launch":
            self._outbox.put_message({"op": "failed", "error": dump(error)})
        elif op == "generate":
            self._outbox.put(lambda: [[number, *dump_event(Failed(error))]])
        else:
            self._outbox.put_message({"op": "error", "id": number, "error": dump(error)})
