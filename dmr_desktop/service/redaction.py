"""What of a recorded body is not kept: pictures and sound, and whatever is too long. Pure."""

import orjson

MAX_BODY_BYTES = 64 * 1024
MAX_ENCODED_CHARS = 100
_ENCODED_KEYS = frozenset({"data", "images", "image", "b64_json", "file_data"})
"""Members that hold base64 in one dialect or another; a ``data:`` URL is known by itself."""


def shortened(text: str) -> str:
    """Docker Model Runner's mark of a cut."""
    return f"{text[:MAX_ENCODED_CHARS]}...[truncated {len(text) - MAX_ENCODED_CHARS} chars]"


def without_media(value: object, key: str = "") -> object:
    """The JSON value with every long ``data:`` URL and every long base64 member shortened."""
    if isinstance(value, dict):
        return {name: without_media(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [without_media(item, key) for item in value]
    if isinstance(value, str) and len(value) > MAX_ENCODED_CHARS and (value[:5] == "data:" or key in _ENCODED_KEYS):
        return shortened(value)
    return value


def bounded(body: bytes) -> bytes:
    """At most :data:`MAX_BODY_BYTES`, and how much was cut."""
    if len(body) <= MAX_BODY_BYTES:
        return body
    return body[:MAX_BODY_BYTES] + f"...[truncated {len(body) - MAX_BODY_BYTES} bytes]".encode()


def kept_body(body: bytes) -> bytes:
    """What to keep of a request's body. A small one is kept by reference, and read again only if somebody asks."""
    if len(body) <= MAX_BODY_BYTES:
        return body
    return bounded(_redacted(body))


def shown_body(body: bytes) -> str:
    """A kept body as it may be shown."""
    return _redacted(body).decode("utf-8", "replace")


def _redacted(body: bytes) -> bytes:
    if b"data" not in body and b"image" not in body and b"b64_json" not in body:
        return body  # as it came, to the blank
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    slim = without_media(value)
    return body if slim == value else orjson.dumps(slim)
