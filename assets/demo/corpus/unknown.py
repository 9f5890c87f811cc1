"""Questions outside of the model's world, which it refuses."""

from __future__ import annotations

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data import lexicon as lx
from corpus.data.facts import REFUSAL
from corpus.data.unknown import UNKNOWN_ASKS
from corpus.dice import Dice
from corpus.typist import Typist
from corpus.values import Values
from corpus.words import Words


class Unknown:
    """Asks for what the model cannot know or do."""

    def __init__(self, dice: Dice, words: Words, values: Values, typist: Typist) -> None:
        self.dice, self.words, self.values, self.typist = dice, words, values, typist

    def exchange(self) -> Exchange:
        """A question, and that it cannot be answered."""
        rng, words = self.dice.rng, self.words
        text = self.dice.template(UNKNOWN_ASKS).format(
            noun=words.noun(),
            noun2=rng.choice(lx.NOUNS),
            verb=words.verb(),
            adj=rng.choice(lx.ADJECTIVES),
            name=words.name(),
            city=self.values.of("city"),
            city2=self.values.of("city"),
            country=self.dice.pick(lx.COUNTRIES),
            word=words.word(),
            word2=words.word(),
            words=words.words(3, 14),
            num=words.number(3),
            num2=words.number(3),
        )
        answer = assistant(REFUSAL)
        return Exchange("unknown", [user(self.typist.ask(text)), answer], Check(contains=("small demo model",)))
