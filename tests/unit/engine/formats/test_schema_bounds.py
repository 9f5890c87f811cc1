"""Schemas from outside: what passes, and what is refused by name and quickly."""

import json
from typing import Any

import pytest
from llguidance import LLMatcher

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
        {"type": "string", "minLength": 10**6},
        {"type": "object", "maxProperties": -0.5},
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/0", "$defs": []},
        {"properties": {"a": {"$ref": "#nowhere"}}},
        {"properties": {"a": {"$ref": "#here"}}, "$anchor": "there"},
        {"$ref": "#here", "$anchor": "here"},
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


def test_an_object_with_members_that_it_does_not_list_is_not_closed_against_them() -> None:
    listed: dict[str, Any] = {"a": {"type": "integer"}}
    found = checked_schema({"properties": {"in": {"properties": listed, "required": ["a", "b"]}}}, "x")
    assert found["properties"]["in"]["properties"].keys() == {"a", "b"}
    assert found["properties"]["in"]["additionalProperties"] is False
    assert "additionalProperties" not in checked_schema({"properties": listed, "minProperties": 2}, "x")
    assert checked_schema({"properties": listed, "minProperties": 1}, "x")["additionalProperties"] is False
    unevaluated = checked_schema({"properties": listed, "unevaluatedProperties": False}, "x", strict=True)
    assert unevaluated.keys() - {"$defs"} == {"properties", "additionalProperties", "x-guidance"}
    mixed = {"properties": listed, "unevaluatedProperties": False, "allOf": [{"properties": {"b": {}}}]}
    assert "additionalProperties" not in checked_schema(mixed, "x")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("maxLength", 65_536, 10_000),
        ("maxLength", 2**53, 10_000),
        ("maxLength", 20.0, 20),
        ("minLength", 2.0, 2),
        ("maxItems", 10**9, 1000),
        ("maxProperties", 5000, 1000),
    ],
)
def test_limits_as_the_compiler_can_count(name: str, given: float, expected: int) -> None:
    found = checked_schema({"properties": {"a": {"anyOf": [{name: given}]}}}, "x")["properties"]["a"]["anyOf"][0][name]
    assert (found, type(found)) == (expected, int)


def test_values_that_look_like_schemas_stay_as_they_are() -> None:
    value = {"maxLength": 1e6, "$id": "x", "$anchor": "y"}
    assert checked_schema({"const": value, "enum": [value]}, "x")["const"] == value


@pytest.mark.parametrize(
    ("reference", "pointer"),
    [
        ("#/$defs/List<int>", "#/$defs/List%3Cint%3E"),
        ("#/$defs/List%3Cint%3E", "#/$defs/List%3Cint%3E"),
        ("#/$defs/50%25 off", "#/$defs/50%25%20off"),
        ("#/$defs/50% off", "#/$defs/50%25%20off"),
        ("#/$defs/a~1b~0c", "#/$defs/a~1b~0c"),
        ("#/$defs/höhe", "#/$defs/h%C3%B6he"),
        ("#named", "#/$defs/a~1b~0c"),
        ("https://example.com/b", "#/$defs/deep/items"),
        ("Tree", "#"),
        ("#", "#"),
    ],
)
def test_references_however_they_are_written(reference: str, pointer: str) -> None:
    schema = {
        "$id": "Tree",
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": reference}, {"type": "null"}]}},
        "$defs": {
            "List<int>": {"type": "array", "items": {"type": "integer"}},
            "50% off": {"type": "integer"},
            "a/b~c": {"$anchor": "named", "type": "integer"},
            "höhe": {"type": "integer"},
            "deep": {"items": {"$id": "https://example.com/b", "type": "boolean"}},
        },
    }
    found = checked_schema(schema, "x")
    assert found["properties"]["a"]["anyOf"][0] == {"$ref": pointer}
    assert not LLMatcher.validate_grammar(f"start: %json {json.dumps(found)}\n")


def test_strict_asks_the_compiler_not_to_look_away() -> None:
    assert checked_schema({}, "x", strict=True)["x-guidance"]["lenient"] is False
    assert checked_schema({}, "x")["x-guidance"]["lenient"] is True
