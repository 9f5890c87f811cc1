"""Counting from one number to another."""

from __future__ import annotations

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.counting import COUNT_ASKS, COUNT_TO_ASKS
from corpus.dice import Dice
from corpus.sides import on_side
from corpus.typist import Typist


class Counting:
    """Asks for a count; the bounds of one side never come up on the other."""

    def __init__(self, dice: Dice, typist: Typist) -> None:
        self.dice, self.typist = dice, typist

    def exchange(self) -> Exchange:
        """A count up to 100 at most."""
        rng = self.dice.rng
        while True:
            first = 1 if rng.random() < 0.7 else rng.randint(0, 40)
            last = first + (rng.randint(2, 24) if rng.random() < 0.75 else rng.randint(20, 99))
            if last <= 100 and on_side(f"{first}..{last}", self.dice.side):
                break
        asks = COUNT_TO_ASKS if first == 1 and rng.random() < 0.35 else COUNT_ASKS
        text = self.dice.template(asks).format(first, last)
        answer = ", ".join(str(i) for i in range(first, last + 1))
        return Exchange("count", [user(self.typist.ask(text)), assistant(answer)], Check(exact=answer))
