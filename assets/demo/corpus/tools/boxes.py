"""Tools that are offered together."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.data.tool_kinds import NEAR_FAMILIES, NEAR_TOPICS, TOOL_KINDS
from corpus.dice import Dice
from corpus.tools.made_up import MadeUpTools
from corpus.tools.natural import NaturalTools
from corpus.tools.real import RealTools
from corpus.tools.soup import SoupTools
from corpus.tools.tool import Tool, are_distinct

REAL_SHARE = 0.12  # of the boxes in training: those of real interfaces, which are far harder
USUAL_NAMES = frozenset(name for kind in TOOL_KINDS for name in kind.names)  # both sides use these


@dataclass(frozen=True)
class Toolboxes:
    """Puts tools together of which no two can be meant by the same question."""

    dice: Dice
    natural: NaturalTools
    made_up: MadeUpTools
    real: RealTools
    soup: SoupTools

    def box(self, count: int, real: bool | None = None) -> list[Tool]:
        """Distinct tools; in training now and then, or as ``real`` says, as programs offer them."""
        rng = self.dice.rng
        if self.dice.side == "train" and (rng.random() < REAL_SHARE if real is None else real):
            return self.real_box(count)
        tools: list[Tool] = []
        taken: set[str] = set()
        while len(tools) < count:
            tool = (self.natural if rng.random() < 0.5 else self.made_up).tool(taken)
            if tool.name in {t.name for t in tools}:
                continue
            tools.append(tool)
            taken |= {tool.topic, *NEAR_TOPICS.get(tool.topic, ())}
        return tools

    def unseen_box(self, count: int) -> list[Tool]:
        """Tools of which none has a usual name, so that the choice must come from reading."""
        real = self.dice.side == "train" and self.dice.rng.random() < REAL_SHARE
        while True:
            tools = self.box(count, real)
            if not has_usual_name(tools):
                return tools

    def real_box(self, count: int) -> list[Tool]:
        """Tools as programs offer them, or of words without any sense."""
        rng = self.dice.rng
        if rng.random() < 0.25:
            return self.soup.box(count)
        tools = self.real.of_interfaces(count) if rng.random() < 0.6 else self.real.of_records(count)
        if count > 1 and rng.random() < 0.12:
            tools[-1] = self.made_up.tool({t.topic for t in tools})
        elif count > 1 and rng.random() < 0.25:
            usual = self.natural.tool(())
            near = NEAR_FAMILIES.get(usual.topic, ())
            if not any(t.words or t.topic.split("/")[0] in near for t in tools[:-1]):
                tools[-1] = usual
        rng.shuffle(tools)
        return tools if are_distinct(tools) else self.real_box(count)


def has_usual_name(tools: list[Tool]) -> bool:
    """Whether one of the tools has a name that both sides know."""
    return any(tool.name in USUAL_NAMES for tool in tools)
