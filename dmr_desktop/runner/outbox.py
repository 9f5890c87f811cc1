"""What waits to be sent to the service. Putting never blocks; one thread sends.

The engine's thread must never wait for a reader, so what is unsent is counted, and the engine loop gives requests up
when the count says that nobody reads.
"""

import logging
import os
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from dmr_desktop.engine.api import SequenceOutput
from dmr_desktop.runner.channel import Channel

_logger = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 8 * 1024 * 1024
_MAX_ROWS = 2000  # of one frame
_OUTPUT_BYTES = 64  # what one output weighs besides its text

Row: TypeAlias = list[Any]
Render: TypeAlias = Callable[[], Sequence[Row]]
"""Makes event rows, on the sending thread."""


class Outbox:
    """``put_message`` a finished message; ``put`` work that turns into event rows when its turn comes.

    Everything is sent in the order in which it was put; the rows that are due at one time share a frame.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._queue: SimpleQueue[dict[str, Any] | Render] = SimpleQueue()
        self._put_bytes = 0  # written by the engine's thread only
        self._sent_bytes = 0  # written by the sending thread only

    @property
    def unsent_bytes(self) -> int:
        """Of outputs, roughly."""
        return self._put_bytes - self._sent_bytes

    def put_message(self, message: dict[str, Any]) -> None:
        self._queue.put(message)

    def put(self, render: Render) -> None:
        self._queue.put(render)

    def put_outputs(self, outputs: list[SequenceOutput], render: Callable[[list[SequenceOutput]], list[Row]]) -> None:
        """From the engine's thread."""
        weight = sum(_OUTPUT_BYTES + len(output.text) for output in outputs)
        self._put_bytes += weight

        def counted() -> list[Row]:
            self._sent_bytes += weight
            return render(outputs)

        self._queue.put(counted)

    def run(self) -> None:
        """The sending thread. Without a service there is nothing left to do, so then it ends the process."""
        try:
            while True:
                self._send_what_is_due()
        except OSError:
            os._exit(0)
        except BaseException:
            # A runner that computes and says nothing would be worse than none.
            _logger.exception("the sender failed")
            os._exit(1)

    def _send_what_is_due(self) -> None:
        item: dict[str, Any] | Render | None = self._queue.get()
        rows: list[Row] = []
        while item is not None:
            if isinstance(item, dict):
                self._send_rows(rows)
                rows = []
                self._channel.send(item)
            else:
                rows += item()
            if len(rows) >= _MAX_ROWS:
                break
            try:
                item = self._queue.get_nowait()
            except Empty:
                item = None
        self._send_rows(rows)

    def _send_rows(self, rows: list[Row]) -> None:
        if rows:
            self._channel.send(rows)
