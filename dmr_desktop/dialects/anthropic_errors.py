"""Anthropic's error object."""

import re
import secrets

import orjson

from dmr_desktop.dialects.frames import named_frame
from dmr_desktop.dialects.openai_errors import hint_beside, message_with_step
from dmr_desktop.protocol.errors import ContextOverflow, ErrorInfo, status_of

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
_DETAILS: dict[str | None, dict[str, object]] = {"thread": {"error_code": "thread_unsupported_request"}}
"""By the parameter that is refused. The SDKs' agent loops offer a thread first and read here to do without."""

_COUNT = re.compile(r"\b(\d{1,12}) tokens")


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def error_object(info: ErrorInfo, request_id: str) -> dict[str, object]:
    """``param``, ``hint`` (the next step) and ``evidence`` are our own members."""
    status = status_of(info)
    error: dict[str, object] = {
        "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error"),
        "message": _message(info),
    }
    if info.param in _DETAILS:
        error["details"] = _DETAILS[info.param]
    own = {"param": info.param, "hint": hint_beside(info), "evidence": info.evidence}
    error.update({name: value for name, value in own.items() if value})
    return {"type": "error", "error": error, "request_id": request_id}


def _message(info: ErrorInfo) -> str:
    """Agents shorten the conversation when they read Anthropic's words for one that is too long."""
    if info.code != ContextOverflow.code:
        return message_with_step(info)
    counts = sorted(int(count) for count in _COUNT.findall(info.message))
    sizes = f"{counts[-1]} tokens > {counts[0]} maximum. " if len(counts) == 2 else ""
    return f"prompt is too long: {sizes}{info.message}"


def error_body(info: ErrorInfo, request_id: str | None = None) -> bytes:
    return orjson.dumps(error_object(info, request_id or new_request_id()))


def error_frame(info: ErrorInfo) -> bytes:
    """The last event of a stream that failed."""
    return named_frame("error", error_object(info, new_request_id()))
