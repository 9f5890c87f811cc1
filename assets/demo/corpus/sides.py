"""The two disjoint sides of the corpus, ``train`` and ``heldout``, and what belongs to which."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Literal

Side = Literal["train", "heldout"]
SALT = "dmr-demo-1:"


@lru_cache(maxsize=200_000)
def on_side(text: str, side: Side) -> bool:
    """Whether a value belongs to this side, by hash: one in ten belongs to the held-out one."""
    drawn = int.from_bytes(hashlib.sha1((SALT + text.lower()).encode()).digest()[:4], "big")
    return (drawn % 10 == 0) == (side == "heldout")


@lru_cache(maxsize=512)
def side_options(options: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """The values of one side (all, if this side has none)."""
    return tuple(option for option in options if on_side(option, side)) or options


@lru_cache(maxsize=4096)
def split_templates(templates: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """The phrasings of one side, without the ``~`` that marks the held-out ones (all, if none is marked)."""
    held = tuple(t[1:] for t in templates if t.startswith("~"))
    if side == "heldout":
        return held or templates
    return tuple(t for t in templates if not t.startswith("~"))
