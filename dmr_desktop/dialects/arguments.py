"""The arguments of a tool call: JSON text in the protocol, an object in some dialects."""

import orjson

from dmr_desktop.dialects.fields import Fields, refuse_type
from dmr_desktop.protocol.json_types import JSON


def read_arguments(function: Fields, wanted: str) -> str:
    """Of a replayed call, whichever way it has them; "{}" if absent. ``wanted``: what the dialect's owner asks for."""
    given = function.get("arguments")
    if isinstance(given, dict):
        return orjson.dumps(given).decode()
    if given is not None and not isinstance(given, str):
        refuse_type(given, wanted, function.path("arguments"))
    return given or "{}"


def arguments_object(arguments: str) -> dict[str, JSON] | None:
    """None for a call that was cut off: the limit was reached in it."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
