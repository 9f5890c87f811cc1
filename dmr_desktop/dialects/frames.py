"""Framing of streamed answers: server-sent events."""

import orjson

EVENT_STREAM = "text/event-stream"
DONE = b"data: [DONE]\n\n"
COMMENT = b": waiting\n\n"
"""A line that clients skip; it keeps their read timeout from running out before the first token."""


def named_frame(name: str, value: object) -> bytes:
    """One event of that name with a JSON value."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(value))


def data_frame(value: object) -> bytes:
    """One unnamed event with a JSON value."""
    return b"data: " + orjson.dumps(value) + b"\n\n"
