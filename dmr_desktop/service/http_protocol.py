"""HTTP/1.1 as uvicorn speaks it on httptools, with the limits that stock uvicorn lacks.

Bounds what a connection may send before a request is known (time, bytes, number of headers), refuses
framing that two servers could read differently, and lets a client read a refusal that came before it
had finished sending. The only file that knows uvicorn's inside.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

HEADER_SECONDS = 15.0
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_URL_BYTES = 16 * 1024
MAX_CONNECTIONS = 512
LINGER_SECONDS = 2.0


class BoundedProtocol(HttpToolsProtocol):
    """One connection. ``app_state`` is copied to each request's ``scope["state"]``."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = False
        self._header_timer: TimerHandle | None = None
        self._linger_timer: TimerHandle | None = None
        self._is_refused = False
        self._num_received = 0  # whole requests
        self._in_headers = True  # or before them
        self._pending_bytes = 0  # of a header that is not complete yet
        self._header_bytes = 0  # of names and values

    # ---- the connection ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(429, "too many connections")
        else:
            self._arm_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self._linger_timer is not None:
            return
        before = (self._in_headers, self._num_received)
        super().data_received(data)
        if before != (self._in_headers, self._num_received) or not self._in_headers or self._is_refused:
            self._pending_bytes = 0
            return
        # All of it belongs to a header that goes on. The parser keeps an unfinished field to itself, so only
        # the raw bytes show how it grows.
        self._arm_header_timer()
        self._pending_bytes += len(data)
        if self._pending_bytes > MAX_HEADER_BYTES + MAX_URL_BYTES:
            self._refuse(431, "the header is too large")

    # ---- the parser's callbacks -------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4

    def on_headers_complete(self) -> None:
        if self._is_refused:
            return
        self._in_headers = False
        self._drop_timers()
        if len(self.url) > MAX_URL_BYTES:
            self._refuse(414, "the address is too long")
        elif len(self.headers) > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(431, "the header is too large")
        elif self._has_unclear_framing():
            self._refuse(400, "the request can be read in more than one way")
        else:
            super().on_headers_complete()

    def _has_unclear_framing(self) -> bool:
        """Two lengths, an encoding that nobody here decodes or that HTTP/1.0 has not, or an address that names a host
        beside ``Host``."""
        lengths = [value for name, value in self.headers if name == b"content-length"]
        encodings = [value for name, value in self.headers if name == b"transfer-encoding"]
        return (
            len(lengths) + len(encodings) > 1
            or (encodings and self.parser.get_http_version() == "1.0")
            or any(encoding.strip().lower() != b"chunked" for encoding in encodings)
            or not self.url.startswith(b"/")
        )

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_headers = True
        self._num_received += 1
        if not self._is_refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        is_body_missing = self.cycle.more_body
        super().on_response_complete()
        if is_body_missing and not self.transport.is_closing():
            self._linger()

    # ---- endings ----------------------------------------------------------------------------

    def _refuse(self, status: int, text: str) -> None:
        """Answer what never became a request, and close."""
        self._is_refused = True
        self._drop_timers()
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # another answer is under way on this connection
            return
        body = f"{text}\n".encode()
        self.transport.write(
            b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], len(body), body)
        )
        self._linger()

    def _linger(self) -> None:
        """The answer came before the end of the body: closing at once would reset the connection under the
        client's hands, and it would never read the answer. So what still comes is dropped for a while."""
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _arm_header_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_SECONDS, self._headers_late)

    def _drop_timers(self) -> None:
        for timer in (self._header_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        self._header_timer = self._linger_timer = None

    def _headers_late(self) -> None:
        self._header_timer = None
        self._refuse(408, "the request's header did not arrive in time")
