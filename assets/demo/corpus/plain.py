"""Exchanges that need neither tools nor JSON: which of them, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from corpus.arithmetic import Arithmetic
from corpus.conversation import Exchange
from corpus.copying import Copying
from corpus.counting import Counting
from corpus.dice import Dice
from corpus.jokes import Jokes
from corpus.knowledge import Knowledge
from corpus.stories import Stories
from corpus.unknown import Unknown


@dataclass(frozen=True)
class Plain:
    """Makes any exchange that needs no tool."""

    dice: Dice
    knowledge: Knowledge
    arithmetic: Arithmetic
    copying: Copying
    counting: Counting
    jokes: Jokes
    stories: Stories
    unknown: Unknown

    def exchange(self, math_tool: bool = False, tools: bool = False) -> Exchange:
        """One of them: no sums where a tool is there for these, nothing long where there are tools."""
        makers: dict[Callable[[], Exchange], float] = {
            self.knowledge.fact: 9,
            self.knowledge.smalltalk: 2.5,
            self.copying.exchange: 1.3,
            self.unknown.exchange: 3.0,
            self.knowledge.lists: 0.5,
            self.knowledge.capital: 0.2,
        }
        if not math_tool:
            makers[self.arithmetic.exchange] = 4.5
        if not tools:
            makers |= {self.counting.exchange: 1.1, self.stories.exchange: 0.12, self.jokes.exchange: 0.6}
        (chosen,) = self.dice.rng.choices(list(makers), list(makers.values()))
        return chosen()

    def of_skill(self, skill: str) -> Exchange:
        """An exchange of a skill, for evaluation."""
        makers: dict[str, Callable[[], Exchange]] = {
            "facts": lambda: self.knowledge.product(typos=0.0),
            "typos": lambda: self.knowledge.product(typos=1.0),
            "smalltalk": self.knowledge.smalltalk,
            "copy": self.copying.exchange,
            "arithmetic": self.arithmetic.exchange,
            "count": self.counting.exchange,
            "story": self.stories.exchange,
            "joke": self.jokes.exchange,
            "unknown": self.unknown.exchange,
            "lists": self.knowledge.lists,
        }
        return makers[skill]()
