"""Where requests are made ready for the engine, one after another, on a thread of its own.

A template, a tokenizer or a grammar may take seconds. Meanwhile the reading thread goes on to hear: cancels take
effect, questions are answered, and the service sees that the process is alive.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol, TypeAlias

from dmr_desktop.protocol.errors import DMRError, ErrorInfo, InvalidRequest, RunnerError
from dmr_desktop.protocol.generation import Failed
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.wire import WireError, dump, dump_event
from dmr_desktop.runner.outbox import Outbox

_logger = logging.getLogger(__name__)

_TOKENS_AT_ONCE = 32_000

Message: TypeAlias = dict[str, Any]
HandOver: TypeAlias = Callable[[], None]
"""Gives a request that is ready to those who compute it. Quick."""


class Serving(Protocol):
    """A model in one of its modes. ``cancel`` and ``stats`` are quick; any thread may call them."""

    def prepare(self, message: Message) -> HandOver:
        """Raises DMRError or WireError, which become the answer."""
        ...

    def cancel(self, number: int) -> None: ...

    def stats(self) -> dict[str, JSON]: ...


class Desk:
    """``put`` and ``drop`` are for the reading thread; ``run`` is the desk's own."""

    def __init__(self, serving: Serving, outbox: Outbox) -> None:
        self._serving = serving
        self._outbox = outbox
        self._queue: SimpleQueue[Message] = SimpleQueue()
        self._lock = threading.Lock()
        self._open: set[int] = set()

    def put(self, message: Message) -> None:
        with self._lock:
            self._open.add(message["id"])
        self._queue.put(message)

    @property
    def is_busy(self) -> bool:
        """Whether a request is still to be handed over. Any thread may ask."""
        return bool(self._open)

    def drop(self, number: int) -> None:
        """The request was cancelled: unless it was handed over already, it never will be."""
        with self._lock:
            self._open.discard(number)

    def run(self) -> None:
        """For ever."""
        while True:
            self._serve(self._queue.get())

    def _serve(self, message: Message) -> None:
        if message["id"] not in self._open:
            return
        try:
            hand_over = self._serving.prepare(message)
        except Exception as error:
            hand_over = partial(refuse, self._outbox, message, _told(error))
        with self._lock:
            # Under the lock, so that a cancel comes either before this or after it.
            if message["id"] in self._open:
                hand_over()
                self._open.remove(message["id"])


def answer_tokens(outbox: Outbox, number: int, tokens: list[int]) -> None:
    """In pieces that the service reads without anybody noticing."""
    *full, last = range(0, max(len(tokens), 1), _TOKENS_AT_ONCE)
    for start in full:
        part = tokens[start : start + _TOKENS_AT_ONCE]
        outbox.put_message({"op": "tokens", "id": number, "tokens": part, "more": True})
    outbox.put_message({"op": "tokens", "id": number, "tokens": tokens[last:]})


def refuse(outbox: Outbox, message: Message, error: ErrorInfo) -> None:
    """The answer to a request that cannot be served."""
    op, number = message.get("op"), message.get("id")
    if op == "generate":
        outbox.put(lambda: [[number, *dump_event(Failed(error))]])
    else:
        outbox.put_message({"op": "error", "id": number, "error": dump(error)})


def _told(error: Exception) -> ErrorInfo:
    if isinstance(error, DMRError):
        return error.info
    if isinstance(error, WireError):
        return InvalidRequest(f"the request cannot be understood: {error}").info
    _logger.error("a request could not be prepared", exc_info=error)
    return RunnerError("the request could not be prepared", evidence=repr(error)).info
