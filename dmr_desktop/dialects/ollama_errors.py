"""Ollama's error object: one sentence, and all that its clients show."""

import orjson

from dmr_desktop.protocol.errors import ErrorInfo


def error_body(info: ErrorInfo) -> bytes:
    return orjson.dumps({"error": _sentence(info)})


def error_line(info: ErrorInfo) -> bytes:
    """The last line of a stream that failed."""
    return error_body(info) + b"\n"


def _sentence(info: ErrorInfo) -> str:
    """With the next step, for there is no other place for it."""
    if not info.hint:
        return info.message
    return f"{info.message}{' ' if info.message.endswith('.') else ': '}{info.hint}"
