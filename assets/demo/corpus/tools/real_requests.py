"""Questions for real tools: in the words of people, or in some words of the tool's name and description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from corpus.data.tool_asks import AFTER, BEFORE, NAMED_ASKS, SOUP_ASKS
from corpus.dice import Dice
from corpus.places import fill
from corpus.tools.interfaces import IDLE
from corpus.tools.tool import Tool
from corpus.typist import Typist
from corpus.values import Values
from corpus.words import Words, plural

NO_ARGUMENTS = re.compile(
    r"[:,]? ?(?:(?:with|for|of|take|and take|is|has) )?\(?\{args\}\)?[:,]? ?(?:and then )?"
)  # what goes away with the arguments, if there are none


class RealRequests:
    """Asks for tools as programs offer them."""

    def __init__(self, dice: Dice, words: Words, values: Values, typist: Typist) -> None:
        self.dice, self.words, self.values, self.typist = dice, words, values, typist
        self.rng = dice.rng

    def request(self, tool: Tool) -> tuple[str, dict[str, Any]]:
        """A question for a tool, and the arguments."""
        if tool.keys:
            return self._by_words(tool, SOUP_ASKS)
        if self.rng.random() < 0.3:
            return self._by_words(tool, NAMED_ASKS)
        return self._in_peoples_words(tool)

    def _in_peoples_words(self, tool: Tool) -> tuple[str, dict[str, Any]]:
        rng = self.rng
        text = self.dice.expand_all(rng.choice(tool.asks))
        if tool.words:
            noun = rng.choice(tool.words)
            text = text.replace("{Ns}", plural(noun)).replace("{N}", noun)
        filling = fill(self.values, text, [param.kind for param in tool.params])
        if rng.random() < 0.07:
            text = self._with_slip(text)
        text = filling.put_into(text)
        if rng.random() < 0.1:
            text = rng.choice(BEFORE) + text
        elif rng.random() < 0.1 and text[-1].isalnum():
            text += rng.choice(AFTER)
        arguments = tool.arguments({tool.params[place].name: value for place, value in filling.values.items()})
        return self._typed(text, list(filling.shown.values())), arguments

    def _by_words(self, tool: Tool, asks: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """A question that shares words with the tool's name or description."""
        rng = self.rng
        used = [param for param in tool.params if param.required or rng.random() < 0.25]
        values: list[Any] = []
        for param in used:
            values.append(self.values.another(param.kind, values))
        shown = [self.values.said(param.kind, value) for param, value in zip(used, values, strict=True)]
        text = self._with_keys(tool, asks) if tool.keys else self._with_heads(tool, asks)
        if not used:
            text = NO_ARGUMENTS.sub(" ", text)
        elif len(used) == 1 and rng.random() < 0.6:
            text = text.replace("{args}", shown[0])
        else:
            text = text.replace("{args}", self.typist.pairs([param.name for param in used], shown))
        text = " ".join(text.split()).strip(" ,:")
        arguments = tool.arguments({param.name: value for param, value in zip(used, values, strict=True)})
        return self._typed(text, shown), arguments

    def _with_keys(self, tool: Tool, asks: Sequence[str]) -> str:
        rng = self.rng
        chosen = rng.sample(tool.keys, min(len(tool.keys), rng.choice([1, 1, 2, 2, 3])))
        joint = rng.choice([" ", " ", " and ", " the ", ", ", " of "])
        told = joint.join(self.words.bent(word) for word in chosen)
        return rng.choice(asks).replace("{k}", told)

    def _with_heads(self, tool: Tool, asks: Sequence[str]) -> str:
        name = re.sub(r"([a-z])([A-Z])", r"\1 \2", tool.name)
        heads = [w for w in re.split(r"[^A-Za-z]+", name.lower()) if w and w not in ("api", "tool", "v", "action")]
        said = tool.description.split("\n")[0].rstrip(".").lower().split()
        kept = [word for word in said if self.rng.random() < 0.75 or word in IDLE] or said
        return self.rng.choice(asks).replace("{w}", " ".join(heads)).replace("{d}", " ".join(kept))

    def _with_slip(self, template: str) -> str:
        """A template with a slip in its longest text, roughly, not in a place."""
        pieces = re.split(r"(\{[^{}]*\})", template)
        longest = max(range(0, len(pieces), 2), key=lambda i: len(pieces[i]) + self.rng.random() * 10)
        pieces[longest] = self.typist.slip(pieces[longest])
        return "".join(pieces)

    def _typed(self, text: str, shown: Sequence[str]) -> str:
        """A value in front keeps its first letter."""
        return text if text.startswith(tuple(shown)) else self.typist.ask_keeping(text)
