"""An HTTP refusal as a protocol error: management routes answer plain text, inference routes JSON."""

import json

from dmr_desktop.protocol.errors import (
    AccessDenied,
    BackendNotFound,
    Conflict,
    DMRError,
    DoesNotFit,
    ErrorInfo,
    InvalidRequest,
    ModelNotFound,
    PayloadTooLarge,
    QueueFull,
    ShuttingDown,
    Unauthorized,
    UnsupportedModel,
    error_from_info,
)

_BY_STATUS: dict[int, type[DMRError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: AccessDenied,
    404: ModelNotFound,
    409: Conflict,
    413: PayloadTooLarge,
    422: UnsupportedModel,
    429: QueueFull,
    503: ShuttingDown,
    507: DoesNotFit,
}


def error_from_response(status: int, body: bytes, hint: str = "") -> DMRError:
    """The error that ``body`` tells of; its ``code`` decides if it has one of ours, else the status.

    ``hint`` came beside a body in plain text.
    """
    text = body.decode("utf-8", "replace").strip()
    parsed = _error_object(text)
    if parsed is not None:
        found = error_from_info(parsed)
        if type(found) is not DMRError:
            return found
        text = parsed.message
    text = text or f"the service answered with status {status} and no explanation"
    if status == 404 and text == "backend not found":
        return BackendNotFound(text, hint=hint)
    return _BY_STATUS.get(status, DMRError)(text, hint=hint)


def _error_object(text: str) -> ErrorInfo | None:
    """OpenAI's ``{"error": {"message", "code", "param"}}``; members of other types count as absent."""
    if not text.startswith("{"):
        return None
    try:
        error = json.loads(text)["error"]
        message = error["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(message, str):
        return None
    return ErrorInfo(
        code=_text(error.get("code")) or _text(error.get("type")),
        message=message,
        hint=_text(error.get("hint")),
        param=_text(error.get("param")) or None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
