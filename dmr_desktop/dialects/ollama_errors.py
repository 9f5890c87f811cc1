"""Ollama's error object."""

import orjson

from dmr_desktop.protocol.errors import ErrorInfo


def error_body(info: ErrorInfo) -> bytes:
    """``hint`` (the next step) is our own member; Ollama's clients show ``error``."""
    error: dict[str, object] = {"error": info.message}
    if info.hint:
        error["hint"] = info.hint
    return orjson.dumps(error)


def error_line(info: ErrorInfo) -> bytes:
    """The last line of a stream that failed."""
    return error_body(info) + b"\n"
