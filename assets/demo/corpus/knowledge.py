"""Questions with fixed answers: about the product, about the model itself, and a few lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from corpus.conversation import Check, Exchange, assistant, user
from corpus.data.facts import ASKED_FIRST, COURTESIES, INTENTS, OPENINGS
from corpus.data.lists import CAPITAL_ASKS, CAPITALS, EXTRA_FACTS
from corpus.data.wording import BREVITY, PREFACES, PROPER, SUFFIXES, SYNONYMS
from corpus.dice import Dice
from corpus.intent import Intent
from corpus.sides import Side, split_templates
from corpus.templates import weight, wordings
from corpus.typist import Typist

_NAMES = "|".join(re.escape(name) for name in sorted(PROPER, key=len, reverse=True))
SMALL_NAME = re.compile(rf"(?<![\w./@-])(?:{_NAMES})(?![\w/-])(?!\.\w)")  # a name in small letters


class Knowledge:
    """Asks for what the model knows by heart."""

    def __init__(self, dice: Dice, typist: Typist) -> None:
        self.dice, self.typist = dice, typist
        self.rng = dice.rng

    def fact(self, intents: Sequence[Intent] = INTENTS, typos: float | None = None) -> Exchange:
        """A question about one of these; ``typos`` is the share of those with a slip."""
        rng = self.rng
        if typos is None:
            typos = 0.38 if self.dice.side == "train" else 0.08
        intent = rng.choice(intents)
        if intents is INTENTS and rng.random() < 0.35:
            intent = rng.choice(ASKED_FIRST)
        text = self.reword(self.phrasing(intent))
        if "{HOW}" in text:
            text = text.replace("{HOW}", rng.choice(OPENINGS))
        if rng.random() < 0.8:
            text = SMALL_NAME.sub(lambda match: PROPER[match.group(0)], text)
        if intent not in COURTESIES:
            text = self._dressed(text)
        skill = "smalltalk" if intent in COURTESIES else "facts" if intent in INTENTS else "lists"
        return Exchange(
            skill, [user(self.typist.ask(text, typos=typos)), assistant(intent.answer)], Check(contains=intent.keys)
        )

    def smalltalk(self) -> Exchange:
        """A greeting, thanks and the like, or who it is."""
        return self.fact(INTENTS[:7])

    def product(self, typos: float) -> Exchange:
        """A question that is not mere politeness."""
        return self.fact(INTENTS[6:], typos)

    def lists(self) -> Exchange:
        """A list or a poem."""
        return self.fact(EXTRA_FACTS)

    def capital(self) -> Exchange:
        """The capital of one of a few countries."""
        country, text = self.capital_asked()
        answer = f"The capital of {country} is {CAPITALS[country]}."
        return Exchange("lists", [user(text), assistant(answer)], Check(contains=(CAPITALS[country],)))

    def capital_asked(self) -> tuple[str, str]:
        """A country, and the question for its capital."""
        country = self.rng.choice(list(CAPITALS))
        return country, self.typist.ask(self.dice.template(CAPITAL_ASKS).format(country))

    def phrasing(self, intent: Intent) -> str:
        """A phrasing of an intent; one with many alternatives comes more often."""
        templates = _templates_of(intent, self.dice.side)
        return self.dice.expand(self.rng.choices(templates, _weights(templates))[0])

    def reword(self, text: str) -> str:
        """Sometimes put a synonym in, but never so that a held-out phrasing comes out."""
        rng = self.rng
        if self.dice.side == "heldout" or rng.random() > 0.3:
            return text
        words = text.split(" ")
        places = [i for i, word in enumerate(words) if word in SYNONYMS]
        for i in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
            words[i] = rng.choice(SYNONYMS[words[i]])
        changed = " ".join(" ".join(words).split())
        return text if changed.lower() in held_phrasings() or not changed else changed

    def _dressed(self, text: str) -> str:
        """Sometimes with something in front of it or behind it."""
        rng = self.rng
        if rng.random() < 0.1:
            text += rng.choice(SUFFIXES)
        if rng.random() < 0.08:
            text = rng.choice(PREFACES) + text
        elif rng.random() < 0.05:
            text += rng.choice(BREVITY)
        return text


@lru_cache(maxsize=1)
def held_phrasings() -> frozenset[str]:
    """Every wording of a held-out fact's phrasing, so that no rewording of a training one can hit it."""
    intents = (*INTENTS, *EXTRA_FACTS)
    return frozenset().union(*(wordings(t[1:]) for i in intents for t in i.templates if t.startswith("~")))


@lru_cache(maxsize=512)
def _templates_of(intent: Intent, side: Side) -> tuple[str, ...]:
    return split_templates(intent.templates, side)


@lru_cache(maxsize=512)
def _weights(templates: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(weight(template) for template in templates)
