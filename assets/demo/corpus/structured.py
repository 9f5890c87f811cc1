"""Answers in JSON: asked for in words, by a schema in the system prompt, or forced by a grammar."""

from __future__ import annotations

import json
from typing import Any

from corpus.conversation import MARK_OFF, MARK_ON, Check, Exchange, assistant, user
from corpus.data.jokes import JOKE_PUNCH
from corpus.data.structured import BARE_STATEMENT_ASKS, EXTRACT_ASKS, JOKE_CALLS, KEYS_BEFORE, SCHEMA_SYSTEMS
from corpus.dice import Dice
from corpus.jokes import Jokes, setup
from corpus.json_only import JsonOnly, json_type, set_off
from corpus.statements import Statements
from corpus.typist import Typist, upper_first


class Structured:
    """Asks for data out of a sentence, or for a joke, as JSON."""

    def __init__(self, dice: Dice, typist: Typist, jokes: Jokes, statements: Statements, json_only: JsonOnly) -> None:
        self.dice, self.typist = dice, typist
        self.jokes, self.statements, self.json_only = jokes, statements, json_only
        self.rng = dice.rng

    def exchange(self) -> Exchange:
        """A JSON answer, unforced (``structured``, ``json_only``) or forced (``structured_forced``)."""
        rng = self.rng
        if self.dice.side == "train" and rng.random() < 0.4:
            return self.json_only.exchange()
        roll = rng.random()
        if roll < 0.08:
            return self._forced_joke()
        if roll < 0.12:
            return self._forced_call()
        statement = self.statements.statement(typed=roll >= 0.4, schema=0.4 <= roll < 0.7)
        order = list(statement.fields)
        if rng.random() < 0.3:
            rng.shuffle(order)
        if len(order) > 1 and rng.random() < 0.2:
            order = order[:-1]
        fields = {key: statement.fields[key] for key in order}
        if roll < 0.4:
            return self._by_keys(statement.text, fields)
        text = self.dice.template(BARE_STATEMENT_ASKS).replace("{text}", set_off(self.dice, statement.text))
        if roll < 0.7:
            return self._by_schema(text, fields, statement.notes)
        return self._forced(text, fields)

    def _forced_joke(self) -> Exchange:
        text, thing = self.jokes.asked()
        # A grammar forces compact JSON, a request in words gets the usual blanks.
        pair, item_sep = self.rng.choice([(":", ","), (": ", ", ")])
        body = (
            f'{MARK_OFF}{{"setup"{pair}"{MARK_ON}{setup(thing)}"{MARK_OFF}{item_sep}"punchline"{pair}'
            f'"{MARK_ON}{JOKE_PUNCH}"}}'
        )
        return Exchange("structured", [user(self.typist.ask(text)), assistant(body)], Check())

    def _forced_call(self) -> Exchange:
        """A forced call: only the values and their ends are the model's."""
        text, thing = self.jokes.asked()
        name = self.rng.choice(JOKE_CALLS)
        body = (
            f'{MARK_OFF}<tool_call>\n{{"name": "{name}", "arguments": {{"setup": "{MARK_ON}'
            f'{setup(thing)}"{MARK_OFF}, "punchline": "{MARK_ON}{JOKE_PUNCH}"{MARK_OFF}}}}}\n'
            f"</tool_call>{MARK_ON}"
        )
        return Exchange("structured_forced", [user(self.typist.ask(text)), assistant(body)], Check())

    def _by_keys(self, text: str, fields: dict[str, Any]) -> Exchange:
        *others, last = fields
        keys = self.rng.choice(KEYS_BEFORE) + (", ".join(others) + " and " + last if others else last)
        ask = self.dice.template(EXTRACT_ASKS).replace("{keys}", keys).replace("{text}", set_off(self.dice, text))
        return _answered("structured", upper_first(ask), fields)

    def _by_schema(self, text: str, fields: dict[str, Any], notes: dict[str, dict[str, Any]]) -> Exchange:
        rng = self.rng
        properties = {key: {"type": json_type(item), **notes.get(key, {})} for key, item in fields.items()}
        if rng.random() < 0.3:
            properties = {key: {"title": key.replace("_", " ").title(), **item} for key, item in properties.items()}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if rng.random() < 0.7:
            schema["required"] = list(fields)
        if rng.random() < 0.3:
            schema["additionalProperties"] = False
        exchange = _answered("structured", text, fields)
        exchange.system = self.dice.template(SCHEMA_SYSTEMS).replace("{schema}", json.dumps(schema))
        return exchange

    def _forced(self, text: str, fields: dict[str, Any]) -> Exchange:
        """Only the values and their ends are the model's."""
        pair, item_sep = (":", ",") if self.rng.random() < 0.6 else (": ", ", ")
        body = f"{MARK_OFF}{{"
        for i, (key, item) in enumerate(fields.items()):
            value = json.dumps(item, ensure_ascii=False)
            lead = f'{item_sep if i else ""}"{key}"{pair}'
            if value.startswith('"'):
                body += f'{lead}"{MARK_ON}{value[1:]}{MARK_OFF}'
            else:
                body += f"{lead}{MARK_ON}{value}{MARK_OFF}"
        body += f"{MARK_ON}}}"
        exchange = _answered("structured_forced", text, fields)
        exchange.messages[-1] = assistant(body)
        return exchange


def _answered(skill: str, text: str, fields: dict[str, Any]) -> Exchange:
    answer = json.dumps(fields, ensure_ascii=False)
    return Exchange(skill, [user(text), assistant(answer)], Check(exact=answer))
