"""Integers that end. A small model can go on writing digits for as long as the grammar lets it."""

from collections.abc import Mapping
from typing import Any

_LARGEST = 9 * 10**18
"""Nearly all that 64 bits hold, identifiers of 19 digits too; the compiler takes no more."""

_NAME = "integer-of-64-bits"
_BOUNDED = {"$ref": f"#/$defs/{_NAME}"}
"""Written once for all: the compiler takes milliseconds for each bounded integer."""

_LARGEST_FLOAT = 1e300
"""As good as none: some write a type's own limits into a schema, and the compiler fails at them."""

_SAYS_NOTHING = frozenset({"type", "title", "description", "default", "examples"})
_LOWER, _UPPER = frozenset({"minimum", "exclusiveMinimum"}), frozenset({"maximum", "exclusiveMaximum"})
_BY_NAME = ("properties", "$defs", "definitions")
_BRANCHES = ("anyOf", "oneOf")


def with_bounded_integers(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which integers without an upper or a lower limit fit into 64 bits. ``schema`` is of a sane depth."""
    found = _bounded(schema)
    if found == schema or not isinstance(found.get("$defs", {}), Mapping):
        return dict(schema)
    integer = {"type": "integer", "minimum": -_LARGEST, "maximum": _LARGEST}
    return {**found, "$defs": {**found.get("$defs", {}), _NAME: integer}}


def _bounded(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list):
        schema = _without_limits_of_the_type(schema, _LARGEST if "number" not in kinds else _LARGEST_FLOAT)
    if isinstance(kinds, list) and "integer" in kinds and "number" not in kinds and schema.keys() <= _SAYS_NOTHING:
        others = [kind for kind in kinds if kind != "integer"]
        return {"anyOf": [_BOUNDED, {"type": others}]} if others else _BOUNDED
    found = dict(schema)
    if kinds == ["integer"] and schema.keys() <= _SAYS_NOTHING | _LOWER | _UPPER:
        found |= _missing_limits(schema)
    for name in _BY_NAME:
        if isinstance(schema.get(name), Mapping):
            found[name] = {key: _bounded(value) for key, value in schema[name].items()}
    for name in _BRANCHES:
        if isinstance(schema.get(name), list):
            found[name] = [_bounded(branch) for branch in schema[name]]
    if "items" in schema:
        found["items"] = _bounded(schema["items"])
    return found


def _missing_limits(schema: Mapping[str, Any]) -> dict[str, int]:
    """The limits of 64 bits for the side that has none, unless the other side's limit is beyond them."""
    limits = [schema[name] for name in _LOWER | _UPPER if name in schema]
    if not all(isinstance(limit, int | float) and abs(limit) < _LARGEST for limit in limits):
        return {}
    found = {}
    if not _LOWER & schema.keys():
        found["minimum"] = -_LARGEST
    if not _UPPER & schema.keys():
        found["maximum"] = _LARGEST
    return found


def _without_limits_of_the_type(schema: Mapping[str, Any], largest: float) -> Mapping[str, Any]:
    """Without a lower or upper limit that is as far away as ``largest``."""
    sides = {"minimum": -1, "exclusiveMinimum": -1, "maximum": 1, "exclusiveMaximum": 1}
    found = dict(schema)
    for name, side in sides.items():
        limit = schema.get(name)
        if isinstance(limit, int | float) and side * limit >= largest:
            del found[name]
    return found
