"""Grammar rules for JSON whose objects have their properties in any order.

The compiler's own rules for a schema want them in the schema's order, and models write them in theirs. Everything but
objects and what leads to them is left to the compiler.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from dmr_desktop.engine.formats.kinds import resolved
from dmr_desktop.engine.formats.members import Member, RuleWriter, in_any_order
from dmr_desktop.protocol.json_types import JSON

DEFINITIONS = ("$defs", "definitions")
_NOTES = frozenset(
    ("$schema", "$id", "$anchor", "$comment", "title", "description", "default", "examples", "deprecated")
)
_OBJECT = frozenset(("type", "properties", "required", "additionalProperties"))
_ARRAY = frozenset(("type", "items", "minItems", "maxItems", "uniqueItems"))
_OTHER_KEY = r'/"([^"\\\x00-\x1F\x7F]|\\["\\bfnrt]|\\u[0-9a-fA-F]{4})*"/'


class PlainWriter(RuleWriter, Protocol):
    """``fixed_json`` gives what the compiler makes of a schema; raises InvalidRequest."""

    def fixed_json(self, schema: JSON, param: str, *, separators: tuple[str, str], root: Mapping[str, JSON]) -> str: ...


class JsonInAnyOrder:
    """Writes one schema, which has passed :func:`.schema.checked_schema`. ``param`` names it in errors.

    References lead into ``root``.
    """

    def __init__(self, writer: PlainWriter, root: Mapping[str, JSON], param: str, separators: tuple[str, str]) -> None:
        self._writer = writer
        self._root = root
        self._param = param
        self._separators = separators
        self._named: dict[str, str] = {}

    def write(self, schema: JSON) -> str:
        """Raises InvalidRequest for a part that cannot be enforced."""
        return self._value(schema)

    def _value(self, schema: JSON) -> str:
        if not isinstance(schema, Mapping):
            return self._plain(schema)
        here = {key: value for key, value in schema.items() if key not in _NOTES and key not in DEFINITIONS}
        match here:
            case {"$ref": str(reference)} if len(here) == 1:
                return self._referred(reference)
            case {"anyOf": [*branches]} | {"oneOf": [*branches]} if len(here) == 1 and branches:
                return self._one_of(branches)
            case {"allOf": [branch]} if len(here) == 1:
                return self._value(branch)
            case {"type": [*types]} if {"object", "array"} & set(types):
                return self._one_of([{**here, "type": kind} for kind in types])
            case {"properties": Mapping()} if "type" not in here and here.keys() <= _OBJECT:
                return self._object(here)
            case {"type": "object"} if here.keys() <= _OBJECT:
                return self._object(here)
            case {"type": "array", "items": Mapping()} if here.keys() <= _ARRAY:
                return self._array(here)
        return self._plain(here)

    def _plain(self, schema: JSON) -> str:
        return self._writer.fixed_json(schema, self._param, separators=self._separators, root=self._root)

    def _referred(self, reference: str) -> str:
        if reference not in self._named:
            self._named[reference] = self._writer.new_name()
            self._writer.define(self._named[reference], self._value(resolved({"$ref": reference}, self._root)))
        return self._named[reference]

    def _one_of(self, branches: Sequence[JSON]) -> str:
        return self._writer.rule(" | ".join(self._value(branch) for branch in branches))

    def _object(self, here: Mapping[str, JSON]) -> str:
        writer = self._writer
        found = here.get("properties")
        properties = dict(found) if isinstance(found, Mapping) else {}
        open_to = here.get("additionalProperties", "properties" not in here)
        if not properties and not isinstance(open_to, Mapping):
            return self._plain(here)
        required = here.get("required")
        names = required if isinstance(required, Sequence) else ()
        unlisted = here.get("additionalProperties", True)
        properties |= {str(name): unlisted for name in names if name not in properties}
        members = [
            self._member(writer.literal(_quoted(name)), schema, is_required=name in names)
            for name, schema in properties.items()
        ]
        other = None if open_to is False else self._member(self._other_key(properties), open_to, is_required=False)
        return f'"{{" {in_any_order(members, writer, other)} "}}"'

    def _member(self, key: str, schema: JSON, *, is_required: bool) -> Member:
        separator, colon = map(self._writer.literal, self._separators)
        first = f"{key} {colon} {self._value(schema)}"
        return Member(first, f"{separator} {first}", is_required)

    def _other_key(self, properties: Mapping[str, JSON]) -> str:
        name = self._writer.new_name().upper()
        taken = " | ".join(_quoted(_quoted(key)) for key in properties)
        self._writer.define(name, f"{_OTHER_KEY} & ~({taken})" if taken else _OTHER_KEY)
        return name

    def _array(self, here: Mapping[str, JSON]) -> str:
        item = self._writer.rule(self._value(here["items"]))
        least, most = here.get("minItems", 0), here.get("maxItems")
        if (
            not isinstance(least, int)
            or not isinstance(most, int | None)
            or (most is not None and most < max(least, 1))
        ):
            return self._plain(here)
        upper = "" if most is None else most - 1
        items = f"{item} ({self._writer.literal(self._separators[0])} {item}){{{max(least - 1, 0)},{upper}}}"
        return f'"[" {items if least else f"({items})?"} "]"'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
