"""A tool as it is offered to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """A parameter under the name that it has in one tool."""

    name: str
    kind: str  # see ``values.py``
    required: bool


@dataclass
class Tool:
    """A tool as offered, and how to ask for it."""

    name: str
    description: str
    params: list[Parameter]
    topic: str
    asks: tuple[str, ...]  # questions with {0}, {1} for the values
    result: str  # see ``results.py``
    types: dict[str, str]  # JSON type by parameter
    order: dict[str, int]  # the parameters' places in the schema as shown
    schema: dict[str, Any]
    real: bool = False  # asked for in the manner of real interfaces
    words: tuple[str, ...] = ()  # what people call the record that it works on
    keys: tuple[str, ...] = ()  # words of its name and description, one of which a question for it holds

    def arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values as a right call gives them: of the types and in the order that the schema shows."""
        return {
            param: str(values[param]) if self.types[param] == "string" else values[param]
            for param in sorted(values, key=self.order.__getitem__)
        }


def are_distinct(tools: Sequence[Tool]) -> bool:
    """Whether no two have the same name."""
    return len({tool.name for tool in tools}) == len(tools)
