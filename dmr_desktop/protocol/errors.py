"""Every error that a user or a client can meet.

::

    DMRError                     status  code
     ├─ InvalidRequest             400   invalid_request_error
     │   ├─ InvalidReference       400   invalid_reference
     │   ├─ ContextOverflow        400   context_length_exceeded
     │   ├─ WrongMode              400   wrong_mode
     │   └─ PreviousResponseNotFound
     │                             400   previous_response_not_found
     ├─ Unauthorized               401   unauthorized
     ├─ AccessDenied               403   access_denied
     ├─ ModelNotFound              404   model_not_found
     ├─ BackendNotFound            404   backend_not_found
     ├─ ResponseNotFound           404   response_not_found
     ├─ Conflict                   409   conflict
     │   └─ PortInUse              409   port_in_use
     ├─ PayloadTooLarge            413   request_too_large
     ├─ UnsupportedModel           422   unsupported_model
     ├─ QueueFull                  429   queue_full
     ├─ RunnerError                500   runner_error
     │   ├─ RunnerStartFailed      500   runner_start_failed
     │   ├─ RunnerCrashed          500   runner_crashed
     │   └─ CrashLoop              500   crash_loop
     ├─ StoreError                 500   store_error
     ├─ RegistryError              500   registry_error
     ├─ ShuttingDown               503   shutting_down
     ├─ ServiceUnreachable         503   service_unreachable   (raised by clients only)
     └─ DoesNotFit                 507   does_not_fit

``message`` says what happened in one sentence, ``hint`` what to do next. Foreign exceptions become
one of these in the one file that imports the foreign library.
"""

from dataclasses import dataclass
from typing import ClassVar

HINT_HEADER = "DMR-Hint"
"""Of a plain-text answer: the hint, percent-encoded. Docker Model Runner's sentences leave no room for one."""


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as a value: what crosses a process or sits in a stream.

    ``param`` names the request field at fault; ``evidence`` is detail for the log and the curious
    (a signal, the runner's last log lines).
    """

    code: str
    message: str
    hint: str = ""
    param: str | None = None
    evidence: str = ""


class DMRError(Exception):
    """Base of the tree. ``title`` is a headline of a few words for dialogs."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str, *, hint: str = "", param: str | None = None, evidence: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        self.evidence = evidence

    @property
    def info(self) -> ErrorInfo:
        return ErrorInfo(self.code, self.message, self.hint, self.param, self.evidence)


class InvalidRequest(DMRError):
    code = "invalid_request_error"
    status = 400
    title = "Invalid request"


class InvalidReference(InvalidRequest):
    code = "invalid_reference"
    title = "Invalid model name"


class ContextOverflow(InvalidRequest):
    """The prompt (or prompt + max_tokens) does not fit the context; the message holds both numbers."""

    code = "context_length_exceeded"
    title = "Prompt too long"


class WrongMode(InvalidRequest):
    """The model is for something else: embeddings of a chat model, chat with an embedding model ..."""

    code = "wrong_mode"
    title = "Another kind of model"


class PreviousResponseNotFound(InvalidRequest):
    """The response that a request continues is not, or no longer, kept."""

    code = "previous_response_not_found"
    title = "Conversation not found"


class Unauthorized(DMRError):
    code = "unauthorized"
    status = 401
    title = "Log in first"


class AccessDenied(DMRError):
    code = "access_denied"
    status = 403
    title = "Not allowed"


class ModelNotFound(DMRError):
    code = "model_not_found"
    status = 404
    title = "Model not found"


class BackendNotFound(DMRError):
    code = "backend_not_found"
    status = 404
    title = "Unknown backend"


class ResponseNotFound(DMRError):
    code = "response_not_found"
    status = 404
    title = "Response not found"


class Conflict(DMRError):
    code = "conflict"
    status = 409
    title = "In use"


class PortInUse(Conflict):
    code = "port_in_use"
    title = "Port in use"


class PayloadTooLarge(DMRError):
    code = "request_too_large"
    status = 413
    title = "Request too large"


class UnsupportedModel(DMRError):
    code = "unsupported_model"
    status = 422
    title = "Model not supported"


class QueueFull(DMRError):
    code = "queue_full"
    status = 429
    title = "Too many requests"


class RunnerError(DMRError):
    code = "runner_error"
    title = "Runner error"


class RunnerStartFailed(RunnerError):
    code = "runner_start_failed"
    title = "Model failed to load"


class RunnerCrashed(RunnerError):
    code = "runner_crashed"
    title = "The model's process died"


class CrashLoop(RunnerError):
    code = "crash_loop"
    title = "The model keeps crashing"


class StoreError(DMRError):
    code = "store_error"
    title = "Model store problem"


class RegistryError(DMRError):
    code = "registry_error"
    title = "Registry problem"


class ShuttingDown(DMRError):
    code = "shutting_down"
    status = 503
    title = "Shutting down"


class ServiceUnreachable(DMRError):
    code = "service_unreachable"
    status = 503
    title = "DMR Desktop is not running"


class DoesNotFit(DMRError):
    code = "does_not_fit"
    status = 507
    title = "Not enough room"


def _tree(cls: type[DMRError]) -> dict[str, type[DMRError]]:
    found = {cls.code: cls}
    for child in cls.__subclasses__():
        found |= _tree(child)
    return found


_BY_CODE = _tree(DMRError)


def error_from_info(info: ErrorInfo) -> DMRError:
    """The exception for a value; an unknown code becomes a plain :class:`DMRError`."""
    cls = _BY_CODE.get(info.code, DMRError)
    return cls(info.message, hint=info.hint, param=info.param, evidence=info.evidence)


def status_of(info: ErrorInfo) -> int:
    """The HTTP status that goes with an error value."""
    return _BY_CODE.get(info.code, DMRError).status
