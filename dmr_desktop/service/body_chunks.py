"""A request's body, piece by piece, for a thread: what is too large to be read first and worked on afterwards."""

import asyncio
import threading
from collections.abc import Iterator

from starlette.types import Receive

from dmr_desktop.store.blobs import Cancelled

MOST_WAITING_BYTES = 4 << 20


class BodyChunks:
    """Made on the event loop, iterated in one thread. The loop reads ahead a little, and waits while that is full.

    Iterating raises :class:`Cancelled` when the client has left or :meth:`close` was called, and whatever the guard
    raises about the body.
    """

    def __init__(self, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._num_bytes = 0
        self._is_over = False
        self._error: BaseException | None = None
        self._has_room = asyncio.Event()
        self._reading = asyncio.create_task(self._read(receive))
        self._reading.add_done_callback(self._end)

    def close(self) -> None:
        """On the event loop: the thread gets no more."""
        self._reading.cancel()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                data = b"".join(self._waiting)
                self._waiting.clear()
                self._num_bytes = 0
            if not data:
                if self._error is not None:
                    raise self._error
                return
            self._loop.call_soon_threadsafe(self._has_room.set)
            yield data

    async def _read(self, receive: Receive) -> None:
        is_last = False
        while not is_last:
            message = await receive()
            if message["type"] != "http.request":
                raise Cancelled
            is_last = not message.get("more_body", False)
            if message.get("body"):
                await self._hand_over(message["body"])

    async def _hand_over(self, data: bytes) -> None:
        with self._changed:
            self._waiting.append(data)
            self._num_bytes += len(data)
            is_full = self._num_bytes >= MOST_WAITING_BYTES
            if is_full:
                self._has_room.clear()
            self._changed.notify()
        if is_full:
            await self._has_room.wait()

    def _end(self, reading: "asyncio.Task[None]") -> None:
        with self._changed:
            self._is_over = True
            self._error = Cancelled() if reading.cancelled() else reading.exception()
            self._changed.notify()
