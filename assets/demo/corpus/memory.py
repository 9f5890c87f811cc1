"""Things that the user tells, and the later questions for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data import memory as said
from corpus.data.lexicon import NOUNS
from corpus.dice import Dice
from corpus.typist import Typist, upper_first
from corpus.words import Words


@dataclass(frozen=True)
class Thing:
    """Something to be remembered: how it is told and acknowledged, how it is asked for and answered."""

    value: str
    told: str
    reply: str
    asked: str
    answer: str
    unknown: str  # the answer, if it was never told


class Memory:
    """Tells things and asks for them."""

    def __init__(self, dice: Dice, words: Words, typist: Typist) -> None:
        self.dice, self.words, self.typist = dice, words, typist
        self.rng = dice.rng
        self._makers = {"name": self._name, "number": self._number, "thing": self._thing, "secret": self._secret}

    def exchanges(self) -> tuple[list[Exchange], list[Exchange]]:
        """Exchanges in which things are told, and those in which they are asked for."""
        rng = self.rng
        told: list[Exchange] = []
        asked: list[Exchange] = []
        for kind in rng.sample(list(self._makers), rng.choice([1, 1, 2, 2, 3])):
            missing = rng.random() < 0.06
            thing = self._makers[kind]()
            intro = upper_first(thing.told) if rng.random() < 0.5 else thing.told
            intro += rng.choice([".", ".", "", "!"])
            question = self.typist.ask(thing.asked, typos=0.02)
            check = Check(contains=(thing.value,))
            if missing:
                asked.append(Exchange("recall", [user(question), assistant(thing.unknown)], Check(exact=thing.unknown)))
            elif rng.random() < 0.12:
                asked.append(Exchange("recall", [user(f"{intro} {question}"), assistant(thing.answer)], check))
            else:
                told.append(Exchange("remember", [user(intro), assistant(thing.reply)], check))
                asked.append(Exchange("recall", [user(question), assistant(thing.answer)], check))
        if len(told) == 2 and rng.random() < 0.35:
            told = [_joined(*told)]
        rng.shuffle(asked)
        if rng.random() < 0.15 and asked:
            asked.append(asked[0])
        return told, asked

    def _name(self) -> Thing:
        name = self.words.name()
        return Thing(
            name,
            self.dice.template(said.NAME_INTROS).format(name),
            f"Nice to meet you, {name}.",
            self.dice.template(said.NAME_QUERIES),
            f"Your name is {name}.",
            "You have not told me your name yet.",
        )

    def _number(self) -> Thing:
        number = self.words.number(5)
        return Thing(
            number,
            self.dice.template(said.NUMBER_INTROS).format(number),
            f"I will remember the number {number}.",
            self.dice.template(said.NUMBER_QUERIES),
            f"Your number is {number}.",
            "You have not told me a number yet.",
        )

    def _thing(self) -> Thing:
        thing = self._of(said.THINGS, ("", "favourite ", "new "))
        value = self.words.keepsake()
        return Thing(
            value,
            self.dice.template(said.THING_INTROS).format(thing, value),
            f"I will remember that your {thing} is {value}.",
            self.dice.template(said.THING_QUERIES).format(thing),
            f"Your {thing} is {value}.",
            f"You have not told me your {thing} yet.",
        )

    def _secret(self) -> Thing:
        thing = self._of(said.SECRETS, ("", "secret ", "right "))
        value = self.words.keepsake()
        return Thing(
            value,
            self.dice.template(said.SECRET_INTROS).format(thing, value),
            f"I will remember that the {thing} is {value}.",
            self.dice.template(said.SECRET_QUERIES).format(thing),
            f"The {thing} is {value}.",
            f"You have not told me the {thing} yet.",
        )

    def _of(self, usual: Sequence[str], before: Sequence[str]) -> str:
        """A usual thing, or any noun, perhaps with a word before it."""
        if self.rng.random() < 0.6:
            return self.rng.choice(usual)
        return f"{self.rng.choice(before)}{self.dice.pick(NOUNS)}"


def _joined(first: Exchange, second: Exchange) -> Exchange:
    """Both told in one turn."""
    told, reply = (f"{a['content']} {b['content']}" for a, b in zip(first.messages, second.messages, strict=True))
    contains = first.check.contains + second.check.contains
    return Exchange("remember", [user(told), assistant(reply)], Check(contains=contains))
