"""The OpenAI SDK's clients, cut off from everything that is OpenAI's: its environment, its organisations, its proxy."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import httpx
import openai
from pydantic import SecretStr

from dmr_langchain._address import Place
from dmr_langchain._transport import as_timeout, make_clients

NO_KEY = "not-needed"
"""Sent when the user has no key: the SDK insists on one, the service does not look at it."""

Clients: TypeAlias = tuple[openai.OpenAI, openai.AsyncOpenAI]

MAX_RETRIES = 4
"""After a full queue, or a service that is not ready yet. Refused connections and timeouts are not repeated."""


def make_sdk_clients(
    places: Sequence[Place],
    *,
    api_key: SecretStr | None,
    timeout: Any,
    max_retries: int | None,
    default_headers: Mapping[str, str] | None = None,
    default_query: Mapping[str, object] | None = None,
    http_client: Any | None = None,
    http_async_client: Any | None = None,
    trust_env: bool = False,
) -> Clients:
    """``timeout`` is seconds, an ``httpx.Timeout`` or an ``openai.Timeout``; None stands for this package's own."""
    ours = None if http_client and http_async_client else make_clients(places, trust_env=trust_env)
    options: dict[str, Any] = {
        "base_url": places[0].base_url,
        "api_key": (api_key.get_secret_value().strip() if api_key else "") or NO_KEY,
        "timeout": as_timeout(timeout),
        "max_retries": MAX_RETRIES if max_retries is None else max_retries,
        "default_query": default_query,
    }
    sdk = openai.OpenAI(**options, http_client=http_client or (ours and ours[0]))
    async_sdk = openai.AsyncOpenAI(**options, http_client=http_async_client or (ours and ours[1]))
    for client in (sdk, async_sdk):
        # Given None, the SDK fills these from OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY,
        # OPENAI_WEBHOOK_SECRET and OPENAI_CUSTOM_HEADERS; none of that is the service's business.
        client.organization = None
        client.project = None
        client.admin_api_key = None
        client.webhook_secret = None
        client._custom_headers = dict(default_headers or {})
    return sdk, async_sdk


def configure(sdk: openai.OpenAI, wish: Mapping[str, Any]) -> None:
    """Set how a model is to be run (DMR's ``_configure``). Raises the SDK's errors; 409 while others use the model."""
    url, body = unversioned(sdk) + "/_configure", dict(wish)
    try:
        sdk.post(url, cast_to=httpx.Response, body=body, options={"max_retries": 0})
    except openai.ConflictError:
        if not sdk.max_retries:
            raise
        sdk.post(url, cast_to=httpx.Response, body=body)
    except openai.InternalServerError as error:
        raise _refused(error) from error


async def aconfigure(sdk: openai.AsyncOpenAI, wish: Mapping[str, Any]) -> None:
    url, body = unversioned(sdk) + "/_configure", dict(wish)
    try:
        await sdk.post(url, cast_to=httpx.Response, body=body, options={"max_retries": 0})
    except openai.ConflictError:
        if not sdk.max_retries:
            raise
        await sdk.post(url, cast_to=httpx.Response, body=body)
    except openai.InternalServerError as error:
        raise _refused(error) from error


def _refused(error: openai.InternalServerError) -> openai.APIStatusError:
    """Docker Model Runner says 500 to a setting that it does not honour: no failure, and no use to repeat."""
    if error.status_code != 500:
        return error
    return openai.BadRequestError(error.message, response=error.response, body=error.body)


def tokenize(sdk: openai.OpenAI, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The service's answer: ``tokens``, ``count``, ``max_model_len``. None if it has no such route (as DMR).

    Raises the SDK's errors.
    """
    try:
        response = sdk.post("/tokenize", cast_to=httpx.Response, body=dict(body))
    except openai.NotFoundError as error:
        if _knows_the_route(error):
            raise
        return None
    return dict(response.json())


async def atokenize(sdk: openai.AsyncOpenAI, body: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        response = await sdk.post("/tokenize", cast_to=httpx.Response, body=dict(body))
    except openai.NotFoundError as error:
        if _knows_the_route(error):
            raise
        return None
    return dict(response.json())


def unversioned(sdk: openai.OpenAI | openai.AsyncOpenAI) -> str:
    """The base without ``/v1``, under which Docker Model Runner has what OpenAI has not."""
    return str(sdk.base_url).rstrip("/").removesuffix("/v1")


def _knows_the_route(error: openai.NotFoundError) -> bool:
    """Only a service that has it writes an error object; others answer a plain "not found"."""
    return isinstance(error.body, dict)
