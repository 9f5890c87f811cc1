"""HTTP/1.1 as uvicorn speaks it on httptools, with the limits that stock uvicorn lacks.

Bounds what a connection may send before a request is known (time, bytes, number of headers), refuses
framing that two servers could read differently, answers offers of another protocol in this one, and lets a
client read a refusal that came before it had finished sending. The only file that knows uvicorn's inside.
"""

import asyncio
import weakref
from asyncio.events import TimerHandle
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

HEADER_SECONDS = 15.0
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_URL_BYTES = 16 * 1024
MAX_CONNECTIONS = 512
"""That share a server state."""
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
        self._answering: RequestResponseCycle | None = None  # self.cycle is the last that came; it may wait its turn
        self._is_offer = False  # of another protocol: the request is read again, without it
        self._num_steps = 0  # whole headers, pieces of bodies, whole requests
        self._in_headers = True  # or before them
        self._pending_bytes = 0  # since the last step: of a header, or of what follows a chunked body
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
        self._give_up_answer()

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self._linger_timer is not None:
            return
        before = self._num_steps
        self._unset_keepalive_if_required()
        self._feed(data)
        if before != self._num_steps or self._is_refused:
            self._pending_bytes = 0
            return
        # All of it belongs to a header that goes on. The parser keeps an unfinished field to itself, so only
        # the raw bytes show how it grows.
        if self._in_headers:
            self._arm_header_timer()
        self._pending_bytes += len(data)
        if self._pending_bytes > MAX_HEADER_BYTES + MAX_URL_BYTES:
            self._refuse(431, "the header is too large")

    def _feed(self, data: bytes) -> None:
        """Clients may offer another protocol with a request (Java's: HTTP/2), which means the request all the same. The
        parser would leave its body to that protocol, so it gets the request anew, without the offer."""
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                except HttpParserUpgrade as offer:
                    if not self._is_offer:
                        raise
                    data = self._header_without_offer() + data[offer.args[0] :]
                else:
                    return
        except (HttpParserError, HttpParserUpgrade):
            if not self._is_refused:
                self._refuse(400, "not a valid HTTP request")

    def _header_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        fields = [
            b"%b: %b\r\n" % (name, value) for name, value in self.headers if name not in (b"upgrade", b"http2-settings")
        ]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(fields))

    # ---- the parser's callbacks -------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._is_offer = False
        self._header_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_headers:
            return  # what follows a chunked body is for nobody here
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4

    def on_headers_complete(self) -> None:
        if self._is_refused:
            return
        if any(name == b"upgrade" for name, _ in self.headers) and self.parser.should_upgrade():
            self._is_offer = True
            return
        self._in_headers = False
        self._num_steps += 1
        self._drop_timers()
        if len(self.url) > MAX_URL_BYTES:
            self._refuse(414, "the address is too long")
        elif len(self.headers) > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(431, "the header is too large")
        elif self._has_unclear_framing():
            self._refuse(400, "the request can be read in more than one way")
        else:
            super().on_headers_complete()
            self.cycle.transport = _AnswerTransport(self.transport, self.cycle)  # type: ignore[assignment]
            if not self.pipeline:
                self._answering = self.cycle

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
        self._num_steps += 1
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_offer:
            return
        self._in_headers = True
        self._num_steps += 1
        if not self._is_refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        is_body_missing = self._answering is not None and self._answering.more_body
        if self.pipeline:
            self._answering, _ = self.pipeline[-1]
        super().on_response_complete()
        if is_body_missing and not self.transport.is_closing():
            self._linger()

    # ---- endings ----------------------------------------------------------------------------

    def _refuse(self, status: int, text: str) -> None:
        """Answer what never became a whole request, and close."""
        self._is_refused = True
        self._drop_timers()
        answering = self._answering
        if answering is not None and not answering.response_complete:
            if answering.response_started or not answering.more_body:
                self.transport.close()  # the answer under way is another request's
                return
            self._give_up_answer()
        body = f"{text}\n".encode()
        self.transport.write(
            b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], len(body), body)
        )
        self._linger()

    def _give_up_answer(self) -> None:
        """Who makes it hears that nobody is there any more."""
        answering = self._answering
        if answering is not None and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()

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


class _AnswerTransport:
    """What one answer is written to: of a transport what uvicorn's answers use.

    Closing it leaves the connection to :meth:`BoundedProtocol._linger` where the answer is complete and its request's
    body is not.
    """

    __slots__ = ("_cycle", "_transport", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle = weakref.proxy(cycle)  # whose transport this is: what refers in circles waits for the collector
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        if not (self._cycle.response_complete and self._cycle.more_body):
            self._transport.close()
