"""How phrasings are written down: ``[a|b]`` are alternatives, ``<...>`` is left out now and then, ``{0}`` is a place.

``{1=high}`` is a place whose value is given by the words around it and not shown.
"""

from __future__ import annotations

import itertools
import math
import random
import re

ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")
OPTIONAL = re.compile(r"<([^<>]*)>")
PLACE = re.compile(r"\{(\d)(=[^{}]*)?\}")


def expand(rng: random.Random, template: str) -> str:
    """Choose one of each bracketed list of alternatives and tidy the spaces."""
    text = ALTERNATIVES.sub(lambda match: rng.choice(match.group(1).split("|")), template)
    return re.sub(r"  +", " ", text).strip()


def wordings(template: str) -> set[str]:
    """Every text that a phrasing with bracketed alternatives stands for, in small letters."""
    parts = ALTERNATIVES.split(template)  # plain text and alternatives in turn
    choices = [[part] if i % 2 == 0 else part.split("|") for i, part in enumerate(parts)]
    return {" ".join("".join(chosen).split()).lower() for chosen in itertools.product(*choices)}


def weight(template: str) -> float:
    """How often a phrasing should come: one with many alternatives comes more often."""
    return 1 + math.log2(math.prod(part.count("|") + 1 for part in ALTERNATIVES.findall(template)))
