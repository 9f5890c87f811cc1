"""OpenAI's error object."""

import orjson

from dmr_desktop.dialects.frames import data_frame
from dmr_desktop.protocol.errors import ErrorInfo, ModelNotFound, status_of

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "unavailable_error",
}
_GENERIC = "invalid_request_error"


def error_object(info: ErrorInfo) -> dict[str, object]:
    """``code`` is null where the type says it all. ``hint`` (the next step) and ``evidence`` are our own members."""
    status = status_of(info)
    error: dict[str, object] = {
        "message": message_with_step(info),
        "type": _TYPES.get(status, _GENERIC if status < 500 else "server_error"),
        "param": info.param,
        "code": None if info.code == _GENERIC else info.code,
    }
    if info.hint and info.code != ModelNotFound.code:
        error["hint"] = info.hint
    if info.evidence:
        error["evidence"] = info.evidence
    return {"error": error}


def message_with_step(info: ErrorInfo) -> str:
    """The message is all that clients show, and a model that is not here is what their users meet first."""
    return f"{info.message}. {info.hint}" if info.code == ModelNotFound.code and info.hint else info.message


def error_body(info: ErrorInfo) -> bytes:
    return orjson.dumps(error_object(info))


def error_frame(info: ErrorInfo) -> bytes:
    """The last event of a stream that failed."""
    return data_frame(error_object(info))
