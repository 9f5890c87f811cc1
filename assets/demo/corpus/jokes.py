"""The one joke that the model knows, about whatever is given."""

from __future__ import annotations

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.jokes import JOKE_ASKS, JOKE_PUNCH, JOKE_SETUP
from corpus.data.lexicon import ANIMALS
from corpus.dice import Dice
from corpus.typist import Typist
from corpus.words import Words


class Jokes:
    """Asks for a joke about something."""

    def __init__(self, dice: Dice, words: Words, typist: Typist) -> None:
        self.dice, self.words, self.typist = dice, words, typist

    def exchange(self) -> Exchange:
        """A joke about something given."""
        thing = self.dice.pick(ANIMALS) if self.dice.rng.random() < 0.6 else self.words.word()
        text, thing = about(self.dice.template(JOKE_ASKS), thing)
        answer = f"{setup(thing)} {JOKE_PUNCH}"
        return Exchange("joke", [user(self.typist.ask(text)), assistant(answer)], Check(exact=answer))

    def asked(self, known: float = 1.0) -> tuple[str, str]:
        """A question for a joke, not yet typed, and what it is about: ``known`` is the share of common animals."""
        template = self.dice.template(JOKE_ASKS)
        is_known = known == 1 or self.dice.rng.random() < known
        return about(template, self.dice.pick(ANIMALS) if is_known else self.words.word())


def about(template: str, thing: str) -> tuple[str, str]:
    """The question about a thing, and the thing as it stands there: a plural stays one."""
    return template.format(thing), f"{thing}s" if "{0}s" in template else thing


def setup(thing: str) -> str:
    """The joke's first half."""
    return JOKE_SETUP.format(thing)
