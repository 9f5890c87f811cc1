"""Bounds on the JSON schemas that clients send, before anything compiles them.

A schema becomes a grammar in the runner. These limits keep a hostile one from costing more than
reading it; whether it is a *good* schema, the runner says. Knows no endpoint.
"""

from collections.abc import Mapping
from typing import cast

from dmr_desktop.dialects.fields import Fields, refuse
from dmr_desktop.protocol.json_types import JSON

MAX_OBJECTS = 2_000
MAX_VALUES = 20_000
MAX_PATTERN_CHARS = 512
MAX_PATTERN_GROUPS = 16
MAX_LOWER_BOUND = 100_000
_LOWER_BOUNDS = ("minItems", "minLength", "minProperties")


def check_schema(schema: Mapping[str, object], param: str) -> Mapping[str, JSON]:
    """``schema`` itself. Raises InvalidRequest naming ``param``."""
    objects = values = 0
    waiting: list[object] = [schema]
    while waiting:
        value = waiting.pop()
        values += 1
        if isinstance(value, dict):
            objects += 1
            _check_keywords(value, param)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        if objects > MAX_OBJECTS or values > MAX_VALUES:
            refuse(f"Invalid schema in '{param}': it is too large (at most {MAX_OBJECTS} objects).", param)
    return cast(Mapping[str, JSON], schema)


def read_schema(holder: Fields) -> Mapping[str, JSON]:
    """The checked ``schema`` of ``holder``, which must be there."""
    schema = holder.mapping("schema")
    if schema is None:
        holder.missing("schema")
    return check_schema(schema, holder.path("schema"))


def _check_keywords(node: Mapping[str, object], param: str) -> None:
    reference = node.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        refuse(f"Invalid schema in '{param}': '$ref' may only point into the same schema ('#/...').", param)
    pattern = node.get("pattern")
    if isinstance(pattern, str) and (len(pattern) > MAX_PATTERN_CHARS or pattern.count("(") > MAX_PATTERN_GROUPS):
        refuse(
            f"Invalid schema in '{param}': a 'pattern' has at most {MAX_PATTERN_CHARS} characters "
            f"and {MAX_PATTERN_GROUPS} groups.",
            param,
        )
    for keyword in _LOWER_BOUNDS:
        bound = node.get(keyword)
        if isinstance(bound, int | float) and bound > MAX_LOWER_BOUND:
            refuse(f"Invalid schema in '{param}': '{keyword}' is at most {MAX_LOWER_BOUND}.", param)
