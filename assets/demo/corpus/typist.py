"""How people type: capitals, punctuation, small words, slips of the keyboard."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpus.data.wording import PAIR_STYLES, POLITE
from corpus.dice import Dice

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEAR_KEYS = {
    key: "".join(
        other
        for r, line in enumerate(KEYBOARD)
        for c, other in enumerate(line)
        if other != key and abs(r - row) <= 1 and abs(c - column) <= 1
    )
    for row, keys in enumerate(KEYBOARD)
    for column, key in enumerate(keys)
}
QUESTION = re.compile(r"(?i)(what|which|who|where|when|how|why|is|are|do|does|can|may|must|should|will)\b")


class Typist:
    """Gives what is said the looks that people give it."""

    def __init__(self, dice: Dice) -> None:
        self.rng, self.side = dice.rng, dice.side

    def slip(self, text: str) -> str:
        """The text with a slip in it: of more kinds, and sometimes two, in training."""
        rng = self.rng
        words = text.split(" ")
        places = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha()]
        if not places:
            return text
        slips = 1 if self.side == "heldout" else rng.choice([1, 1, 1, 2])
        for _ in range(slips):
            i = rng.choice(places)
            w = words[i]
            if len(w) < 3:
                continue
            k = rng.randrange(1, len(w) - 1)
            made = [w[:k] + w[k + 1 :], w[:k] + w[k + 1] + w[k] + w[k + 2 :], w[:k] + w[k] + w[k:]]
            if self.side == "train":
                near = rng.choice(NEAR_KEYS.get(w[k].lower(), w[k]))
                made += [w[:k] + near + w[k + 1 :], w[:k] + near + w[k:], w[:-1], w[1] + w[0] + w[2:]]
            words[i] = rng.choice(made)
        return " ".join(words)

    def ask(self, text: str, typos: float = 0.05, polite: float = 0.12) -> str:
        """A question as it is typed; ``typos`` and ``polite`` are the shares of slips and of small words in front."""
        rng = self.rng
        if rng.random() < typos:
            text = self.slip(text)
        if rng.random() < polite and len(text) > 8 and not text.endswith(":"):
            text = rng.choice(POLITE) + text
        if rng.random() < 0.6:
            text = upper_first(text)
        if text[-1].isalnum() or text[-1] in ")\"'*`":
            question = QUESTION.match(text) is not None
            roll = rng.random()
            if roll < 0.65:
                text += "?" if question else rng.choice([".", ".", "", "!"])
            elif roll < 0.72 and not question:
                text += " please"
        return text

    def ask_keeping(self, text: str) -> str:
        """Like :meth:`ask`, but without touching the values: no typos."""
        if self.rng.random() < 0.6 and text[0].isalpha() and "_" not in text.split(" ")[0]:
            text = upper_first(text)
        return self.ask(text, typos=0, polite=0.1) if self.rng.random() < 0.7 else text

    def pairs(self, names: Sequence[str], values: Sequence[str]) -> str:
        """Parameters and their values as people write them down."""
        rng = self.rng
        style = rng.choice(PAIR_STYLES)
        spoken = rng.random() < 0.5
        parts = [
            style.format(p=name.replace("_", " ") if spoken else name, v=value)
            for name, value in zip(names, values, strict=True)
        ]
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + rng.choice([" and ", ", "]) + parts[-1]


def upper_first(text: str) -> str:
    """The text with a capital in front."""
    return text[0].upper() + text[1:]
