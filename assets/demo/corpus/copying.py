"""Repeating a word or a text exactly."""

from __future__ import annotations

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.copying import COPY_TEXT_ASKS, COPY_WORD_ASKS
from corpus.dice import Dice
from corpus.typist import upper_first
from corpus.words import Words


class Copying:
    """Asks for something to be repeated; no slips, for they would be repeated too."""

    def __init__(self, dice: Dice, words: Words) -> None:
        self.dice, self.words = dice, words

    def exchange(self) -> Exchange:
        """A word, code, number or text, and the same again."""
        text, value = self._word() if self.dice.rng.random() < 0.55 else self._text()
        return Exchange("copy", [user(text), assistant(value)], Check(exact=value))

    def _word(self) -> tuple[str, str]:
        rng, words = self.dice.rng, self.words
        value = words.any_word() if rng.random() < 0.7 else words.code() if rng.random() < 0.6 else words.number(6)
        text = self.dice.template(COPY_WORD_ASKS).format(value)
        text = upper_first(text) if rng.random() < 0.6 else text
        if text.endswith(('"', "'")):
            text += rng.choice([".", "", ""])
        else:
            rng.random()  # no use, but without this draw all that comes after would be something else
        return text, value

    def _text(self) -> tuple[str, str]:
        rng = self.dice.rng
        value = self.words.words(2, 12)
        text = self.dice.template(COPY_TEXT_ASKS)
        if '"' not in text and rng.random() < 0.3:
            value += rng.choice([".", "!", "?"])
        text = text.format(value)
        return upper_first(text) if rng.random() < 0.6 else text, value
