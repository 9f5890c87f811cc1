"""The connection to the service: requests, streams and lines, with every failure as a protocol error.

Knows no route.
"""

import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from dmr_desktop import __version__
from dmr_desktop.client.answers import progress_from_json
from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from dmr_desktop.client.failures import error_from_response
from dmr_desktop.client.quick_httpx import httpx
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import (
    DMRError,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    RegistryError,
    ServiceUnreachable,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Progress

T = TypeVar("T")

NAME_HINT = "names look like ai/smollm2, hf.co/org/repo:Q4_K_M or dmr.local/demo"
START_HINT = "start it with `dmr serve --detach` or open the tray app (`dmr desktop`)"
FAR_HINT = (
    "the address is that of MODEL_RUNNER_HOST or of the context in use (`dmr context ls`); the service there must run, "
    "with its TCP port open (`dmr enable --tcp`)"
)
_OTHER_HINT = "is another program listening at this address? `dmr status` shows which one is asked"


class Connection:
    """Calls raise :class:`DMRError`; :class:`ServiceUnreachable` when nobody listens or the connection breaks.

    Streams are generators: closing one (or leaving its loop) closes its connection, by which the service
    cancels the work. ``timeout_seconds`` bounds each wait for an answer of a call that is not a stream.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._socket: Path | None = None
        headers = {"User-Agent": f"dmr-desktop/{__version__}", "Accept": "application/json"}
        match endpoint:
            case UnixEndpoint(path):
                base = "http://localhost"
                if transport is None:
                    self._socket, transport = path, httpx.HTTPTransport(uds=str(path), verify=False)
            case TcpEndpoint(url):
                base = url
                if endpoint.api_key:
                    headers["Authorization"] = f"Bearer {endpoint.api_key}"
        self._http = httpx.Client(
            base_url=base,
            transport=transport,
            timeout=httpx.Timeout(timeout_seconds, connect=5.0),
            headers=headers,
            trust_env=False,  # a proxy must never stand between us and this machine
            verify=_verification(endpoint),
        )

    @property
    def start_hint(self) -> str:
        """What to do when nobody answers."""
        return START_HINT if isinstance(self.endpoint, UnixEndpoint) else FAR_HINT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _progress(
        self,
        path: str,
        body: JSON = None,
        *,
        content: Iterable[bytes] | None = None,
        failure: type[DMRError] = RegistryError,
    ) -> Iterator[Progress]:
        """Progress lines up to ``success``; ``content`` is sent in the place of a JSON body.

        ``failure`` is what a failure becomes that has no type of its own.
        """
        try:
            with self._stream("POST", path, body, content=content) as response:
                for line in lines_of(response):
                    if not line.strip():
                        continue
                    progress = progress_from_json(parsed(line))
                    if progress.type == "error":
                        raise failure(progress.message.removeprefix("Error: "))
                    yield progress
                    if progress.type == "success":
                        return
        except DMRError as error:
            if type(error) is DMRError:
                raise failure(error.message, hint=error.hint, evidence=error.evidence) from error
            raise
        raise ServiceUnreachable("the transfer broke off: the service closed the connection", hint=self.start_hint)

    def _json(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        timeout_seconds: float | None = -1,
    ) -> Any:
        return parsed(self._send(method, path, body, params=params, timeout_seconds=timeout_seconds).text)

    def _own_json(self, path: str) -> Any:
        """What every service has at ``path``. Raises :class:`DMRError` if something else answers there."""
        try:
            return self._json("GET", path)
        except ModelNotFound as error:
            raise DMRError(
                f"what answers at {self.endpoint} is no model runner", hint=_OTHER_HINT, evidence=error.message[:200]
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float | None = -1,
    ) -> httpx.Response:
        """``timeout_seconds`` -1: the client's own; None: no limit."""
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_seconds == -1 else httpx.Timeout(timeout_seconds, connect=5.0)
        with self._foreign_errors():
            response = self._http.request(method, path, json=body, params=params, headers=headers, timeout=timeout)
        if not response.is_success:
            raise error_from_response(response.status_code, response.content)
        return response

    @contextmanager
    def _stream(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: Iterable[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(None, connect=5.0)
        with (
            self._foreign_errors(),
            self._http.stream(
                method, path, json=body, params=params, headers=headers, content=content, timeout=timeout
            ) as response,
        ):
            if not response.is_success:
                raise error_from_response(response.status_code, response.read())
            yield response

    @contextmanager
    def _foreign_errors(self) -> Iterator[None]:
        # Seen beforehand: httpcore leaks a socket object at each refused Unix connection.
        if self._socket is not None and not self._socket.exists():
            raise ServiceUnreachable(f"no service answers at {self.endpoint}", hint=self.start_hint)
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidRequest("a text holds bytes that are not UTF-8", hint="convert it, e.g. with iconv") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ServiceUnreachable(
                f"no service answers at {self.endpoint}", hint=self.start_hint, evidence=str(error)
            ) from error
        except httpx.TimeoutException as error:
            raise DMRError(
                f"the service at {self.endpoint} did not answer in time",
                hint="`dmr logs` tells what it is doing",
                evidence=repr(error),
            ) from error
        except httpx.TransportError as error:
            raise ServiceUnreachable(
                f"the connection to the service at {self.endpoint} was lost",
                hint="`dmr logs` tells why; " + self.start_hint,
                evidence=repr(error),
            ) from error


def lines_of(response: httpx.Response) -> Iterator[str]:
    """Lines ended by LF (CR LF too). httpx's own splitter also cuts at U+2028, which JSON text may hold."""
    rest = ""
    for text in response.iter_text():
        *lines, rest = (rest + text).split("\n")
        yield from (line.removesuffix("\r") for line in lines)
    if rest:
        yield rest


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DMRError(
            "the service answered with something that is not JSON",
            hint=_OTHER_HINT,
            evidence=text[:200],
        ) from error


def checked(load: Callable[[JSON], T], data: Any) -> T:
    try:
        return load(data)
    except wire.WireError as error:
        raise DMRError(
            f"the service speaks another version of this program's language ({error})",
            hint="restart it: `dmr stop`, then `dmr serve --detach`",
        ) from error


def loaded(cls: type[T], data: Any) -> T:
    return checked(lambda value: wire.load(cls, value), data)


def list_of(value: Any, what: str) -> list[Any]:
    """``value`` if it is a list."""
    if isinstance(value, list):
        return value
    raise DMRError(
        f"the service answered with something that is not {what}",
        hint=_OTHER_HINT,
    )


def path_of(reference: str) -> str:
    """The reference as path segments. One that would climb out of ``/models/`` is refused here."""
    if any(segment in ("", ".", "..") for segment in reference.split("/")):
        raise InvalidReference(f"{reference!r} is not a model name", hint=NAME_HINT)
    try:
        return quote(reference, safe="/:@")
    except UnicodeEncodeError as error:
        raise InvalidReference(f"{reference!r} is not a model name", hint=NAME_HINT) from error


def _verification(endpoint: Endpoint) -> ssl.SSLContext | bool:
    """How the certificate of an ``https`` address is checked; at any other there is none, and so nothing is loaded."""
    if isinstance(endpoint, UnixEndpoint) or not endpoint.url.startswith("https:") or endpoint.skip_verify:
        return False
    if not endpoint.ca_cert:
        return True
    try:
        return ssl.create_default_context(cafile=endpoint.ca_cert)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequest(f"the CA certificate {endpoint.ca_cert} cannot be used: {error}") from error
