"""The first layer of every request: who may ask, and how much may be sent.

In front of all routes, unknown ones included, so that no web page can use this service behind its
user's back: a rebound host name fails at ``Host``, a foreign page at ``Origin`` or ``Sec-Fetch-Site``. Also
answers CORS for the origins that are allowed, bounds the request's body in bytes and in time, and
normalises the path. Knows no route.
"""

import asyncio
import ipaddress
import math
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmr_desktop.protocol.errors import AccessDenied, DMRError, InvalidRequest, PayloadTooLarge
from dmr_desktop.service.access import CONTAINER_HOSTS, ApiKey, Door, check_door
from dmr_desktop.service.answers import HTTPProblem, error_answer
from dmr_desktop.service.paths import normalise_path

MAX_BODY_BYTES = 10 * 1024 * 1024
BODY_SECONDS = 60.0
BODY_IDLE_SECONDS = 20.0

LARGE_BODIES = frozenset({"/models/load"})
"""Paths whose bodies are worked on while they arrive: of any size and length of time, but never idle for long."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN_ENTRY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9\[\]:._-]+(?::\*)?/?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_ORIGINS = 64
_CORS_ANSWER = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    # The wildcard does not cover Authorization, which every OpenAI client sends.
    "Access-Control-Allow-Headers": "*, Authorization",
}


def is_loopback(name: str) -> bool:
    """``localhost``, or a literal loopback address; ``name`` without port, IPv6 in brackets."""
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_origins(entries: Iterable[object]) -> tuple[str, ...]:
    """Entries that :class:`OriginRule` understands. Raises InvalidRequest."""
    found = []
    for entry in entries:
        if not isinstance(entry, str) or not (entry == "*" or _ORIGIN_ENTRY.fullmatch(entry)):
            raise InvalidRequest(f"invalid request: 'origins': {str(entry)[:100]!r} is neither a web origin nor \"*\"")
        found.append(entry)
    return tuple(found)


class OriginRule:
    """Which web origins may read answers: loopback ones on any port, those listed, or all with ``*``.

    An entry may end in ``:*`` for any port.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        entries = [entry.rstrip("/").lower() for entry in origins]
        self.allows_all = "*" in entries
        self._exact = frozenset(entries)
        self._any_port = frozenset(entry.removesuffix(":*") for entry in entries if entry.endswith(":*"))

    def allows(self, origin: str) -> bool:
        if self.allows_all:
            return True
        origin = origin.lower()
        if origin in self._exact:
            return True
        found = _ORIGIN.fullmatch(origin)
        if found is None:
            return False
        without_port = origin[: found.end("name")]
        return is_loopback(found["name"]) or found["name"] == "0.0.0.0" or without_port in self._any_port


class Guard:
    """An ASGI layer. ``hosts`` are names allowed in ``Host`` besides loopback ones; the Unix socket allows any.

    ``container_hosts`` are addresses that containers may also use. Who has ``api_key`` may do all by any door.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        container_hosts: Iterable[str] = (),
        api_key: ApiKey | None = None,
    ) -> None:
        self._app = app
        self._container_hosts = CONTAINER_HOSTS.union(_as_host(address) for address in container_hosts)
        self._key = api_key or ApiKey(None)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = OriginRule(origins)

    def allow_origins(self, origins: Iterable[str]) -> None:
        """From now on these, in the place of those so far."""
        self._origins = OriginRule(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = normalise_path(scope["path"])
        headers = Headers(scope=scope)
        try:
            if scope["method"] not in METHODS:
                raise HTTPProblem(405, "Method Not Allowed", headers={"Allow": ", ".join(METHODS)})
            if _CONTROL.search(scope["path"]):
                raise HTTPProblem(400, "the address holds control characters")
            self._check_host(scope, headers)
            origin = self._check_origin(headers)
            is_large = scope["path"] in LARGE_BODIES
            _check_body_headers(headers, is_large)
        except (DMRError, HTTPProblem) as error:
            await error_answer(scope, error)(scope, receive, send)
            return
        if origin is not None:
            if scope["method"] == "OPTIONS":
                answer = Response(status_code=204, headers={**_CORS_ANSWER, "Access-Control-Allow-Origin": origin})
                await answer(scope, receive, send)
                return
            send = _with_origin(send, origin)
        try:
            check_door(_door(scope), scope["method"], scope["path"], headers, self._key)
        except (DMRError, HTTPProblem) as error:
            await error_answer(scope, error)(scope, receive, send)
            return
        await self._app(scope, _BoundedBody(receive, is_large).receive, send)

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("host")
        if len(given) > 1:
            raise HTTPProblem(400, "more than one Host header")
        door = _door(scope)
        if door == "unix":
            return
        found = _HOST.fullmatch(given[0]) if given else None
        if found is None:
            raise HTTPProblem(400, "a valid Host header is needed")
        name = found["name"].lower()
        if door == "network" or (door == "container" and name in self._container_hosts):
            return  # a page that was rebound to this machine has no key
        if not (is_loopback(name) or name in self._hosts):
            raise AccessDenied(f"Host not allowed: {name} (set DMR_HOSTS={name}, or hosts in config.toml, to allow it)")

    def _check_origin(self, headers: Headers) -> str | None:
        """The allowed origin; None if a page did not send this. Raises AccessDenied."""
        given = headers.getlist("origin")
        if given:
            if len(given) == 1 and self._origins.allows(given[0]):
                return given[0]
            raise AccessDenied(
                "Origin not allowed", hint="allow it by origins = [...] in config.toml or by DMR_ORIGINS"
            )
        # Without Origin a browser sends what a page loads like an image; other clients send no such header.
        site = headers.get("sec-fetch-site", "none").lower()
        if site not in ("none", "same-origin") and not self._origins.allows_all:
            raise AccessDenied("Requests from web pages of other sites are not allowed")
        return None


def _as_host(address: str) -> str:
    return f"[{address.lower()}]" if ":" in address else address


def _door(scope: Scope) -> Door:
    """TCP on loopback if nothing is said."""
    door: Door = scope.get("state", {}).get("door", "tcp")
    return door


def _check_body_headers(headers: Headers, is_large: bool) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPProblem(415, "an encoded body (Content-Encoding) is not supported")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise HTTPProblem(400, "a bad Content-Length header")
    if len(length) > 18 or (int(length) > MAX_BODY_BYTES and not is_large):
        raise _too_large()


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"request too large: at most {MAX_BODY_BYTES} bytes")


def _with_origin(send: Send, origin: str) -> Send:
    async def send_with_origin(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers.add_vary_header("Origin")
        await send(message)

    return send_with_origin


class _BoundedBody:
    """``receive`` with limits, until the body is complete; then the plain one, which waits for the disconnect.

    Raises PayloadTooLarge and HTTPProblem into whoever reads; :class:`~.error_layer.ErrorLayer` answers them.
    """

    __slots__ = ("_deadline", "_is_complete", "_is_large", "_num_bytes", "_receive")

    def __init__(self, receive: Receive, is_large: bool = False) -> None:
        self._receive = receive
        self._is_large = is_large
        self._num_bytes = 0
        self._is_complete = False
        self._deadline: float | None = None

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = math.inf if self._is_large else now + BODY_SECONDS
        try:
            async with asyncio.timeout_at(min(self._deadline, now + BODY_IDLE_SECONDS)):
                message = await self._receive()
        except TimeoutError:
            raise HTTPProblem(408, "the request's body did not arrive in time") from None
        if message["type"] == "http.request":
            self._num_bytes += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._num_bytes > MAX_BODY_BYTES and not self._is_large:
                raise _too_large()
        return message
