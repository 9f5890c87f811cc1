"""Tools as programs offer them: those of ``apis.txt``, and actions on records."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.data.actions import ACTIONS, APART
from corpus.data.records import RECORDS
from corpus.data.tool_results import RESULT_KINDS
from corpus.data.tool_words import OPAQUE
from corpus.dice import Dice
from corpus.tools.definitions import Definitions
from corpus.tools.interfaces import apis
from corpus.tools.kinds import Action, Api, Param
from corpus.tools.names import ToolNames, camel
from corpus.tools.tool import Parameter, Tool, are_distinct
from corpus.words import plural


class RealTools:
    """Makes tools that are asked for in the words of people."""

    def __init__(self, dice: Dice, names: ToolNames, definitions: Definitions) -> None:
        self.rng, self.names, self.definitions = dice.rng, names, definitions

    def of_interfaces(self, count: int, held: bool = False) -> list[Tool]:
        """Distinct tools of ``apis.txt``, most of them of one family; with ``held`` one at least is held out."""
        rng = self.rng
        known = [api for api in apis() if held or not api.held]
        chosen = [rng.choice([api for api in known if api.held] if held else known)]
        family = [api for api in known if api.family == chosen[0].family]
        for _ in range(200):
            if len(chosen) == count:
                break
            other = rng.choice(family if rng.random() < 0.55 else known)
            if other not in chosen and not any(
                other.clashes & api.marks or api.clashes & other.marks for api in chosen
            ):
                chosen.append(other)
        tools = [self._of_interface(api) for api in chosen]
        return tools if are_distinct(tools) else self.of_interfaces(count, held)

    def of_records(self, count: int) -> list[Tool]:
        """Distinct tools for one kind of record, for one action, or whatever comes."""
        rng = self.rng
        roll = rng.random()
        tools: list[Tool] = []
        record, action = rng.choice(list(RECORDS)), rng.choice(ACTIONS)
        pairs: list[tuple[Action, str]] = []
        while len(tools) < count:
            if roll > 0.5:
                record = rng.choice(list(RECORDS))
            if not 0.5 < roll < 0.75:
                action = rng.choice(ACTIONS)
            if _confusing(action, record, pairs):
                continue
            tool = self._of_record(action, record)
            if tool.name not in {t.name for t in tools}:
                tools.append(tool)
                pairs.append((action, record))
        return tools

    def _of_interface(self, api: Api) -> Tool:
        return self._tool(api.family, api.topic, api.names, api.descriptions, api.params, api.asks)

    def _of_record(self, action: Action, record: str) -> Tool:
        spoken = record.replace("_", " ")
        many = plural(spoken)

        def named(text: str, blank: str = " ") -> str:
            return text.replace("{ns}", many.replace(" ", blank)).replace("{n}", spoken.replace(" ", blank))

        names = []
        noun = many.replace(" ", "_") if action.key in ("list", "search", "count") else record
        for verb in action.verbs:
            names += [f"{verb}_{noun}"] * 3 + [f"{noun}_{verb}", f"{plural(record)}_{verb}"]
        params = [
            Param(tuple(named(n, "_") for n in p.names), p.kind, p.required, tuple(named(u) for u in p.uses))
            for p in action.params
        ]
        descriptions = [named(d) for d in action.descriptions]
        tool = self._tool("", f"{action.key}/{record}", names, descriptions, params, action.asks)
        tool.words = (*RECORDS[record], spoken)
        return tool

    def _tool(
        self,
        family: str,
        topic: str,
        names: Sequence[str],
        descriptions: Sequence[str],
        params: Sequence[Param],
        asks: tuple[str, ...],
    ) -> Tool:
        rng = self.rng
        opaque = rng.choice(OPAQUE).split() if rng.random() < 0.1 and all(p.uses for p in params) else []
        given: list[Parameter] = []
        uses: dict[str, str] = {}
        taken: set[str] = set()
        for i, param in enumerate(params):
            name = rng.choice([n for n in param.names if n not in taken] or [f"{param.names[0]}_{i}"])
            if opaque:
                name = opaque[i]
            elif rng.random() < 0.1:
                name = camel(name)
            taken.add(name)
            kind = param.kind
            if kind == "ref":
                kind = rng.choices(["code", "int", "word", "ref_word"], [55, 28, 12, 5])[0]
            given.append(Parameter(name, kind, param.required))
            if param.uses:
                uses[name] = rng.choice(param.uses)
        name = self.names.styled(names, family)
        description, result = rng.choice(descriptions), rng.choice(RESULT_KINDS)
        tool = self.definitions.tool(name, description, given, topic, asks, result, uses, described=bool(opaque))
        tool.real = True
        return tool


def _confusing(action: Action, record: str, pairs: Sequence[tuple[Action, str]]) -> bool:
    """Whether people would not tell the action on the record apart from one of the others."""
    spoken = {word for _, other in pairs if other != record for word in (*RECORDS[other], other)}
    return (
        (action, record) in pairs
        or bool(spoken & {*RECORDS[record], record})
        or any(other == record and frozenset((done.key, action.key)) in APART for done, other in pairs)
    )
