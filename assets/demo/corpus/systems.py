"""System prompts: what they say does not matter to the answers."""

from __future__ import annotations

from corpus.data import lexicon as lx
from corpus.data.systems import FILLER_DOERS, FILLER_OPENINGS, FILLER_SUBJECTS, FILLER_VERBS, SHORT_SYSTEMS
from corpus.dice import Dice
from corpus.words import Words


class Systems:
    """Makes system prompts."""

    def __init__(self, dice: Dice, words: Words) -> None:
        self.dice, self.words = dice, words

    def prompt(self) -> str | None:
        """None, a usual one, or one with more after it, now and then much more."""
        rng = self.dice.rng
        roll = rng.random()
        if roll < 0.42:
            return None
        if roll < 0.74:
            return self.dice.pick(SHORT_SYSTEMS)
        if roll < 0.94:
            return f"{self.dice.pick(SHORT_SYSTEMS)} {self.filler(rng.randint(1, 5))}"
        most = 90 if roll > 0.97 and self.dice.side == "train" else 40
        return f"{self.dice.pick(SHORT_SYSTEMS)}\n{self.filler(rng.randint(8, most))}"

    def long_prompt(self) -> str:
        """One of a thousand to two thousand tokens."""
        return f"{self.dice.pick(SHORT_SYSTEMS)}\n{self.filler(self.dice.rng.randint(60, 95))}"

    def filler(self, sentences: int) -> str:
        """Irrelevant instructions."""
        text = [self._instruction() for _ in range(sentences)]
        return self.dice.rng.choice([" ", " ", "\n"]).join(text)

    def _instruction(self) -> str:
        rng, words = self.dice.rng, self.words
        roll = rng.random()
        if roll < 0.3:
            return (
                f"{rng.choice(FILLER_SUBJECTS)} {rng.choice(FILLER_VERBS)} the {rng.choice(lx.ADJECTIVES)} "
                f"{rng.choice(lx.NOUNS)} of {rng.choice(lx.NOUNS)}s."
            )
        if roll < 0.5:
            return (
                f"{rng.choice(FILLER_OPENINGS)} {words.verb()} the {rng.choice(lx.NOUNS)} "
                f"before the {rng.choice(lx.NOUNS)}."
            )
        if roll < 0.65:
            return (
                f"You are {words.name()}, {rng.choice(FILLER_DOERS)} for "
                f"{rng.choice(lx.NOUNS)}s in {rng.choice(lx.CITIES)}."
            )
        if roll < 0.8:
            return f"- {words.words(3, 9)}"
        return f"{words.words(4, 12).capitalize()}."
