"""A request's body, piece by piece, for a thread: what is too large to be read first and worked on afterwards."""

import asyncio
import concurrent.futures
from collections.abc import Iterator

from starlette.types import Receive

from dmr_desktop.store.blobs import Cancelled


class BodyChunks:
    """Made on the event loop, iterated in one thread. The client sends no faster than the thread takes.

    Iterating raises :class:`Cancelled` when the client has left or :meth:`close` was called, and whatever the guard
    raises about the body.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Task[tuple[bytes, bool]] | None = None
        self._is_closed = False

    def close(self) -> None:
        """On the event loop: the thread gets no more."""
        self._is_closed = True
        if self._reading is not None:
            self._reading.cancel()

    def __iter__(self) -> Iterator[bytes]:
        is_last = False
        while not is_last:
            try:
                data, is_last = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            except concurrent.futures.CancelledError:
                raise Cancelled from None
            if data:
                yield data

    async def _next(self) -> tuple[bytes, bool]:
        if self._is_closed:
            raise Cancelled
        self._reading = asyncio.current_task()
        try:
            message = await self._receive()
        finally:
            self._reading = None
        if message["type"] != "http.request":
            raise Cancelled
        return message.get("body", b""), not message.get("more_body", False)
