"""Questions that call for a tool, with the arguments of the right call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from corpus.conversation import Call
from corpus.data.lexicon import NUMBER_WORDS
from corpus.data.tool_asks import EXPLICIT_ASKS, EXPLICIT_CALL_ASKS, EXPLICIT_NOARG_ASKS
from corpus.dice import Dice
from corpus.tools.real_requests import RealRequests
from corpus.tools.tool import Parameter, Tool
from corpus.typist import Typist
from corpus.values import Values, plainly

Request = tuple[str, Call]
"""A question, and the call that it asks for."""


class Requests:
    """Asks for tools: in a tool's own words, or by its name; real ones in the words of people."""

    def __init__(self, dice: Dice, values: Values, typist: Typist, real: RealRequests) -> None:
        self.dice, self.values, self.typist, self.real = dice, values, typist, real
        self.rng = dice.rng

    def request(self, tool: Tool) -> Request:
        """A question for a tool."""
        rng = self.rng
        if tool.real and (tool.keys or rng.random() < 0.9):
            text, arguments = self.real.request(tool)
            return text, (tool.name, arguments)
        used = [param for param in tool.params if param.required or rng.random() < 0.3]
        natural = rng.random() < 0.72 and not tool.real
        if natural:
            used = [param for param in tool.params if param.required]
        values: list[Any] = []
        for param in used:
            values.append(self.values.another(param.kind, values))
        if not natural:
            return self._by_name(tool, used, values)
        shown = [plainly(value) for value in values]
        if tool.topic in ("add", "multiply", "subtract") and rng.random() < 0.2:
            values = [rng.randint(0, 9) for _ in used]
            shown = [NUMBER_WORDS[value] for value in values]
        return self._in_its_words(tool, used, values, shown)

    def _in_its_words(
        self, tool: Tool, used: Sequence[Parameter], values: Sequence[Any], shown: Sequence[str]
    ) -> Request:
        text = self.dice.expand(self.rng.choice(tool.asks))
        text = text.replace("{args}", self.typist.pairs([p.name for p in used], shown) if used else "")
        for i, (param, said) in enumerate(zip(used, shown, strict=True)):
            text = text.replace(f"{{p{i}}}", param.name.replace("_", " ")).replace(f"{{{i}}}", said)
        keeps_first = self.dice.side == "train" and shown and text.startswith(tuple(shown))  # letter, of a value
        return text if keeps_first else self.typist.ask_keeping(text), _call(tool, used, values)

    def _by_name(self, tool: Tool, used: Sequence[Parameter], values: Sequence[Any]) -> Request:
        rng, template = self.rng, self.dice.template
        names, shown = [param.name for param in used], [plainly(value) for value in values]
        if not used:
            text = template(EXPLICIT_NOARG_ASKS)
        elif rng.random() < 0.4:
            text = template(EXPLICIT_CALL_ASKS).replace("{vals}", self._in_parentheses(tool, used, values))
        elif len(used) == 1 and rng.random() < 0.5:
            text = template(EXPLICIT_ASKS).replace("{args}", shown[0])
        else:
            text = template(EXPLICIT_ASKS).replace("{args}", self.typist.pairs(names, shown))
        return self.typist.ask_keeping(text.replace("{tool}", tool.name)), _call(tool, used, values)

    def _in_parentheses(self, tool: Tool, used: Sequence[Parameter], values: Sequence[Any]) -> str:
        """Values in the order of the schema, as people write them into the parentheses of a call."""
        listed = sorted(zip(used, values, strict=True), key=lambda pair: tool.order[pair[0].name])
        texts = [plainly(value) if isinstance(value, bool) else value for _, value in listed]
        return ", ".join(
            json.dumps(text, ensure_ascii=False) if self.rng.random() < 0.5 else str(text) for text in texts
        )


def _call(tool: Tool, used: Sequence[Parameter], values: Sequence[Any]) -> Call:
    return tool.name, tool.arguments({param.name: value for param, value in zip(used, values, strict=True)})
