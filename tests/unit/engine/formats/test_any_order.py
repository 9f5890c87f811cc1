"""Arguments in the order in which a model writes them: what fits the schema is allowed, whatever its order."""

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from llguidance import LLMatcher

from dmr_desktop.engine.formats.chat_format import TaggedCall
from dmr_desktop.protocol.generation import Tool
from tests.fakes.family_templates import FAMILIES
from tests.unit.engine.formats.test_families import calls_in, prepare, read, syntax, written
from tests.unit.engine.formats.test_free_calls import Writing, begun, writing

NAMES = ("city", "days", "cit", "unit", "a b", "x")
TRIP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "unit": {"enum": ["c", "f"]},
        "note": {"type": "string"},
    },
    "required": ["city", "days"],
}


class Made:
    """Schemas and what fits them, at random from a seed. ``is_json``: also what only formats with JSON can say."""

    def __init__(self, seed: int, *, is_json: bool) -> None:
        self._chance = random.Random(seed)
        self._is_json = is_json
        self._definitions: dict[str, Any] = {}

    def tool(self) -> Tool:
        schema = self.object_schema(0)
        if self._definitions:
            schema["$defs"] = self._definitions
        return Tool("try_it", "", schema)

    def object_schema(self, depth: int) -> dict[str, Any]:
        chance = self._chance
        names = [name for name in chance.sample(NAMES, chance.randint(1, 5)) if self._is_json or " " not in name]
        properties = {name: self.schema(depth + 1) for name in names}
        found: dict[str, Any] = {"type": "object", "properties": properties, "description": "some"}
        found["required"] = [name for name in names if chance.random() < 0.5]
        if self._is_json and chance.random() < 0.3:
            found["additionalProperties"] = chance.choice([True, {"type": "integer"}, False])
        return found

    def schema(self, depth: int) -> dict[str, Any]:
        chance = self._chance
        plain: list[dict[str, Any]] = [
            {"type": "string"},
            {"type": "string", "title": "Word", "maxLength": 12},
            {"enum": ["c", "ff"]},
            {"type": "integer", "minimum": -3, "maximum": 20},
            {"type": "number"},
            {"type": "boolean", "default": True},
        ]
        if self._is_json:
            plain += [
                {"type": ["string", "null"]},
                {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                {},
            ]
        if depth > 2 or chance.random() < 0.5:
            return chance.choice(plain)
        inner = self.object_schema(depth)
        nested: list[dict[str, Any]] = [inner, {"type": "array", "items": inner}]
        if self._is_json:
            self._definitions["Inner"] = self._definitions.get("Inner", inner)
            nested += [
                {"$ref": "#/$defs/Inner"},
                {"allOf": [{"$ref": "#/$defs/Inner"}], "description": "one"},
                {"anyOf": [inner, {"type": "null"}]},
                {"type": ["object", "null"], "properties": inner["properties"], "required": inner["required"]},
                {"type": "array", "items": inner, "minItems": 1, "maxItems": 2},
                {"type": "object", "additionalProperties": inner},
            ]
        return chance.choice(nested)

    def value(self, schema: Mapping[str, Any]) -> Any:
        chance = self._chance
        match schema:
            case {"$ref": _}:
                return self.value(self._definitions["Inner"])
            case {"allOf": [only]}:
                return self.value(only)
            case {"anyOf": branches}:
                return self.value(chance.choice(branches))
            case {"enum": choices}:
                return chance.choice(choices)
            case {"type": [*kinds]}:
                return self.value({**schema, "type": chance.choice(kinds)})
            case {"type": "object"}:
                return self.members(schema)
            case {"type": "array", "items": items}:
                return [self.value(items) for _ in range(chance.randint(schema.get("minItems", 0), 2))]
            case {"type": "integer"}:
                return chance.randint(-3, 20)
            case {"type": "number"}:
                return chance.choice([0, -1, 2.5, 100])
            case {"type": "boolean"}:
                return chance.random() < 0.5
            case {"type": "null"}:
                return None
            case {}:
                return chance.choice(["é", "", "so it is", "a,b"])

    def members(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """All that are required and some others, in any order."""
        chance = self._chance
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        names = [name for name in properties if name in required or chance.random() < 0.5]
        other = schema.get("additionalProperties")
        found = {name: self.value(properties[name]) for name in names}
        if other:
            some = {} if other is True else other
            found |= {name: self.value(some) for name in ("other", "cityx", "d") if chance.random() < 0.3}
        order = list(found)
        chance.shuffle(order)
        return {name: found[name] for name in order}


def held(name: str, tool: Tool, arguments: dict[str, Any]) -> Writing:
    found = writing(name, tools=(tool,))
    found.write(written(name, (tool.name, arguments), prepared=found.prepared))
    assert found.constraint is not None
    return found


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_what_fits_the_schema_is_allowed_in_any_order(name: str) -> None:
    is_json = not isinstance(syntax(name).body, TaggedCall)
    for seed in range(25 if is_json else 10):
        made = Made(seed, is_json=is_json)
        tool = made.tool()
        for _ in range(3):
            arguments = made.value(tool.parameters)
            found = held(name, tool, arguments)
            ((_, back),) = calls_in(read(found.prepared, [found.text]))
            assert json.dumps(back) == json.dumps(arguments), (seed, found.text)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_each_once_and_all_that_are_required(name: str) -> None:
    tool = Tool("trip", "", TRIP)
    orders: tuple[dict[str, Any], ...] = (
        {"note": "n", "days": 1, "city": "x"},
        {"city": "x", "unit": "c", "days": 1},
        {"days": 1, "city": "x"},
    )
    for arguments in orders:
        held(name, tool, arguments)
    for arguments in ({"city": "x", "note": "n", "unit": "c"}, {"unit": "c"}, {}, {"days": 1, "other": 2}):
        found = writing(name, tools=(tool,))
        with pytest.raises(AssertionError, match="may not go on with"):
            found.write(written(name, (tool.name, arguments), prepared=found.prepared) + "\n")
    # What a model that knows nothing writes has none twice.
    for seed in range(8):
        found = begun(name, as_tokens=True, tools=(tool,))
        if found.write_at_random(seed):
            for _, arguments in calls_in(read(found.prepared, [found.text])):
                assert {"city", "days"} <= arguments.keys() <= TRIP["properties"].keys()


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_what_is_required_and_not_described_must_be_there(name: str) -> None:
    tool = Tool("trip", "", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city", "why"]})
    held(name, tool, {"why": "so", "city": "x"})
    found = writing(name, tools=(tool,))
    with pytest.raises(AssertionError, match="may not go on with"):
        found.write(written(name, (tool.name, {"city": "x"}), prepared=found.prepared) + "\n")


@pytest.mark.parametrize("name", ["hermes", "glm", "gemma-4", "minimax-m3"])
@pytest.mark.parametrize(
    "reference", ["Node", "#node", "#/properties/tree", "#/$defs/List<Node>", "#/$defs/List%3CNode%3E"]
)
def test_what_leads_back_however_it_is_written(name: str, reference: str) -> None:
    node = {
        "$id": "Node",
        "$anchor": "node",
        "type": "object",
        "properties": {"label": {"type": "string"}, "left": {"$ref": reference}},
        "required": ["label"],
    }
    schema: dict[str, Any] = {"type": "object", "properties": {"tree": node}, "required": ["tree"]}
    schema["$defs"] = {"List<Node>": {"$ref": "Node"}}
    tool = Tool("plant", "", schema)
    found = held(name, tool, {"tree": {"left": {"label": "b"}, "label": "a"}})
    ((_, back),) = calls_in(read(found.prepared, [found.text]))
    assert back == {"tree": {"left": {"label": "b"}, "label": "a"}}


@pytest.mark.parametrize("count", [63, 64, 65, 130])
def test_more_properties_than_can_be_remembered(count: int) -> None:
    names = [f"p{index}" for index in range(count)]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "required": names[-70:],
    }
    tool = Tool("many", "", schema)
    order = dict.fromkeys(reversed(names), 1)
    held("hermes", tool, order)
    found = writing("hermes", tools=(tool,))
    found.write('<tool_call>\n{"name": "many", "arguments": {"p')
    assert found.constraint is not None
    assert not found.constraint.allows(ord("x"))


@pytest.mark.parametrize(
    "more",
    [
        {"patternProperties": {"^x": {"type": "integer"}}},
        {"allOf": [{"properties": {"city": {"maxLength": 9}}}, {"properties": {"days": {"minimum": 1}}}]},
        {"properties": {**TRIP["properties"], "never": {"type": "string", "minLength": 5, "maxLength": 2}}},
    ],
)
def test_what_means_something_only_as_a_whole_keeps_the_order_of_the_schema(more: dict[str, Any]) -> None:
    tool = Tool("trip", "", {**TRIP, **more})
    held("hermes", tool, {"city": "Bonn", "days": 2, "note": "x"})
    with pytest.raises(AssertionError, match="may not go on with"):
        held("hermes", tool, {"days": 2, "city": "Bonn"})


def test_a_reference_into_a_list_is_followed() -> None:
    size = {"anyOf": [TRIP, {"type": "null"}]}
    schema = {"type": "object", "properties": {"one": size, "two": {"$ref": "#/properties/one/anyOf/0"}}}
    tool = Tool("trips", "", schema)
    held("hermes", tool, {"two": {"days": 1, "city": "x"}, "one": None})
    with pytest.raises(AssertionError, match="may not go on with"):
        held("hermes", tool, {"two": {"days": 1, "other": "x"}})


def test_what_was_checked_once_is_known_at_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {f"p{index}": {"enum": [f"a{index}", f"b{index}"]} for index in range(15)}
    tools = tuple(
        Tool(f"t{number}", "", {"type": "object", "properties": {f"{number}{key}": words[key] for key in words}})
        for number in range(20)
    )
    wide = Tool("wide", "", {"type": "object", "properties": {f"w{n}": {"const": n} for n in range(200)}})
    first = prepare("hermes", tools=(*tools, wide))
    assert first.calls is not None
    grammar = first.calls.write_grammar()
    checked: list[str] = []
    check = LLMatcher.validate_grammar
    monkeypatch.setattr(LLMatcher, "validate_grammar", lambda rule: checked.append(rule) or check(rule))
    again = prepare("hermes", tools=(*tools, wide))
    assert again.calls is not None
    assert again.calls.write_grammar() == grammar
    assert not checked
