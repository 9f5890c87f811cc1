"""HTTP to the first place that answers, over TCP or a Unix socket; safe for many threads and event loops.

Knows nothing of models.
"""

import asyncio
import os
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import httpx

from dmr_langchain._address import Place

CONNECT_SECONDS = 5.0
DEFAULT_TIMEOUT = httpx.Timeout(connect=CONNECT_SECONDS, read=600.0, write=60.0, pool=600.0)
"""``read`` is long because a model may first have to be loaded, and a CPU takes its time over a long prompt."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)
# Kept-alive asynchronous connections belong to the event loop that made them and break when it is closed,
# as each asyncio.run() does. On one machine a new connection costs a tenth of a millisecond.
_NO_KEEPALIVE = httpx.Limits(max_connections=None, max_keepalive_connections=0)


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
        for index in _order(self._first, len(self._places)):
            place = self._places[index]
            if _is_missing(place):
                refused.append(f"{place} (no such socket)")
                continue
            try:
                response = self._transports[index].handle_request(_readdressed(request, self._places[0], place))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused.append(f"{place} ({error})")
                continue
            self._first = index
            return response
        raise httpx.ConnectError("; ".join(refused), request=request)

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
        transports = self._transports_of_this_loop()
        refused: list[str] = []
        for index in _order(self._first, len(self._places)):
            place = self._places[index]
            if _is_missing(place):
                refused.append(f"{place} (no such socket)")
                continue
            try:
                response = await transports[index].handle_async_request(_readdressed(request, self._places[0], place))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused.append(f"{place} ({error})")
                continue
            self._first = index
            return response
        raise httpx.ConnectError("; ".join(refused), request=request)

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


class SyncClient(httpx.Client):
    """Closes its sockets when nobody holds it any more."""

    def __del__(self) -> None:
        if not self.is_closed:
            self.close()


def make_clients(places: Sequence[Place]) -> tuple[SyncClient, httpx.AsyncClient]:
    """Clients for ``places``; no proxy, no netrc, nothing of the environment is used."""
    return (
        SyncClient(transport=PlacesTransport(places), trust_env=False, timeout=DEFAULT_TIMEOUT),
        httpx.AsyncClient(transport=AsyncPlacesTransport(places), trust_env=False, timeout=DEFAULT_TIMEOUT),
    )


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
    url = str(request.url).replace(written_for.base_url, place.base_url, 1)
    headers = request.headers.copy()
    headers["Host"] = httpx.URL(url).netloc.decode("ascii")
    return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
