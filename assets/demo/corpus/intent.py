"""What can be asked, with its one fixed answer and all the ways to ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

PHRASINGS = Path(__file__).parent / "data" / "phrasings.txt"


@dataclass(frozen=True)
class Intent:
    """One thing that can be asked, its answer, and what a right answer must contain.

    ``acts`` are verb phrases ("pull a model") that are put behind an opening such as "how do I"; ``asks`` are whole
    questions. Square brackets list alternatives: ``[get|fetch] a model`` is two phrasings, ``[|new]`` makes a word
    optional.
    """

    name: str
    answer: str
    keys: tuple[str, ...]
    acts: tuple[str, ...] = field(default=())
    asks: tuple[str, ...] = field(default=())

    @property
    def templates(self) -> tuple[str, ...]:
        """All phrasing templates; acts carry the ``{HOW}`` slot in front, held-out ones still their ``~``."""
        more = more_phrasings().get(self.name, ())
        acts = (*self.acts, *(text[2:] for text in more if text.startswith("+ ")))
        how = tuple(f"~{{HOW}} {act[1:]}" if act[0] == "~" else f"{{HOW}} {act}" for act in acts)
        return (*how, *self.asks, *(text for text in more if not text.startswith("+ ")))


@lru_cache(maxsize=1)
def more_phrasings() -> dict[str, tuple[str, ...]]:
    """The phrasings of ``phrasings.txt`` by intent; acts with ``+`` in front."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in PHRASINGS.read_text(encoding="utf-8").splitlines():
        if opening := re.fullmatch(r"\[(\w+)\]", line):
            name = opening[1]
        elif line and not line.startswith("#"):
            found.setdefault(name, []).append(line)
    return {name: tuple(texts) for name, texts in found.items()}
