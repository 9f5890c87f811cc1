"""Which JSON types a schema lets a value have. Needed where a format does not say whether a value is a string."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dmr_desktop.engine.formats.references import target
from dmr_desktop.protocol.json_types import JSON

_SAME = {"integer": "number"}
_HINTS = {"properties": "object", "items": "array", "pattern": "string", "minLength": "string", "maxLength": "string"}
_MAX_STEPS = 200


def kind_of(value: object) -> str:
    """The JSON type of a decoded value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case Mapping():
            return "object"
        case _:
            return "array"


def kinds(schema: JSON, root: Mapping[str, JSON]) -> frozenset[str]:
    """JSON types that ``schema`` allows; empty when it does not say. ``root`` is where its references lead into."""
    return frozenset(_found(schema, root))


def property_schema(parameters: Mapping[str, JSON], key: str) -> JSON:
    """The schema of one argument; empty where the tool does not describe it."""
    properties = resolved(parameters, parameters).get("properties")
    found = properties.get(key) if isinstance(properties, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def resolved(schema: JSON, root: Mapping[str, JSON]) -> Mapping[str, Any]:
    """``schema``, or what its reference into ``root`` leads to; empty where that is nothing."""
    for _ in range(_MAX_STEPS):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        try:
            schema = target(reference, root)
        except LookupError:
            return {}
    return {}


def _found(schema: JSON, root: Mapping[str, JSON]) -> Iterator[str]:
    waiting = [schema]
    for _ in range(_MAX_STEPS):
        if not waiting:
            return
        here = resolved(waiting.pop(), root)
        named = here.get("type")
        types = [named] if isinstance(named, str) else named
        if isinstance(types, Sequence):
            yield from (_SAME.get(name, name) for name in types if isinstance(name, str))
        elif isinstance(here.get("enum"), Sequence):
            yield from (kind_of(value) for value in here["enum"])
        elif "const" in here:
            yield kind_of(here["const"])
        elif combined := [here[name] for name in ("anyOf", "oneOf", "allOf") if isinstance(here.get(name), Sequence)]:
            waiting += [branch for branches in combined for branch in branches]
        else:
            yield from (kind for name, kind in _HINTS.items() if name in here)
        if here.get("nullable") is True:
            yield "null"
