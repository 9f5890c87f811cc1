"""HTTP to the first place that answers, over TCP or a Unix socket; safe for many threads and event loops.

Knows nothing of models. What no repetition can mend is raised as the OpenAI SDK's own error, which the SDK passes
on at once instead of trying again: nobody listens, or an answer did not come within minutes.
"""

import asyncio
import os
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import openai

from dmr_langchain._address import Place

CONNECT_SECONDS = 5.0
DEFAULT_TIMEOUT = httpx.Timeout(connect=CONNECT_SECONDS, read=600.0, write=60.0, pool=600.0)
"""``read`` is long because a model may first have to be loaded, and a CPU takes its time over a long prompt."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)
# Kept-alive asynchronous connections belong to the event loop that made them and break when it is closed,
# as each asyncio.run() does. On one machine a new connection costs a tenth of a millisecond.
_NO_KEEPALIVE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_PAUSES = (0.25, 0.75)
"""Seconds between rounds of trying all places: a service that is being restarted is back by then."""
_PATIENCE_SECONDS = 2.0
"""After which no further round begins: connecting may take its time, too."""


class PlacesTransport(httpx.BaseTransport):
    """Tries ``places`` in order until one accepts the connection; that one comes first from then on."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = tuple(places)
        self._first = 0
        self._transports = [
            httpx.HTTPTransport(uds=place.socket_path, verify=_verify(place), trust_env=False, limits=_LIMITS)
            for place in places
        ]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        refused: list[str] = []
        begun = time.monotonic()
        for pause in (*_PAUSES, None):
            refused.clear()
            response = self._try_all(request, refused)
            if response is not None:
                return response
            if pause is None or time.monotonic() - begun > _PATIENCE_SECONDS:
                break
            time.sleep(pause)
        raise openai.APIConnectionError(message="; ".join(refused), request=request)

    def _try_all(self, request: httpx.Request, refused: list[str]) -> httpx.Response | None:
        for index in _order(self._first, len(self._places)):
            place = self._places[index]
            if _is_missing(place):
                refused.append(f"{place} (no such socket)")
                continue
            try:
                with _final_timeouts(request):
                    response = self._transports[index].handle_request(_readdressed(request, self._places[0], place))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused.append(f"{place} ({error})")
                continue
            self._first = index
            return response
        return None

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


class AsyncPlacesTransport(httpx.AsyncBaseTransport):
    """The same for event loops: each has connections of its own."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = tuple(places)
        self._first = 0
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, list[httpx.AsyncHTTPTransport]] = (
            WeakKeyDictionary()
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        refused: list[str] = []
        begun = time.monotonic()
        for pause in (*_PAUSES, None):
            refused.clear()
            response = await self._try_all(request, refused)
            if response is not None:
                return response
            if pause is None or time.monotonic() - begun > _PATIENCE_SECONDS:
                break
            await asyncio.sleep(pause)
        raise openai.APIConnectionError(message="; ".join(refused), request=request)

    async def _try_all(self, request: httpx.Request, refused: list[str]) -> httpx.Response | None:
        transports = self._transports_of_this_loop()
        for index in _order(self._first, len(self._places)):
            place = self._places[index]
            if _is_missing(place):
                refused.append(f"{place} (no such socket)")
                continue
            try:
                with _final_timeouts(request):
                    response = await transports[index].handle_async_request(
                        _readdressed(request, self._places[0], place)
                    )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused.append(f"{place} ({error})")
                continue
            self._first = index
            return response
        return None

    def _transports_of_this_loop(self) -> list[httpx.AsyncHTTPTransport]:
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = [
                httpx.AsyncHTTPTransport(
                    uds=place.socket_path, verify=_verify(place), trust_env=False, limits=_NO_KEEPALIVE
                )
                for place in self._places
            ]
        return self._by_loop[loop]

    async def aclose(self) -> None:
        for transport in self._by_loop.pop(asyncio.get_running_loop(), []):
            await transport.aclose()


def make_clients(places: Sequence[Place], *, trust_env: bool = False) -> tuple[httpx.Client, httpx.AsyncClient]:
    """Clients for ``places``. Proxies and netrc of the environment are used with ``trust_env`` only, and then for the
    first place that is no socket: through a proxy nobody can tell which of several is there.
    """
    if trust_env and not places[0].socket_path:
        return (
            httpx.Client(trust_env=True, timeout=DEFAULT_TIMEOUT, limits=_NO_KEEPALIVE),
            httpx.AsyncClient(trust_env=True, timeout=DEFAULT_TIMEOUT, limits=_NO_KEEPALIVE),
        )
    transport = PlacesTransport(places)
    client = httpx.Client(transport=transport, trust_env=False, timeout=DEFAULT_TIMEOUT)
    # Nobody closes a model. A method __del__ would come too late: the collector may finalize the sockets first.
    weakref.finalize(client, transport.close)
    return (
        client,
        httpx.AsyncClient(transport=AsyncPlacesTransport(places), trust_env=False, timeout=DEFAULT_TIMEOUT),
    )


def as_timeout(value: Any) -> Any:
    """For httpx. ``openai.Timeout`` is of another library, httpx2, since version 3 of the SDK; None is our own."""
    if value is None:
        return DEFAULT_TIMEOUT
    return httpx.Timeout(**value.as_dict()) if hasattr(value, "as_dict") else value


@contextmanager
def _final_timeouts(request: httpx.Request) -> Iterator[None]:
    """Whoever waited ten minutes for an answer does not want the same work begun once more."""
    try:
        yield
    except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise openai.APITimeoutError(request) from error


def _is_missing(place: Place) -> bool:
    """Seen beforehand: httpcore leaks a socket object at each refused Unix connection."""
    return place.socket_path is not None and not os.path.exists(place.socket_path)


def _verify(place: Place) -> bool:
    """Certificates are checked wherever there are some; loading the list of authorities takes time."""
    return place.base_url.startswith("https:")


def _order(first: int, count: int) -> list[int]:
    return [first, *(index for index in range(count) if index != first)]


def _readdressed(request: httpx.Request, written_for: Place, place: Place) -> httpx.Request:
    """``request``, addressed to ``written_for``, as one to ``place``. Bodies are bytes here: they can be sent twice."""
    if place.base_url == written_for.base_url:
        return request
    url = str(request.url)
    for old, new in ((written_for.base_url, place.base_url), (written_for.root, place.root)):
        if url.startswith(old):
            url = new + url[len(old) :]
            break
    headers = request.headers.copy()
    headers["Host"] = httpx.URL(url).netloc.decode("ascii")
    return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
