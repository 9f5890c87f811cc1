"""One-digit arithmetic, in digits and in words."""

from __future__ import annotations

import operator
from collections.abc import Callable

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.arithmetic import BIG_ARITHMETIC, OPERATIONS
from corpus.data.lexicon import NUMBER_WORDS
from corpus.data.wording import BREVITY
from corpus.dice import Dice
from corpus.typist import Typist
from corpus.words import Words

RESULTS: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Arithmetic:
    """Asks for the result of an operation."""

    def __init__(self, dice: Dice, words: Words, typist: Typist) -> None:
        self.dice, self.words, self.typist = dice, words, typist

    def exchange(self) -> Exchange:
        """One-digit arithmetic, or the admission that a number is too big."""
        rng = self.dice.rng
        op = rng.choice(list(OPERATIONS))
        template = self.dice.template(OPERATIONS[op])
        if rng.random() < 0.1:
            a, b = int(self.words.number(rng.choice([2, 3, 4]))), int(self.words.number(rng.choice([2, 3])))
            if max(a, b) > 9:
                asked = self.typist.ask(template.format(a, b))
                return Exchange("arithmetic", [user(asked), assistant(BIG_ARITHMETIC)], Check(contains=("one-digit",)))
        a, b = rng.randint(0, 9), rng.randint(0, 9)
        in_words = f"{{0}}{op}" not in template and rng.random() < 0.3
        left, right = (NUMBER_WORDS[n] if in_words else str(n) for n in (a, b))
        result = RESULTS[op](a, b)
        text = self.typist.ask(template.format(left, right), typos=0)
        if rng.random() < 0.08 and text[-1] not in ".!=":
            text = text.rstrip("?") + rng.choice(BREVITY)
        return Exchange(
            "arithmetic", [user(text), assistant(f"{a} {op} {b} = {result}")], Check(contains=(f"= {result}",))
        )
