"""Templates with places for values, as ``apis.txt``, ``sentences.txt`` and the actions on records have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.templates import PLACE
from corpus.values import Values


@dataclass(frozen=True)
class Filling:
    """Values for the places of a template, by place, and how they are shown."""

    values: dict[int, Any]
    shown: dict[int, str]

    def put_into(self, template: str) -> str:
        """The template with its values put in."""
        return PLACE.sub(lambda match: "" if match.group(2) else self.shown[int(match.group(1))], template).strip()


def fill(values: Values, template: str, kinds: Sequence[str]) -> Filling:
    """Values of these kinds for the places of a template; a place may already have its value."""
    filling = Filling({}, {})
    for digit, fixed in PLACE.findall(template):
        place = int(digit)
        kind = kinds[place]
        if place in filling.values:
            continue
        if fixed:
            text = fixed[1:]
            value: Any = text == "true" if kind == "bool" else int(text) if text.isdigit() else text
        else:
            value = values.another(kind, filling.shown.values())
        filling.values[place] = value
        filling.shown[place] = values.said(kind, value)
    return filling
