"""Something asked for as JSON and nothing else, in the words of people and programs; all of the answer is learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from corpus.arithmetic import Arithmetic
from corpus.conversation import Check, Exchange, assistant, user
from corpus.copying import Copying
from corpus.data import json_only as said
from corpus.data.jokes import JOKE_PUNCH
from corpus.data.lists import CAPITALS
from corpus.data.structured import BARE_STATEMENT_ASKS, SCHEMA_SYSTEMS
from corpus.dice import Dice
from corpus.jokes import Jokes, setup
from corpus.knowledge import Knowledge
from corpus.statements import Statements
from corpus.typist import Typist, upper_first
from corpus.unknown import Unknown
from corpus.words import Words


class Task(NamedTuple):
    """What is wanted, and the fields of the answer."""

    text: str
    fields: dict[str, Any]
    named: bool = True  # the names of the fields have to be told


class Tasks:
    """What can be asked for as JSON."""

    def __init__(
        self,
        dice: Dice,
        words: Words,
        typist: Typist,
        *,
        knowledge: Knowledge,
        arithmetic: Arithmetic,
        copying: Copying,
        jokes: Jokes,
        unknown: Unknown,
        statements: Statements,
    ) -> None:
        self.dice, self.words, self.typist = dice, words, typist
        self.knowledge, self.arithmetic, self.copying = knowledge, arithmetic, copying
        self.jokes, self.unknown, self.statements = jokes, unknown, statements
        self.rng = dice.rng

    def task(self) -> Task:
        """Any of them."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.25:
            return self._joke()
        if roll < 0.68:
            return self._data()
        if roll < 0.78:
            asked, answer = _texts(self.arithmetic.exchange())
            value: Any = int(answer.split(" = ")[1]) if " = " in answer else answer
            return Task(asked, {rng.choice(said.RESULT_KEYS): value})
        if roll < 0.84:
            country, asked = self.knowledge.capital_asked()
            capital = CAPITALS[country]
            key = rng.choice(said.CAPITAL_KEYS)
            return Task(asked, {"country": country, "capital": capital} if rng.random() < 0.4 else {key: capital})
        if roll < 0.9:
            asked, answer = _texts(self.copying.exchange())
            return Task(asked, {rng.choice(said.COPY_KEYS): answer})
        asked, answer = _texts(self.knowledge.fact() if roll < 0.98 else self.unknown.exchange())
        return Task(asked, {rng.choice(said.TEXT_KEYS) if rng.random() < 0.8 else self.words.param_name(): answer})

    def _joke(self) -> Task:
        rng = self.rng
        text, thing = self.jokes.asked(known=0.7)
        first, second = rng.choice(said.JOKE_KEYS)
        fields = {first: setup(thing), second: JOKE_PUNCH}
        if rng.random() < 0.12:
            fields = {"joke": f"{setup(thing)} {JOKE_PUNCH}"}
        elif rng.random() < 0.12:
            fields = {rng.choice(said.JOKE_ABOUT_KEYS): thing, **fields}
        named = tuple(fields) != ("setup", "punchline") or rng.random() < 0.95
        return Task(self.typist.ask(text), fields, named)

    def _data(self) -> Task:
        """The data of a sentence."""
        rng = self.rng
        statement = self.statements.statement()
        text, order = statement.text, list(statement.fields)
        if rng.random() < 0.3:
            rng.shuffle(order)
        if len(order) > 1 and rng.random() < 0.15:
            order = order[:-1]
        asks = said.INTRODUCTIONS if rng.random() < 0.4 else BARE_STATEMENT_ASKS
        asked = text
        if rng.random() >= 0.15:
            asked = self.dice.template(asks).replace("{text}", set_off(self.dice, text, 0.35))
        if not asked.startswith(text) and rng.random() < 0.6:
            asked = upper_first(asked)
        return Task(asked, {key: statement.fields[key] for key in order})


class JsonOnly:
    """Asks for a task's answer as JSON and nothing else."""

    def __init__(self, dice: Dice, tasks: Tasks) -> None:
        self.dice, self.tasks = dice, tasks
        self.rng = dice.rng

    def exchange(self) -> Exchange:
        """A task with what is wished of its answer, in front of it, behind it or in the system prompt."""
        rng = self.rng
        task = self.tasks.task()
        answer = json.dumps(task.fields, ensure_ascii=False)
        if task.named and len(task.text) < 200 and rng.random() < 0.2:
            system, text = None, self._in_one_sentence(task)
        else:
            system, text = self._in_sentences(task)
        return Exchange("json_only", [user(text), assistant(answer)], Check(exact=answer), system)

    def _in_one_sentence(self, task: Task) -> str:
        rng = self.rng
        text = task.text.rstrip(".?! ")
        endings = [self.dice.template(said.KEY_ENDINGS).replace("{keys}", self._keys(list(task.fields)))]
        if rng.random() < 0.7:
            endings.append(self.dice.template(said.ONLY_ENDINGS))
        for ending in endings:
            text += ending if ending.startswith(",") else f" {ending}"
        return text + rng.choice(["", ".", ".", "!"])

    def _in_sentences(self, task: Task) -> tuple[str | None, str]:
        """The system prompt, if there is one, and the question."""
        rng = self.rng
        wishes = self._wishes(task)
        blank = rng.choice([" ", " ", " ", "\n", "\n\n"])
        if rng.random() < 0.15:
            wishes = [wish.rstrip(".") if "\n" in blank else wish for wish in wishes]
        if rng.random() < 0.3:
            return blank.join(filter(None, (rng.choice(said.ROLES), *wishes))), task.text
        text = task.text
        if text[-1] not in ".?!`>-" and blank == " ":
            text += "."
        roll = rng.random()
        parts = [text, *wishes] if roll < 0.7 else [*wishes, text] if roll < 0.9 else [*wishes[:1], text, *wishes[1:]]
        return None, blank.join(parts)

    def _wishes(self, task: Task) -> list[str]:
        """Sentences that say which keys there are, and that nothing else is wanted."""
        rng, template = self.rng, self.dice.template
        keys = list(task.fields)
        wishes = [template(said.ONLY_SENTENCES) for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))]
        roll = rng.random()
        if not task.named:
            return wishes or [template(said.ONLY_SENTENCES)]
        if roll < 0.66:
            place = 0 if rng.random() < 0.75 else len(wishes)
            wish = template(said.KEY_SENTENCES).replace("{keys}", self._keys(keys))
        elif roll < 0.85:
            place = len(wishes) if rng.random() < 0.6 else 0
            wish = template(said.EXAMPLE_SENTENCES).replace("{example}", self._example(task.fields))
        else:
            place = 0
            properties = {key: {"type": json_type(value)} for key, value in task.fields.items()}
            schema = {"type": "object", "properties": properties, "required": keys}
            wish = template(SCHEMA_SYSTEMS).replace("{schema}", json.dumps(schema))
        return [*wishes[:place], wish, *wishes[place:]]

    def _keys(self, keys: Sequence[str]) -> str:
        """Names of keys as people write them into a sentence."""
        rng = self.rng
        style = rng.choice(said.QUOTES)
        quoted = [key.join(style.split("{}")) for key in keys]
        if len(quoted) == 1:
            return self.dice.template(said.KEY_SAID).replace("{k}", quoted[0])
        last = rng.choice([" and ", " and ", ", and " if len(quoted) > 2 else " and ", ", ", ", "])
        return self.dice.template(said.KEYS_SAID).replace("{k}", ", ".join(quoted[:-1]) + last + quoted[-1])

    def _example(self, fields: dict[str, Any]) -> str:
        """An object with these keys and something in the place of each value."""
        rng = self.rng
        style = rng.choice(said.EXAMPLE_TEXTS)
        number = rng.choice(said.EXAMPLE_NUMBERS)
        parts = [
            f'"{key}": ' + (number if type(value) is int else json.dumps(style.format(key=key.replace("_", " "))))
            for key, value in fields.items()
        ]
        return "{" + ", ".join(parts) + "}" if rng.random() < 0.8 else "{\n  " + ",\n  ".join(parts) + "\n}"


def set_off(dice: Dice, text: str, often: float = 0.2) -> str:
    """A text to be read, sometimes between quotes or on lines of its own."""
    if dice.side == "heldout" or dice.rng.random() >= often or '"' in text:
        return text
    return dice.rng.choice(said.TEXTS).replace("{}", text)


def json_type(value: object) -> str:
    """The name that a schema has for a value's type."""
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "string")


def _texts(exchange: Exchange) -> tuple[str, str]:
    """What is asked and what is answered."""
    asked, answer = (message["content"] for message in exchange.messages)
    return asked, answer
