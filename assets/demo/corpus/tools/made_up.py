"""Tools made of a verb and a noun that need not fit each other."""

from __future__ import annotations

from collections.abc import Collection

from corpus.data.lexicon import NOUNS, VERBS
from corpus.data.tool_asks import SYNTH_ASKS_0, SYNTH_ASKS_1, SYNTH_ASKS_N
from corpus.data.tool_results import RESULT_KINDS
from corpus.data.tool_words import SYNTH_DESCRIPTIONS
from corpus.dice import Dice
from corpus.sides import split_templates
from corpus.tools.definitions import Definitions
from corpus.tools.names import ToolNames
from corpus.tools.tool import Parameter, Tool
from corpus.words import Words

KINDS = {"word": 5, "int": 5, "city": 2, "code": 2, "name": 2, "quoted": 1, "float": 1, "email": 0.5, "bool": 0.3}


class MadeUpTools:
    """Makes tools whose questions share words with their names and descriptions."""

    def __init__(self, dice: Dice, words: Words, names: ToolNames, definitions: Definitions) -> None:
        self.rng, self.side = dice.rng, dice.side
        self.words, self.names, self.definitions = words, names, definitions

    def tool(self, taken: Collection[str]) -> Tool:
        """A tool about none of these topics."""
        rng = self.rng
        noun = self._noun(taken)
        verb = rng.choice(VERBS)
        spoken = verb.replace("_", " ")
        params = self._params()
        asks = (SYNTH_ASKS_0, SYNTH_ASKS_1)[len(params)] if len(params) < 2 else SYNTH_ASKS_N
        by = f" by {params[0].name.replace('_', ' ')}" if params else ""
        if params and rng.random() < 0.15:
            params.append(Parameter(f"{rng.choice(NOUNS)}_opt", "word", False))
        pattern = rng.choice(SYNTH_DESCRIPTIONS)
        description = pattern.format(Verb=spoken.capitalize(), verb=spoken, noun=noun, by=by)
        if rng.random() < 0.2:
            description += f" {self.words.words(3, 8).capitalize()}."
        said = tuple(a.replace("{verb}", spoken).replace("{noun}", noun) for a in split_templates(asks, self.side))
        name = self.names.made(verb, noun)
        return self.definitions.tool(name, description, params, noun, said, rng.choice(RESULT_KINDS))

    def _noun(self, taken: Collection[str]) -> str:
        while True:
            noun = self.rng.choice(NOUNS) if self.rng.random() < 0.75 else self.words.word()
            if noun not in taken:
                return noun

    def _params(self) -> list[Parameter]:
        counts = [0, 1, 1, 1, 1, 2, 2, 2, 3] if self.side == "heldout" else [0, 1, 1, 1, 2, 2, 3, 3, 3]
        kinds = self.rng.choices(list(KINDS), list(KINDS.values()), k=self.rng.choice(counts))
        names: list[str] = []
        while len(names) < len(kinds):
            name = self.words.param_name()
            if name not in names:
                names.append(name)
        return [Parameter(name, kind, True) for name, kind in zip(names, kinds, strict=True)]
