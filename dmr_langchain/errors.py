"""What can go wrong, as exceptions that say what to do next.

Each is both an OpenAI SDK error and a LangChain model error, so code written for either catches it::

    DMRError
     ├─ DMRConnectionError        openai.APIConnectionError   ModelConnectionError
     ├─ DMRTimeoutError           openai.APITimeoutError      ModelTimeoutError
     ├─ DMRModelNotFoundError     openai.NotFoundError        ModelNotFoundError
     ├─ DMRContextOverflowError   openai.BadRequestError      ContextOverflowError
     ├─ DMRBadRequestError        openai.BadRequestError      ModelInvalidRequestError
     ├─ DMRBusyError              openai.RateLimitError       ModelRateLimitError
     └─ DMRServerError            openai.APIError             ModelAPIError
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import openai
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from dmr_langchain._address import Place

_OVERFLOW_WORDS = ("context_length_exceeded", "exceeds the available context size", "maximum context length")


class DMRError(Exception):
    """Base of all errors of this package."""


class DMRConnectionError(DMRError, openai.APIConnectionError, ModelConnectionError):
    """No service answers."""


class DMRTimeoutError(DMRError, openai.APITimeoutError, ModelTimeoutError):
    """The service took longer than ``timeout``."""


class DMRModelNotFoundError(DMRError, openai.NotFoundError, ModelNotFoundError):
    """The model is not on this machine."""


class DMRContextOverflowError(DMRError, openai.BadRequestError, ContextOverflowError):
    """Prompt and answer do not fit the model's context."""


class DMRBadRequestError(DMRError, openai.BadRequestError, ModelInvalidRequestError):
    """The service cannot do what was asked."""


class DMRBusyError(DMRError, openai.RateLimitError, ModelRateLimitError):
    """Too many requests wait for this model."""


class DMRServerError(DMRError, openai.APIError, ModelAPIError):
    """The model could not be loaded, or its process died."""


@contextmanager
def helpful_errors(model: str, places: Sequence[Place]) -> Iterator[None]:
    """Turn errors of the OpenAI SDK into the ones above; all others pass."""
    try:
        yield
    except DMRError:
        raise
    except openai.APIError as error:
        helpful = _helpful(error, model, places)
        if helpful is None:
            raise
        raise helpful from error


def _helpful(error: openai.APIError, model: str, places: Sequence[Place]) -> DMRError | None:
    if isinstance(error, openai.APITimeoutError):
        timeout = DMRTimeoutError(error.request)
        timeout.message = _sentences(
            f"{places[0]} did not answer in time",
            f"a first request also loads the model ({model}); give it longer with timeout=, or load it before with "
            f"`dmr run -d {model}`",
        )
        timeout.args = (timeout.message,)
        return timeout
    if isinstance(error, openai.APIConnectionError):
        tried = " or ".join(str(place) for place in places)
        message = _sentences(
            f"DMR Desktop is not running, or not at {tried}",
            "start it with `dmr quickstart` (or `dmr serve --detach`; `dmr enable --tcp` opens the TCP port), "
            "or set DMR_BASE_URL or base_url= to where it is",
        )
        return DMRConnectionError(message=message, request=error.request)
    if isinstance(error, openai.APIStatusError):
        return _helpful_status(error, model)
    if type(error) is openai.APIError or error.__class__.__bases__[0] is openai.APIError:
        # An error event in the middle of a stream.
        return DMRServerError(
            _sentences(error.message, "the answer broke off; ask again"), error.request, body=error.body
        )
    return None


def _helpful_status(error: openai.APIStatusError, model: str) -> DMRError | None:
    text = _server_words(error)
    response, body = error.response, error.body
    match error.status_code:
        case 404 if "backend" not in text:
            message = _sentences(
                text, f"the model is not on this machine: get it with `dmr pull {model}`; `dmr ls` lists what is there"
            )
            return DMRModelNotFoundError(message, response=response, body=body)
        case 400 if any(words in text or words in str(error) for words in _OVERFLOW_WORDS):
            message = _sentences(text, "shorten the messages, lower max_tokens, or give the model a larger context")
            return DMRContextOverflowError(message, response=response, body=body)
        case 400 | 422:
            return DMRBadRequestError(text, response=response, body=body)
        case 409:
            return DMRBadRequestError(
                _sentences(
                    text, "others use the model with other settings: wait, or leave context_size and keep_alive out"
                ),
                response=response,
                body=body,
            )
        case 429:
            message = _sentences(
                text, "send fewer requests at once (max_concurrency in the config of batch()), or raise max_retries"
            )
            return DMRBusyError(message, response=response, body=body)
        case status if status >= 500:
            message = _sentences(text, "`dmr logs` tells more; `dmr ps` shows what is loaded")
            return DMRServerError(message, error.request, body=body)
    return None


def _server_words(error: openai.APIStatusError) -> str:
    """The service's own sentence, free of the SDK's ``Error code: ...`` around it."""
    if isinstance(error.body, dict):
        message = error.body.get("message")
        if isinstance(message, str) and message:
            return message
    return error.message


def _sentences(what: str, next_step: str) -> str:
    return f"{what.rstrip('. ')}. {next_step[0].upper()}{next_step[1:]}."
