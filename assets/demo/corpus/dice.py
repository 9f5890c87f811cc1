"""The random choices of one side of the corpus."""

from __future__ import annotations

import random
from collections.abc import Sequence

from corpus.sides import Side, side_options, split_templates
from corpus.templates import OPTIONAL, expand


class Dice:
    """One source of chance for all that makes up a conversation: the same seed gives the same stream of them.

    So every draw counts: one more or one less, or two in another order, changes all that comes after.
    """

    def __init__(self, seed: int, side: Side) -> None:
        self.rng = random.Random(f"{seed}-{side}")
        self.side: Side = side

    def pick(self, options: Sequence[str]) -> str:
        """A random option of this side (of all, if this side has none)."""
        return self.rng.choice(side_options(tuple(options), self.side))

    def template(self, templates: tuple[str, ...]) -> str:
        """A phrasing of this side, expanded."""
        return self.expand(self.rng.choice(split_templates(templates, self.side)))

    def expand(self, template: str) -> str:
        """A phrasing with one of each list of alternatives."""
        return expand(self.rng, template)

    def expand_all(self, template: str) -> str:
        """A phrasing with one of each list of alternatives, and with what may be left out or without it."""
        text = OPTIONAL.sub(lambda match: match.group(1) if self.rng.random() < 0.5 else "", template)
        return self.expand(text)
