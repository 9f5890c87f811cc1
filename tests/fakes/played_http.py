"""A service that is a function from httpx's request to httpx's response, in the place of the client's connections."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from dmr_desktop.client.http import Answer, Broken, CannotConnect, Request, TimedOut

Handler = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class PlayedAnswer:
    status: int
    body: bytes
    hint: str = ""
    wants_key: bool = False

    def chunks(self) -> Iterator[bytes]:
        yield self.body

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class PlayedHTTP:
    handler: Handler
    root: str = "http://dmr.test"

    def ask(self, request: Request) -> Answer:
        body = request.body if isinstance(request.body, bytes) else b"".join(request.body or ())
        asked = httpx.Request(request.method, self.root + request.target, headers=dict(request.headers), content=body)
        try:
            response = self.handler(asked)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CannotConnect(str(error)) from error
        except httpx.TimeoutException as error:
            raise TimedOut(str(error)) from error
        except httpx.TransportError as error:
            raise Broken(str(error)) from error
        wants_key = response.status_code == 401 and "WWW-Authenticate" in response.headers
        return PlayedAnswer(response.status_code, response.read(), wants_key=wants_key)
