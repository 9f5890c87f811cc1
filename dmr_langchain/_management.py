"""Plain HTTP to the service's management routes, with this package's errors."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai
from pydantic import SecretStr

from dmr_langchain._address import Place
from dmr_langchain._transport import as_timeout, make_clients
from dmr_langchain.errors import helpful_errors

_CLASSES: Mapping[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``about`` is the model it speaks of, for messages."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] | None = None
    about: str = "the model"
    accept: str = "*/*"
    refuses_with_500: bool = False
    """As Docker Model Runner does with settings: no failure of the service."""


class Management:
    """``send`` answers JSON (None for an empty body), ``stream`` lines; each with an asynchronous twin."""

    def __init__(
        self,
        places: Sequence[Place],
        *,
        api_key: SecretStr | None = None,
        timeout: Any = None,
        headers: Mapping[str, str] | None = None,
        trust_env: bool = False,
    ) -> None:
        self.places = tuple(places)
        self._timeout = as_timeout(timeout)
        key = {"Authorization": f"Bearer {api_key.get_secret_value().strip()}"} if api_key else {}
        self._headers = {**key, **(headers or {})}
        self._http, self._async_http = make_clients(self.places, trust_env=trust_env)

    def send(self, call: Call) -> Any:
        with self._errors(call):
            return _json(call, self._http.send(self._request(self._http, call)))

    async def asend(self, call: Call) -> Any:
        with self._errors(call):
            return _json(call, await self._async_http.send(self._request(self._async_http, call)))

    @contextmanager
    def stream(self, call: Call) -> Iterator[Iterator[str]]:
        with self._errors(call):
            response = self._http.send(self._request(self._http, call), stream=True)
            try:
                if response.is_error:
                    response.read()
                    raise status_error(response)
                yield response.iter_lines()
            finally:
                response.close()

    @asynccontextmanager
    async def astream(self, call: Call) -> AsyncIterator[AsyncIterator[str]]:
        with self._errors(call):
            response = await self._async_http.send(self._request(self._async_http, call), stream=True)
            try:
                if response.is_error:
                    await response.aread()
                    raise status_error(response)
                yield response.aiter_lines()
            finally:
                await response.aclose()

    def _request(self, client: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
        return client.build_request(
            call.method,
            self.places[0].root + call.path,
            json=call.body,
            params=call.params,
            headers={**self._headers, "Accept": call.accept},
            timeout=self._timeout,
        )

    @contextmanager
    def _errors(self, call: Call) -> Iterator[None]:
        with helpful_errors(call.about, self.places):
            try:
                yield
            except httpx.TimeoutException as error:
                raise openai.APITimeoutError(error.request) from error
            except httpx.TransportError as error:
                raise openai.APIConnectionError(message=str(error), request=error.request) from error


def status_error(response: httpx.Response) -> openai.APIStatusError:
    """What the OpenAI SDK would raise for ``response``, whose body has been read."""
    kind = _CLASSES.get(response.status_code, openai.APIStatusError)
    if kind is openai.APIStatusError and response.status_code >= 500:
        kind = openai.InternalServerError
    try:
        data = response.json()
    except ValueError:
        data = None
    body = data.get("error", data) if isinstance(data, dict) else data
    words = body.get("message") if isinstance(body, dict) else None
    return kind(str(words or response.text.strip() or response.reason_phrase), response=response, body=body)


def _json(call: Call, response: httpx.Response) -> Any:
    if response.is_error:
        error = status_error(response)
        if call.refuses_with_500 and response.status_code == 500:
            error = openai.BadRequestError(error.message, response=response, body=error.body)
        raise error
    return response.json() if response.content.strip() else None
