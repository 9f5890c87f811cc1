"""Schemas from outside: what passes, and what is refused by name and quickly."""

from typing import Any

import pytest

from dmr_desktop.engine.formats.schema import checked_schema
from dmr_desktop.protocol.errors import InvalidRequest


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        nested(40),
        {"anyOf": [{"const": number} for number in range(1500)]},
        {"type": "string", "pattern": "x" * 600},
        {"type": "string", "pattern": "(" * 20_000},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "maxItems": -1},
        {"type": "string", "maxLength": 10**6},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/0", "$defs": []},
        {"properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        [],
        "string",
        None,
    ],
)
def test_bad_schemas_are_refused_by_name(schema: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_schema(schema, "response_format.json_schema.schema")
    assert caught.value.param == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        nested(20),
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}},
        {"items": {"$ref": "#/prefixItems/0"}, "prefixItems": [{"type": "null"}]},
        {"properties": {"a/b": {"type": "string"}, "c": {"$ref": "#/properties/a~1b"}}},
        {"properties": {"minItems": {"type": "string"}}},
    ],
)
def test_good_schemas_pass(schema: Any) -> None:
    assert checked_schema(schema, "x")["x-guidance"]["whitespace_flexible"] is False


def test_objects_are_closed_where_they_do_not_say_otherwise() -> None:
    inner: dict[str, Any] = {"properties": {"b": {}}}
    found = checked_schema(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "properties": {"a": inner, "open": {"properties": {"x": {}}, "additionalProperties": True}},
            "$defs": {"d": inner, "mixed": {"properties": {"x": {}}, "allOf": [inner]}},
        },
        "x",
    )
    assert "$schema" not in found
    assert found["additionalProperties"] is False
    assert found["properties"]["a"]["additionalProperties"] is False
    assert found["properties"]["open"]["additionalProperties"] is True
    assert found["$defs"]["d"]["additionalProperties"] is False
    assert "additionalProperties" not in found["$defs"]["mixed"]
    assert "additionalProperties" not in inner


def test_strict_asks_the_compiler_not_to_look_away() -> None:
    assert checked_schema({}, "x", strict=True)["x-guidance"]["lenient"] is False
    assert checked_schema({}, "x")["x-guidance"]["lenient"] is True
