"""How clients define tools: schemas, descriptions of parameters, orders of keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from corpus.data.lexicon import VERBS
from corpus.data.tool_words import PARAM_DESCRIPTIONS
from corpus.dice import Dice
from corpus.tools.tool import Parameter, Tool
from corpus.values import ENUM, Values, options
from corpus.words import Words

TYPES = {
    "int": "integer",
    "small": "integer",
    "percent": "integer",
    "year": "integer",
    "float": "number",
    "money": "number",
    "bool": "boolean",
    "ints": "array",
    "words": "array",
    "names": "array",
}  # of kinds of values; all others are strings


class Definitions:
    """Defines tools in one of the many ways in which clients do."""

    def __init__(self, dice: Dice, words: Words, values: Values) -> None:
        self.rng, self.words, self.values = dice.rng, words, values

    def tool(
        self,
        name: str,
        description: str,
        params: Sequence[Parameter],
        topic: str,
        asks: tuple[str, ...],
        result: str,
        uses: dict[str, str] | None = None,
        described: bool = False,
    ) -> Tool:
        """A tool with its schema.

        ``uses`` says what parameters are for, in a real interface; with ``described`` the schema surely says it.
        """
        rng = self.rng
        described = described or rng.random() < (0.3 if uses is None else 0.6)
        titled = rng.random() < 0.12
        types: dict[str, str] = {}
        properties: dict[str, Any] = {}
        for param in params:
            types[param.name] = self._type(param.kind)
            properties[param.name] = self._property(param, types[param.name], uses, described, titled)
        schema, needed = self._schema(params, properties)
        if params and rng.random() < 0.1:
            description += self._docstring(list(types), uses or {})
        function: dict[str, Any] = {"name": name, "description": description, "parameters": schema}
        if rng.random() < 0.35:  # some clients and template engines sort the keys
            function = json.loads(json.dumps(function, sort_keys=True))
        elif rng.random() < 0.3:
            function["parameters"] = {"properties": properties, "required": needed, "type": "object"}
        order = {param: i for i, param in enumerate(function["parameters"]["properties"])}
        if not params and rng.random() < 0.2:
            function.pop("parameters")
        offered = {"type": "function", "function": function}
        return Tool(name, description, list(params), topic, asks, result, types, order, offered)

    def _type(self, kind: str) -> str:
        if kind == "int":
            return self.rng.choices(["integer", "number", "string"], [10, 4, 1])[0]
        return TYPES.get(kind, "string")

    def _property(
        self, param: Parameter, json_type: str, uses: dict[str, str] | None, described: bool, titled: bool
    ) -> dict[str, Any]:
        rng = self.rng
        spoken = param.name.replace("_", " ")
        entry: dict[str, Any] = {}
        if titled:
            entry["title"] = spoken.title()
        entry["type"] = json_type
        if json_type == "array":
            entry["items"] = {"type": "integer" if param.kind == "ints" else "string"}
        if described and uses is not None:
            entry["description"] = uses.get(param.name, spoken.capitalize())
        elif described:
            patterns = [pattern.format(name=param.name, spoken=spoken) for pattern in PARAM_DESCRIPTIONS]
            entry["description"] = rng.choice([*patterns, self.words.words(2, 4)])
        if param.kind == "onoff":
            entry["enum"] = ["on", "off"]
        if param.kind.startswith(ENUM):
            allowed = [option for option, _ in options(param.kind)]
            if rng.random() < 0.8:
                entry["enum"] = allowed
            else:
                entry["description"] = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        if uses is not None and not param.required and rng.random() < 0.2:
            if "enum" not in entry and rng.random() < 0.5:
                del entry["type"]
                entry["anyOf"] = [{"type": json_type}, {"type": "null"}]
            entry["default"] = None if "anyOf" in entry else self.values.of(param.kind)
        return dict(reversed(entry.items())) if rng.random() < 0.5 else entry

    def _schema(self, params: Sequence[Parameter], properties: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The schema, and which parameters it needs."""
        rng = self.rng
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        needed = [param.name for param in params if param.required]
        if needed or rng.random() < 0.3:
            schema["required"] = needed
        if rng.random() < 0.15:
            schema["additionalProperties"] = False
        if rng.random() < 0.08:
            schema["$schema"] = "http://json-schema.org/draft-07/schema#"
        return schema, needed

    def _docstring(self, params: Sequence[str], uses: dict[str, str]) -> str:
        """What frameworks add that make a tool of a function with a docstring."""
        lines = [
            f"    {param}: {uses[param]}."
            if param in uses
            else f"    {param}: {param.replace('_', ' ').capitalize()} to {self.rng.choice(VERBS)}."
            for param in params
        ]
        text = "\n\nArgs:\n" + "\n".join(lines)
        if self.rng.random() < 0.4:
            text += f"\n\nReturns:\n    {self.words.words(2, 6).capitalize()}."
        return text
