"""Tools of words that have nothing to do with each other: only reading finds the one that is meant."""

from __future__ import annotations

from corpus.data.tool_words import SOUP_DESCRIPTIONS
from corpus.dice import Dice
from corpus.tools.definitions import Definitions
from corpus.tools.interfaces import words as trained_words
from corpus.tools.names import ToolNames
from corpus.tools.tool import Parameter, Tool, are_distinct
from corpus.words import Words

KINDS = {
    "word": 4,
    "int": 4,
    "city": 2,
    "code": 2,
    "name": 2,
    "topic": 2,
    "small": 2,
    "day": 1,
    "email": 1,
    "message": 1,
}


class SoupTools:
    """Makes tools of a soup of words."""

    def __init__(self, dice: Dice, words: Words, names: ToolNames, definitions: Definitions) -> None:
        self.rng, self.words, self.names, self.definitions = dice.rng, words, names, definitions

    def box(self, count: int) -> list[Tool]:
        """Distinct tools of which no two have a word in common."""
        taken: set[str] = set()
        tools = [self._tool(taken) for _ in range(count)]
        return tools if are_distinct(tools) else self.box(count)

    def _tool(self, taken: set[str]) -> Tool:
        """A tool of words that are not taken; takes them."""
        rng = self.rng
        keys = self._keys(taken)
        heads = keys[: rng.choice([1, 2, 2, 3])]
        pattern = rng.choice(SOUP_DESCRIPTIONS)
        description = pattern.format(*(self.words.bent(key) for key in rng.sample(keys, 4)))
        told = [key for key in keys if key in heads or key in description.lower()]
        if rng.random() < 0.15:
            description = f"{' '.join(heads).capitalize()}."
            told = heads
        params = self._params()
        name = self.names.styled(["_".join(heads)])
        tool = self.definitions.tool(name, description, params, f"soup {heads[0]}", (), "text")
        tool.real, tool.keys = True, tuple(told)
        return tool

    def _keys(self, taken: set[str]) -> list[str]:
        keys: list[str] = []
        while len(keys) < 4:
            word = self.rng.choice(trained_words()) if self.rng.random() < 0.85 else self.words.word()
            if word[:4] not in taken:
                taken.add(word[:4])
                keys.append(word)
        return keys

    def _params(self) -> list[Parameter]:
        rng = self.rng
        kinds = rng.choices(list(KINDS), list(KINDS.values()), k=rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))
        names: list[str] = []
        while len(names) < len(kinds):
            name = self.words.param_name() if rng.random() < 0.5 else rng.choice(trained_words())
            if name not in names:
                names.append(name)
        return [Parameter(name, kind, True) for name, kind in zip(names, kinds, strict=True)]
