"""JSON schemas as clients send them: bounds checked, made ready for the grammar.

A schema is a program for the grammar compiler, and it comes from outside. Knows nothing of llguidance but
the name of its options.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dmr_desktop.engine.formats.integer_bounds import with_bounded_integers
from dmr_desktop.engine.formats.references import pointer, target
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON

MAX_DEPTH = 32
MAX_NODES = 2000
MAX_PATTERN = 512
MAX_GROUPS = 16
MAX_REPEAT = 1000
MAX_LENGTH = 10_000

_MOST = {
    "minItems": MAX_REPEAT,
    "maxItems": MAX_REPEAT,
    "minProperties": MAX_REPEAT,
    "maxProperties": MAX_REPEAT,
    "minLength": MAX_LENGTH,
    "maxLength": MAX_LENGTH,
}
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions")
_ROOT_NAME = "whole"
_ROOT = f"#/$defs/{_ROOT_NAME}"
_NAMES_OF_SCHEMAS = ("$schema", "$id", "$anchor")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_COMBINERS = ("allOf", "anyOf", "oneOf")
_OPEN_ENDED = (*_COMBINERS, "$ref", "additionalProperties", "unevaluatedProperties", "patternProperties")


def checked_schema(
    schema: JSON, param: str, *, strict: bool = False, root: Mapping[str, JSON] | None = None
) -> dict[str, Any]:
    """A copy for ``%json`` in a grammar: compact JSON, objects closed, integers bounded where nothing else is said.

    An upper limit beyond what can be counted becomes the highest that can: what fits it fits the wider one too.
    ``root``: into which references lead, where that is not the schema itself. Keywords that cannot be enforced are
    refused by the compiler when ``strict``, else ignored. Raises :class:`InvalidRequest` naming ``param``.
    """
    if isinstance(schema, bool):
        schema = {} if schema else {"not": {}}
    if not isinstance(schema, Mapping):
        raise InvalidRequest("A JSON schema must be an object.", hint="Send an object.", param=param)
    for count, (node, depth) in enumerate(_nodes(schema)):
        if count >= MAX_NODES:
            raise _refused(f"it has more than {MAX_NODES} parts", param)
        if depth > MAX_DEPTH:
            raise _refused(f"it is nested deeper than {MAX_DEPTH} levels", param)
        if isinstance(node, Mapping):
            _check_node(node, schema if root is None else root, param)
    closed = with_bounded_integers(_closed(_standalone(schema, root)))
    closed["x-guidance"] = {
        "whitespace_flexible": False,
        "item_separator": ",",
        "key_separator": ":",
        "lenient": not strict,
        "coerce_one_of": True,
    }
    return closed


def _nodes(schema: JSON) -> Iterator[tuple[JSON, int]]:
    """Every value in the schema with its depth, without recursion: the depth is not known to be sane."""
    waiting: list[tuple[JSON, int]] = [(schema, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(node, Mapping):
            waiting += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, Sequence) and not isinstance(node, str):
            waiting += [(value, depth + 1) for value in node]


def _check_node(node: Mapping[str, JSON], root: Mapping[str, JSON], param: str) -> None:
    pattern = node.get("pattern")
    if isinstance(pattern, str) and (len(pattern) > MAX_PATTERN or pattern.count("(") > MAX_GROUPS):
        raise _refused(f"a pattern has more than {MAX_PATTERN} characters or {MAX_GROUPS} groups", param)
    for name, most in _MOST.items():
        value = node.get(name)
        if isinstance(value, int | float) and not (0 <= value <= most or (value > 0 and name.startswith("max"))):
            raise _refused(f"{name} is {value}; it may be 0 to {most}", param)
    if isinstance(node.get("$ref"), str):
        _check_reference(node, root, param)


def _check_reference(node: Mapping[str, JSON], root: Mapping[str, JSON], param: str) -> None:
    """References lead to a place in this schema, and not back to themselves without any JSON in between."""
    waiting: list[JSON] = [node]
    seen: list[JSON] = []
    while waiting:
        here = waiting.pop()
        if not isinstance(here, Mapping):
            continue
        if any(here is other for other in seen):
            raise _refused(f"the reference {node['$ref']!r} leads back to itself", param)
        seen.append(here)
        reference = here.get("$ref")
        if isinstance(reference, str):
            try:
                waiting.append(target(reference, root))
            except LookupError as error:
                raise _refused(f"the reference {reference!r} {error}", param) from None
        # Only a single branch can make a loop that nothing leaves; with more the others end it.
        for name in _COMBINERS:
            branches = here.get(name)
            if isinstance(branches, Sequence) and not isinstance(branches, str) and len(branches) == 1:
                waiting.append(branches[0])


def _standalone(schema: Mapping[str, JSON], root: Mapping[str, JSON] | None) -> Any:
    """The schema with all that its references lead to."""
    if root is None or not any(isinstance(node, Mapping) and "$ref" in node for node, _ in _nodes(schema)):
        return _plain(schema, schema if root is None else root)
    return {**_plain(schema, root, _ROOT), "$defs": {_ROOT_NAME: _plain(root, root, _ROOT)}}


def _plain(schema: JSON, root: Mapping[str, JSON], base: str = "#") -> Any:
    """The schema as the compiler reads it: references as ways from the root, limits as integers of a sane size."""
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {name: value for name, value in schema.items() if name not in _NAMES_OF_SCHEMAS}
    for name, value in schema.items():
        if name in _BY_NAME and isinstance(value, Mapping):
            found[name] = {key: _plain(inner, root, base) for key, inner in value.items()}
        elif name in _LISTED and isinstance(value, Sequence) and not isinstance(value, str):
            found[name] = [_plain(inner, root, base) for inner in value]
        elif name in ("items", "additionalProperties"):
            found[name] = _plain(value, root, base)
        elif name == "$ref" and isinstance(value, str):
            found[name] = pointer(value, root, base)
        elif name in _MOST and isinstance(value, int | float) and float(value).is_integer():
            found[name] = min(int(value), _MOST[name])
    return found


def _closed(schema: Mapping[str, JSON]) -> dict[str, Any]:
    """The schema with ``additionalProperties: false`` where objects list their properties and nothing combines.

    What fits the closed schema fits the open one, and a model is not tempted to invent keys.
    """
    found: dict[str, Any] = dict(schema)
    for name in ("properties", "$defs", "definitions"):
        members = found.get(name)
        if isinstance(members, Mapping):
            found[name] = {
                key: _closed(value) if isinstance(value, Mapping) else value for key, value in members.items()
            }
    if isinstance(found.get("items"), Mapping):
        found["items"] = _closed(found["items"])
    properties = found.get("properties")
    if found.get("unevaluatedProperties") is False and not any(name in found for name in (*_COMBINERS, "$ref")):
        # Where nothing combines, it is the other word for the same.
        del found["unevaluatedProperties"]
        found.setdefault("additionalProperties", False)
    if isinstance(properties, Mapping) and not any(name in found for name in _OPEN_ENDED):
        required = found.get("required")
        names = required if isinstance(required, list | tuple) else ()
        found["properties"] = {**properties, **{str(name): {} for name in names if name not in properties}}
        if not found.get("minProperties", 0) > len(found["properties"]):
            found["additionalProperties"] = False
    return found


def _refused(reason: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"The JSON schema is not acceptable: {reason}.", hint="Simplify the schema.", param=param)
