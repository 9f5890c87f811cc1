"""One request and its answer, by Python's own HTTP client: over a Unix socket or TCP, with TLS or without.

Its own because to load an HTTP library takes as long as all the rest of ``dmr ls``. Knows no route, and
nothing of what is said; each request has a connection of its own, which is closed with its answer.
"""

import base64
import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from dmr_desktop.protocol.errors import HINT_HEADER, InvalidRequest

CONNECT_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024


class CannotConnect(Exception):
    """Nobody listens."""


class TimedOut(Exception):
    """Nothing came for too long."""


class Broken(Exception):
    """The connection ended too early, or what came is not HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """``target`` is path and query; ``timeout_seconds`` bounds each wait for something to come, None for ever."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | Iterable[bytes] | None
    timeout_seconds: float | None


class Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def hint(self) -> str:
        """What a refusal in plain text advises, "" if nothing."""
        ...

    @property
    def wants_key(self) -> bool:
        """Whether it refuses who does not send an API key, or another one."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes. Raises :class:`TimedOut`, :class:`Broken`."""
        ...

    def close(self) -> None: ...


class Transport(Protocol):
    def ask(self, request: Request) -> Answer:
        """Raises :class:`CannotConnect`, :class:`TimedOut`, :class:`Broken`, and what an iterable body raises."""
        ...


class EndpointTransport:
    """Opens nothing before it is asked, except the file of an own CA. Raises InvalidRequest if that is of no use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._prefix = ""
        self._headers: dict[str, str] = {}
        self._context: ssl.SSLContext | None = None
        if isinstance(endpoint, TcpEndpoint):
            parts = urlsplit(endpoint.url)
            self._prefix = parts.path
            if parts.username is not None:
                pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            if parts.scheme == "https":
                self._context = _context(endpoint)

    def ask(self, request: Request) -> Answer:
        connection = self._connection()
        try:
            _connect(connection)
            with _foreign_errors():
                connection.sock.settimeout(request.timeout_seconds)
                self._send(connection, request)
                return _Answer(connection, connection.getresponse())
        except _OfTheBody as error:
            connection.close()
            raise error.cause from None
        except BaseException:
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        if isinstance(self._endpoint, UnixEndpoint):
            return _UnixConnection(self._endpoint.path)
        parts = urlsplit(self._endpoint.url)
        host = parts.hostname or ""
        if self._context is not None:
            return http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=self._context)
        return http.client.HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        headers = {**self._headers, **request.headers}
        is_stream = request.body is not None and not isinstance(request.body, bytes)
        if is_stream:
            headers["Transfer-Encoding"] = "chunked"
        # Who refuses a body before its end closes the connection; the refusal is to be read all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                request.method,
                self._prefix + request.target,
                _shielded(request.body) if is_stream and not isinstance(request.body, bytes | None) else request.body,
                headers,
                encode_chunked=is_stream,
            )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CONNECT_SECONDS)
        self._path = path

    def connect(self) -> None:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(CONNECT_SECONDS)
            opened.connect(str(self._path))
        except BaseException:
            opened.close()
            raise
        self.sock = opened


class _Answer:
    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection, self._response = connection, response
        self.status = response.status
        self.hint = unquote(response.getheader(HINT_HEADER) or "")
        self.wants_key = response.status == 401 and response.getheader("WWW-Authenticate") is not None

    def chunks(self) -> Iterator[bytes]:
        # Python 3.11's read1 does not count what is left, and waits for more after the last byte.
        left = self._response.length
        while left is None or left > 0:
            with _foreign_errors():
                data = self._response.read1(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES))
            if not data:
                if left:
                    raise Broken(f"{left} bytes are missing")
                return
            left = None if left is None else left - len(data)
            yield data

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class _OfTheBody(Exception):
    """Raised by the caller's own body, and nothing of the connection's."""

    def __init__(self, cause: OSError) -> None:
        self.cause = cause


def _shielded(body: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except OSError as error:
        raise _OfTheBody(error) from error


def _connect(connection: http.client.HTTPConnection) -> None:
    try:
        connection.connect()
    except OSError as error:
        raise CannotConnect(str(error)) from error


@contextmanager
def _foreign_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise TimedOut(repr(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise Broken(repr(error)) from error


def _context(endpoint: TcpEndpoint) -> ssl.SSLContext:
    """How the certificate of an ``https`` address is checked."""
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_cert or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequest(f"the CA certificate {endpoint.ca_cert} cannot be used: {error}") from error
    if endpoint.skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
