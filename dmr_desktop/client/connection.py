"""The connection to the service: requests, streams and lines, with every failure as a protocol error.

Knows no route.
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

from dmr_desktop import __version__
from dmr_desktop.client.answers import progress_from_json
from dmr_desktop.client.endpoint import KEY_VARIABLE, Endpoint, TcpEndpoint, UnixEndpoint
from dmr_desktop.client.failures import error_from_response
from dmr_desktop.client.http import Answer, Broken, CannotConnect, EndpointTransport, Request, TimedOut, Transport
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import (
    AccessDenied,
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
KEY_HINT = f"set {KEY_VARIABLE} to it; `dmr enable --lan --new-key` on that machine makes another one"
_OTHER_HINT = "is another program listening at this address? `dmr status` shows which one is asked"


class Connection:
    """Calls raise :class:`DMRError`; :class:`ServiceUnreachable` when nobody listens or the connection breaks.

    Streams are generators: closing one (or leaving its loop) closes its connection, by which the service
    cancels the work. ``timeout_seconds`` bounds each wait for an answer of a call that is not a stream.
    """

    def __init__(
        self, endpoint: Endpoint, *, timeout_seconds: float = 30.0, transport: Transport | None = None
    ) -> None:
        self.endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._transport = transport if transport is not None else EndpointTransport(endpoint)
        self._headers = {"User-Agent": f"dmr-desktop/{__version__}", "Accept": "application/json"}
        if isinstance(endpoint, TcpEndpoint) and endpoint.api_key:
            self._headers["Authorization"] = f"Bearer {endpoint.api_key}"

    @property
    def start_hint(self) -> str:
        """What to do when nobody answers."""
        return START_HINT if isinstance(self.endpoint, UnixEndpoint) else FAR_HINT

    @property
    def key_hint(self) -> str:
        """What to do when it asks for a key."""
        return KEY_HINT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Nothing stays open between calls."""

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
            with self._stream("POST", path, body, content=content) as answer:
                for line in lines_of(answer):
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
        return parsed(self._send(method, path, body, params=params, timeout_seconds=timeout_seconds))

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
    ) -> str:
        """The text of the answer. ``timeout_seconds`` -1: the client's own; None: no limit."""
        timeout = self._timeout_seconds if timeout_seconds == -1 else timeout_seconds
        with self._asked(method, path, body, params, headers, None, timeout) as answer:
            return b"".join(answer.chunks()).decode("utf-8", "replace")

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
    ) -> Iterator[Answer]:
        with self._asked(method, path, body, params, headers, content, None) as answer:
            yield answer

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        body: JSON,
        params: dict[str, str] | None,
        headers: dict[str, str] | None,
        content: Iterable[bytes] | None,
        timeout_seconds: float | None,
    ) -> Iterator[Answer]:
        """An answer of success, open as long as the context. Raises :class:`DMRError`."""
        target = f"{path}?{urlencode(params, quote_via=quote)}" if params else path
        all_headers = {**self._headers, **(headers or {})}
        with self._foreign_errors():
            sent: bytes | Iterable[bytes] | None = content
            if body is not None:
                sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
                all_headers["Content-Type"] = "application/json"
            answer = self._transport.ask(Request(method, target, all_headers, sent, timeout_seconds))
            try:
                if answer.wants_key:
                    raise AccessDenied(f"the service at {self.endpoint} wants its API key", hint=self.key_hint)
                if not 200 <= answer.status < 300:
                    raise error_from_response(answer.status, b"".join(answer.chunks()), answer.hint)
                yield answer
            finally:
                answer.close()

    @contextmanager
    def _foreign_errors(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidRequest("a text holds bytes that are not UTF-8", hint="convert it, e.g. with iconv") from error
        except CannotConnect as error:
            raise ServiceUnreachable(
                f"no service answers at {self.endpoint}", hint=self.start_hint, evidence=self._evidence(error)
            ) from error
        except TimedOut as error:
            raise DMRError(
                f"the service at {self.endpoint} did not answer in time",
                hint="`dmr logs` tells what it is doing",
                evidence=str(error),
            ) from error
        except Broken as error:
            raise ServiceUnreachable(
                f"the connection to the service at {self.endpoint} was lost",
                hint="`dmr logs` tells why; " + self.start_hint,
                evidence=str(error),
            ) from error

    def _evidence(self, error: CannotConnect) -> str:
        """A missing socket is the usual case, and no evidence of anything."""
        return "" if isinstance(error.__cause__, FileNotFoundError) else str(error)


def lines_of(answer: Answer) -> Iterator[str]:
    """Lines ended by LF (CR LF too), and by nothing else: JSON text may hold U+2028."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in answer.chunks():
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (line.removesuffix("\r") for line in lines)
    rest += decoder.decode(b"", final=True)
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
