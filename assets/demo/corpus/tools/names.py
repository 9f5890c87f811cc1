"""Names of tools that the other side of the corpus never has."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.dice import Dice
from corpus.sides import on_side
from corpus.words import Words


class ToolNames:
    """Makes names of tools."""

    def __init__(self, dice: Dice, words: Words) -> None:
        self.rng, self.side, self.words = dice.rng, dice.side, words

    def made(self, verb: str, noun: str) -> str:
        """A name from a verb and a noun."""
        rng = self.rng
        noun = noun.replace(" ", "_")
        while True:
            roll = rng.random()
            if roll < 0.5:
                name = f"{verb}_{noun}"
            elif roll < 0.6:
                name = f"{noun}_{verb}"
            elif roll < 0.7:
                name = verb.replace("_", "") + noun.title().replace("_", "")
            elif roll < 0.88:
                tail = rng.choice(["tool", "v2", "api", "data", "info", "by_id", "now", "list", self.words.word()])
                name = f"{verb}_{noun}_{tail}"
            elif roll < 0.94:
                name = f"{self.words.word()}_{noun}"
            else:
                name = noun
            if on_side(name, self.side):
                return name

    def styled(self, names: Sequence[str], family: str = "") -> str:
        """One of the names in one of the styles in which programs write names."""
        rng = self.rng
        while True:
            name = rng.choice(names).replace(" ", "_")
            roll = rng.random()
            if roll < 0.16:
                name = camel(name)
            elif roll < 0.22:
                name = name.replace("_", "-")
            elif roll < 0.26:
                name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
            elif roll < 0.36 and family:
                name = f"{family.replace(' ', '_')}{rng.choice(['_', '.', '__', '-'])}{name}"
            elif roll < 0.42:
                name += rng.choice(["_tool", "_v2", "_api", "_action", f"_{self.words.word()}"])
            elif roll < 0.46:
                name = f"{self.words.word()}_{name}"
            if on_side(name, self.side):
                return name


def camel(name: str) -> str:
    """A name with underscores in the style of ``camelCase``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
