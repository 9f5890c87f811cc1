"""Sentences that hold data, and the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from corpus.data import lexicon as lx
from corpus.data.statements import FIELD_STATEMENTS, LISTED
from corpus.data.tool_asks import BEFORE
from corpus.dice import Dice
from corpus.places import fill
from corpus.systems import Systems
from corpus.tools.interfaces import sentences
from corpus.typist import upper_first
from corpus.values import ENUM, Values, options
from corpus.words import Words


@dataclass
class Statement:
    """A sentence, the data that it holds, and what a schema says of the keys besides their types."""

    text: str
    fields: dict[str, Any]
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)


class Statements:
    """Makes statements.

    With ``typed`` it is known which values are text, with ``schema`` also which values are allowed.
    """

    def __init__(self, dice: Dice, words: Words, values: Values, systems: Systems) -> None:
        self.dice, self.words, self.values, self.systems = dice, words, values, systems
        self.rng = dice.rng

    def statement(self, typed: bool = False, schema: bool = False) -> Statement:
        """Any of them."""
        rng = self.rng
        if self.dice.side == "train" and rng.random() < 0.55:
            return self._real(typed, schema)
        statement = self._of_fields() if rng.random() < 0.6 else self._of_any_keys(typed)
        text, fields = statement.text, statement.fields
        if rng.random() < 0.7:
            first = next((key for key, item in fields.items() if text.startswith(str(item))), None)
            if first is not None and isinstance(fields[first], str):
                fields[first] = upper_first(fields[first])  # as it stands in the sentence
            text = upper_first(text)
        return Statement(text + rng.choice([".", ".", ""]), fields)

    def _of_fields(self) -> Statement:
        """A sentence with usual keys."""
        rng = self.rng
        keys, templates = rng.choice(FIELD_STATEMENTS)
        fields = {key: self._field(key) for key in keys}
        template = self.dice.template(templates)
        # Verbs that do not exist teach to look for names, places and numbers instead.
        verb = self.words.verb() if rng.random() < 0.5 else self.words.word()
        text = template.format(**fields, verb=verb, noun=rng.choice(lx.NOUNS))
        if "{product}s" in template:
            fields["product"] += "s"
        return Statement(text, fields)

    def _of_any_keys(self, typed: bool) -> Statement:
        """Keys and values in a row."""
        rng, words = self.rng, self.words
        keys = dict.fromkeys(words.param_name() for _ in range(rng.randint(1, 3)))
        fields: dict[str, Any] = {
            key: int(words.number(4)) if rng.random() < 0.35 else words.keepsake() for key in keys
        }
        if not typed:  # only a schema can say that digits are text
            fields = {key: int(item) if str(item).isdigit() else item for key, item in fields.items()}
        parts = [rng.choice(LISTED).format(key.replace("_", " "), item) for key, item in fields.items()]
        return Statement(rng.choice([", ", " and ", "; "]).join(parts), fields)

    def _field(self, key: str) -> Any:
        """A value for a field of :data:`FIELD_STATEMENTS`."""
        rng = self.rng
        match key:
            case "age" | "quantity":
                return rng.randint(1, 99)
            case "price":
                return rng.randint(1, 999)
            case "phone":
                return rng.randint(1000, 999999)
            case "name":
                return self.words.name()
            case "city" | "origin" | "destination":
                return self.values.of("city")
            case "email" | "day":
                return self.values.of(key)
            case "country":
                return self.dice.pick(lx.COUNTRIES)
            case "color":
                return rng.choice(lx.COLOURS)
            case _:
                return self.dice.pick(lx.NOUNS) if rng.random() < 0.6 else self.words.word()

    def _real(self, typed: bool, schema: bool) -> Statement:
        """A sentence of ``sentences.txt``, sometimes among others."""
        rng = self.rng
        about = rng.choice(sentences())
        template = self.dice.expand_all(rng.choice(about.asks))
        filling = fill(self.values, template, [param.kind for param in about.params])
        values, shown = filling.values, filling.shown
        for place, value in values.items():
            if about.params[place].kind.startswith(ENUM) and not schema:
                values[place] = shown[place]
            elif not typed and isinstance(value, str) and value.isdigit():
                values[place] = int(value)  # only a schema can say that digits are text
        keys: list[str] = []
        for param in about.params:
            name = rng.choice(param.names) if rng.random() < 0.5 else param.names[0]
            keys.append(name if name not in keys else param.names[0])
        text = filling.put_into(template)
        if rng.random() < 0.75:
            text = upper_first(text)
            for place, value in values.items():
                if isinstance(value, str) and text.startswith(upper_first(value)) and value == shown[place]:
                    values[place] = upper_first(value)  # as it stands in the sentence
        text += rng.choice([".", ".", ""]) if text[-1] not in ".!?" else ""
        if rng.random() < 0.15:
            text = rng.choice(BEFORE) + text
        elif rng.random() < 0.12 and text.endswith("."):
            text += f" {self.systems.filler(1)}"
        notes: dict[str, dict[str, Any]] = {}
        for key, param in zip(keys, about.params, strict=True):
            notes[key] = {"enum": [option for option, _ in options(param.kind)]} if param.kind.startswith(ENUM) else {}
            if rng.random() < 0.4 and param.uses:
                notes[key]["description"] = param.uses[0]
        return Statement(text, {keys[place]: values[place] for place in sorted(values)}, notes)
