"""OpenAI's error object."""

import orjson

from dmr_desktop.dialects.frames import data_frame
from dmr_desktop.protocol.errors import BackendNotFound, ErrorInfo, ModelNotFound, status_of

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "unavailable_error",
}
_GENERIC = "invalid_request_error"
_FIRST_MISTAKES = (ModelNotFound.code, BackendNotFound.code)
"""What the users of a new client meet first, whose next step is in the message: that is all that clients show."""


def error_object(info: ErrorInfo) -> dict[str, object]:
    """``code`` is null where the type says it all. ``hint`` (the next step) and ``evidence`` are our own members."""
    status = status_of(info)
    error: dict[str, object] = {
        "message": message_with_step(info),
        "type": _TYPES.get(status, _GENERIC if status < 500 else "server_error"),
        "param": info.param,
        "code": None if info.code == _GENERIC else info.code,
    }
    if hint := hint_beside(info):
        error["hint"] = hint
    if info.evidence:
        error["evidence"] = info.evidence
    return {"error": error}


def message_with_step(info: ErrorInfo) -> str:
    return f"{info.message}. {info.hint}" if info.hint and info.code in _FIRST_MISTAKES else info.message


def hint_beside(info: ErrorInfo) -> str:
    """The next step, unless it is in the message."""
    return "" if info.code in _FIRST_MISTAKES else info.hint


def error_body(info: ErrorInfo) -> bytes:
    return orjson.dumps(error_object(info))


def error_frame(info: ErrorInfo) -> bytes:
    """The last event of a stream that failed."""
    return data_frame(error_object(info))
