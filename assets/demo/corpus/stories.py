"""The long story that the model knows, with any hero."""

from __future__ import annotations

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.lexicon import ANIMALS, NOUNS
from corpus.data.stories import STORY, STORY_ABOUT_ASKS, STORY_ASKS
from corpus.dice import Dice
from corpus.typist import Typist
from corpus.words import Words


class Stories:
    """Asks for a story."""

    def __init__(self, dice: Dice, words: Words, typist: Typist) -> None:
        self.dice, self.words, self.typist = dice, words, typist

    def exchange(self) -> Exchange:
        """A long story, with a given hero or without."""
        if self.dice.rng.random() < 0.4:
            text, hero = self.dice.template(STORY_ASKS), "small robot"
        else:
            hero = self.dice.pick(ANIMALS + NOUNS) if self.dice.rng.random() < 0.7 else self.words.word()
            text = self.dice.template(STORY_ABOUT_ASKS).format(hero)
        answer = STORY.format(hero)
        return Exchange("story", [user(self.typist.ask(text)), assistant(answer)], Check(exact=answer))
