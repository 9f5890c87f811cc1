"""Tools that everybody has: weather, mail, sums and the like."""

from __future__ import annotations

from collections.abc import Collection

from corpus.data.lexicon import VERBS
from corpus.data.tool_kinds import EXTRA_PARAMS, HELDOUT_KINDS, TOOL_KINDS
from corpus.dice import Dice
from corpus.sides import split_templates
from corpus.tools.definitions import Definitions
from corpus.tools.names import ToolNames
from corpus.tools.tool import Parameter, Tool
from corpus.words import Words


class NaturalTools:
    """Makes tools of natural kinds, under one of the usual names or an arbitrary one."""

    def __init__(self, dice: Dice, words: Words, names: ToolNames, definitions: Definitions) -> None:
        self.rng, self.side = dice.rng, dice.side
        self.words, self.names, self.definitions = words, names, definitions

    def tool(self, taken: Collection[str]) -> Tool:
        """A tool about none of these topics."""
        rng = self.rng
        kind = rng.choice(
            [
                kind
                for kind in TOOL_KINDS
                if kind.topic not in taken and (self.side == "heldout" or kind.topic not in HELDOUT_KINDS)
            ]
        )
        roll = rng.random()
        if roll < 0.6:
            name = rng.choice(kind.names)
        elif roll < 0.85:
            name = self.names.made(rng.choice(VERBS), kind.topic)
        else:
            name = rng.choice(kind.names) + rng.choice(["_tool", "_v2", "_api", f"_{self.words.word()}"])
        params: list[Parameter] = []
        for param in kind.params:
            free = [n for n in param.names if n not in {p.name for p in params}]
            param_name = rng.choice(free) if rng.random() < 0.94 else self.words.word()
            params.append(Parameter(param_name, param.kind, param.required))
        if rng.random() < 0.08:
            params.append(Parameter(rng.choice(EXTRA_PARAMS), "word", False))
        asks = split_templates(kind.asks, self.side)
        return self.definitions.tool(name, rng.choice(kind.descriptions), params, kind.topic, asks, kind.result)
