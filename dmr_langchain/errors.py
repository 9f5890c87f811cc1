"""What can go wrong, as exceptions that say what to do next.

Each is both an OpenAI SDK error and a LangChain model error, so code written for either catches it::

    DMRError
     ├─ DMRConnectionError        openai.APIConnectionError        ModelConnectionError
     ├─ DMRTimeoutError           openai.APITimeoutError           ModelTimeoutError
     ├─ DMRAuthenticationError    openai.AuthenticationError       ModelAuthenticationError
     ├─ DMRPermissionDeniedError  openai.PermissionDeniedError     ModelPermissionDeniedError
     ├─ DMRModelNotFoundError     openai.NotFoundError             ModelNotFoundError
     ├─ DMRContextOverflowError   openai.BadRequestError           ContextOverflowError
     ├─ DMRBadRequestError        openai.BadRequestError           ModelInvalidRequestError
     ├─ DMRBusyError              openai.RateLimitError            ModelRateLimitError
     ├─ DMRLengthError            openai.LengthFinishReasonError   ModelError
     ├─ DMRPullError                                               ModelAPIError
     └─ DMRServerError            openai.APIError                  ModelAPIError
         └─ DMRModelLoadingError  openai.InternalServerError
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import httpx
import openai
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from openai.types.chat import ChatCompletion

from dmr_langchain._address import Place

_OVERFLOW_WORDS = ("context_length_exceeded", "exceeds the available context size", "maximum context length")
_LOADING_WORDS = "unable to load runner"
_NOT_READY = 503
_NO_ROOM = 507


class DMRError(Exception):
    """Base of all errors of this package."""


class DMRConnectionError(DMRError, openai.APIConnectionError, ModelConnectionError):
    """No service answers."""


class DMRTimeoutError(DMRError, openai.APITimeoutError, ModelTimeoutError):
    """The service took longer than ``timeout``."""


class DMRAuthenticationError(DMRError, openai.AuthenticationError, ModelAuthenticationError):
    """The service lets in only who has its API key."""


class DMRPermissionDeniedError(DMRError, openai.PermissionDeniedError, ModelPermissionDeniedError):
    """The service does not allow this from where the request came."""


class DMRModelNotFoundError(DMRError, openai.NotFoundError, ModelNotFoundError):
    """The model is not on this machine."""


class DMRContextOverflowError(DMRError, openai.BadRequestError, ContextOverflowError):
    """Prompt and answer do not fit the model's context."""


class DMRBadRequestError(DMRError, openai.BadRequestError, ModelInvalidRequestError):
    """The service cannot do what was asked."""


class DMRBusyError(DMRError, openai.RateLimitError, ModelRateLimitError):
    """Too many requests wait for this model."""


class DMRLengthError(DMRError, openai.LengthFinishReasonError, ModelError):
    """A structured answer was as long as it may be before it was complete. ``completion`` is what came of it."""

    def __init__(self, *, completion: ChatCompletion) -> None:
        super().__init__(completion=completion)
        self.args = (
            _sentences(
                "The answer was cut off before its form was complete: it reached the limit of its length",
                "raise max_tokens=, or give the model a larger context with context_size=",
            ),
        )


class DMRPullError(DMRError, ModelAPIError):
    """The model could not be downloaded."""


class DMRServerError(DMRError, openai.APIError, ModelAPIError):
    """The service failed to answer, or the model's process died."""


class DMRModelLoadingError(DMRServerError, openai.InternalServerError):
    """The model could not be loaded, or is not ready after all retries."""


@contextmanager
def helpful_errors(model: str, places: Sequence[Place]) -> Iterator[None]:
    """Turn errors of the OpenAI SDK, and of its HTTP library, into the ones above; all others pass."""
    begun = monotonic()
    try:
        yield
    except DMRError:
        raise
    except openai.LengthFinishReasonError as error:
        raise DMRLengthError(completion=error.completion) from error
    except _transport_errors() as error:
        raise _broken_off(error, model, places, monotonic() - begun) from error
    except openai.APIError as error:
        helpful = _helpful(error, model, places, monotonic() - begun)
        if helpful is None:
            raise
        raise helpful from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """What version 2 of the SDK lets through while a stream is read (3 wraps it). A client of the user's own may be
    of httpx2, as the SDK is.
    """
    httpx2 = sys.modules.get("httpx2")
    return (httpx.TransportError,) if httpx2 is None else (httpx.TransportError, httpx2.TransportError)


def _transport_cause(error: BaseException) -> Exception | None:
    """The SDK's error, and LangChain's around it, name what they are made from."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, _transport_errors()):
        cause = cause.__cause__
    return cause


def _broken_off(error: Exception, model: str, places: Sequence[Place], seconds: float) -> DMRError:
    request = httpx.Request("POST", places[0].base_url)
    if "Timeout" in type(error).__name__:
        return _timed_out(request, model, places, seconds)
    message = _sentences(
        f"The connection to {places[0]} broke off in the middle of the answer ({error})",
        "DMR Desktop was stopped or has died: `dmr status` tells, `dmr quickstart` starts it; then ask again",
    )
    return DMRConnectionError(message=message, request=request)


def _timed_out(request: httpx.Request, model: str, places: Sequence[Place], seconds: float) -> DMRTimeoutError:
    timeout = DMRTimeoutError(request)
    timeout.message = _sentences(
        f"{places[0]} did not answer within {seconds:.0f} s",
        f"a first request also loads the model ({model}); give it longer with timeout=, or load it before with "
        f"`dmr run -d {model}`",
    )
    timeout.args = (timeout.message,)
    return timeout


def _helpful(error: openai.APIError, model: str, places: Sequence[Place], seconds: float) -> DMRError | None:
    if isinstance(error, openai.APITimeoutError):
        return _timed_out(error.request, model, places, seconds)
    if isinstance(error, openai.APIConnectionError):
        if (cause := _transport_cause(error)) is not None and "Connect" not in type(cause).__name__:
            return _broken_off(cause, model, places, seconds)
        tried = " or ".join(str(place) for place in places)
        message = _sentences(
            f"DMR Desktop is not running, or not at {tried}",
            "start it with `dmr quickstart` (or `dmr serve --detach`; `dmr enable --tcp` opens the TCP port), "
            "or set DMR_BASE_URL or base_url= to where it is",
        )
        return DMRConnectionError(message=message, request=error.request)
    if isinstance(error, openai.APIStatusError):
        return _helpful_status(error, model, places, seconds)
    if type(error) is openai.APIError or error.__class__.__bases__[0] is openai.APIError:
        # An error event in the middle of a stream.
        return DMRServerError(
            _sentences(error.message, "the answer broke off; ask again"), error.request, body=error.body
        )
    return None


def _helpful_status(
    error: openai.APIStatusError, model: str, places: Sequence[Place], seconds: float
) -> DMRError | None:
    text = _server_words(error)
    response, body = error.response, error.body
    # A refused setting comes with 500 and is a bad request all the same.
    match 400 if isinstance(error, openai.BadRequestError) else error.status_code:
        case 401:
            message = _sentences(
                text, "give the service's API key with api_key= or DMR_API_KEY (`dmr enable --lan` made it)"
            )
            return DMRAuthenticationError(message, response=response, body=body)
        case 403:
            step = _server_hint(error) or "`dmr status` on its machine shows who may use the service"
            return DMRPermissionDeniedError(_sentences(text, step), response=response, body=body)
        case 404 if "page not found" in text:
            message = _sentences(
                f"{places[0]} is not the address of DMR Desktop's models: {text}",
                "base_url= is best given without a path, such as http://localhost:12434",
            )
            return DMRConnectionError(message=message, request=error.request)
        case 404 if "backend" not in text:
            if "`dmr pull" in text:
                step = "ChatDMR gets it by itself with auto_pull=True"
            else:
                step = (
                    f"the model is not on this machine: get it with `dmr pull {model}`, or let ChatDMR do it with "
                    "auto_pull=True; `dmr ls` lists what is there"
                )
            message = _sentences(text, step)
            return DMRModelNotFoundError(message, response=response, body=body)
        case 400 if is_overflow(error):
            message = _sentences(
                text + _counts(body),
                "shorten the messages, lower max_tokens, or give the model a larger context with context_size=",
            )
            return DMRContextOverflowError(message, response=response, body=body)
        case 400 | 405 | 413 | 422:
            hint = _server_hint(error)
            return DMRBadRequestError(_sentences(text, hint) if hint else text, response=response, body=body)
        case 409:
            return DMRBadRequestError(
                _sentences(
                    text,
                    "others use the model with other settings: wait, or leave out what configures it "
                    "(context_size, keep_alive, runtime flags, budgets)",
                ),
                response=response,
                body=body,
            )
        case 429:
            message = _sentences(
                text, "send fewer requests at once (max_concurrency in the config of batch()), or raise max_retries"
            )
            return DMRBusyError(message, response=response, body=body)
        case status if status in (_NOT_READY, _NO_ROOM) or (status >= 500 and _LOADING_WORDS in text):
            hint = _server_hint(error) or "`dmr logs` tells more; `dmr ps` shows what is loaded"
            message = _sentences(f"{text.rstrip('. ')} (after {seconds:.0f} s)", hint)
            return DMRModelLoadingError(message, response=response, body=body)
        case status if status >= 500:
            message = _sentences(text, "`dmr logs` tells more; `dmr ps` shows what is loaded")
            return DMRServerError(message, error.request, body=body)
    return None


def is_overflow(error: openai.BadRequestError | openai.APIStatusError) -> bool:
    """Whether a text did not fit the context."""
    # The SDK's own text holds the whole body up to version 2, and only its message since.
    said = f"{error} {error.code}"
    return any(words in said for words in _OVERFLOW_WORDS)


def _server_words(error: openai.APIStatusError) -> str:
    """The service's own sentence, free of the SDK's ``Error code: ...`` around it."""
    if isinstance(error.body, dict):
        message = error.body.get("message")
        if isinstance(message, str) and message:
            return message
    if isinstance(error.body, str) and error.body:  # plain text, as management routes answer
        return error.body
    return error.message


def _server_hint(error: openai.APIStatusError) -> str:
    hint = error.body.get("hint") if isinstance(error.body, dict) else None
    return hint if isinstance(hint, str) else ""


def _counts(body: object) -> str:
    """llama.cpp's server tells its numbers beside the sentence."""
    if not isinstance(body, dict) or "n_prompt_tokens" not in body:
        return ""
    return f" ({body['n_prompt_tokens']} tokens for a context of {body.get('n_ctx')})"


def _sentences(what: str, next_step: str) -> str:
    return f"{what.rstrip('. ')}. {next_step[0].upper()}{next_step[1:].rstrip('. ')}."
