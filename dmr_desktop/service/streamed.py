"""An HTTP answer that is written piece by piece, as plain ASGI."""

from collections.abc import Callable, Coroutine, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dmr_desktop.dialects.frames import COMMENT, EVENT_STREAM
from dmr_desktop.service.connection import run_while_connected

WARM_SECONDS = 15.0
"""A stream on which nothing happens says so after this long, lest somebody in between takes it for dead."""


class StreamedAnswer:
    """Begun by its first bytes, so that until then a refusal can still take its place."""

    __slots__ = ("_headers", "_is_event_stream", "_send", "_was_written", "is_open")

    def __init__(self, send: Send, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._send = send
        self._is_event_stream = media_type == EVENT_STREAM
        all_headers = {"content-type": media_type, "cache-control": "no-cache", **(headers or {})}
        self._headers = [(name.encode(), value.encode()) for name, value in all_headers.items()]
        self._was_written = False
        self.is_open = False

    async def open(self) -> None:
        if not self.is_open:
            self.is_open = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})

    async def write(self, data: bytes) -> None:
        """Nothing for b"". Waits while the client is slower than we are."""
        if not data:
            return
        await self.open()
        self._was_written = True
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def show_patience(self) -> None:
        """The headers, then now and then a comment, until the work itself has written something."""
        if self._was_written:
            return
        if not self.is_open:
            await self.open()
        elif self._is_event_stream:
            await self._send({"type": "http.response.body", "body": COMMENT, "more_body": True})

    async def close(self) -> None:
        await self.open()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class StreamResponse(Response):
    """Written by ``write`` until it returns or the client leaves; HEAD gets the headers only."""

    def __init__(self, write: Callable[[StreamedAnswer], Coroutine[None, None, None]], media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = StreamedAnswer(send, self.media_type or "text/plain")
        if scope["method"] == "HEAD":
            await out.close()
            return
        await run_while_connected(receive, self._run(out))

    async def _run(self, out: StreamedAnswer) -> None:
        await self._write(out)
        await out.close()
