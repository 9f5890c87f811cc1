"""Tools of real interfaces, written down in ``apis.txt``, and sentences that hold data, in the same format.

``apis.txt`` holds tools of everyday interfaces in families; tools of one family share nouns and verbs, so that a
choice between them needs reading. They serve training only, but for those marked with ``~``, which are held out as a
whole.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from corpus.templates import PLACE
from corpus.tools.kinds import Api, Param

DATA = Path(__file__).parents[1] / "data"
IDLE = frozenset(
    "the for with this that what which who how are you can not from your use tool and get have has does did will was "
    "been our its his her them they there here when where out any all may let one please want need would should could "
    "some more than very much many into about over under only just now then also too".split()
)  # words that say nothing about what is wanted


def _cut(text: str, by: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(by) if part.strip())


def parse(text: str) -> list[Api]:
    """The tools of a text in the format of ``apis.txt``; raises ``ValueError`` for a line that it cannot read."""
    found: list[Api] = []
    family = ""
    names: tuple[str, ...] = ()
    descriptions: list[str] = []
    params: list[Param] = []
    asks: list[str] = []
    clashes: set[str] = set()
    held = False

    def close() -> None:
        if names:
            found.append(Api(family, names, tuple(descriptions), tuple(params), tuple(asks), frozenset(clashes), held))
        for part in (descriptions, params, asks):
            part.clear()
        clashes.clear()

    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, rest = line.partition(" ")
        if head == "==":
            close()
            family, names = rest.strip(), ()
        elif head == "d":
            descriptions.extend(_cut(rest, "|"))
        elif head in ("p", "p?"):
            named, kind, *uses = rest.split(" : ")
            params.append(Param(_cut(named, ","), kind.strip(), head == "p", _cut(" : ".join(uses), "|")))
        elif head == "a":
            asks.append(rest.strip())
        elif head == "x":
            clashes.update(_cut(rest, ","))
        elif head in ("t", "~t"):
            close()
            names, held = _cut(rest, "|"), head == "~t"
        else:
            raise ValueError(f"cannot read {line!r}")
    close()
    return found


@lru_cache(maxsize=1)
def apis() -> tuple[Api, ...]:
    """All tools of ``apis.txt``."""
    return tuple(parse((DATA / "apis.txt").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def sentences() -> tuple[Api, ...]:
    """What ``sentences.txt`` holds: sentences as ways to ask, their data as parameters."""
    return tuple(parse((DATA / "sentences.txt").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The words of the tools that are trained."""
    found: set[str] = set()
    for api in apis():
        if not api.held:
            for text in (*api.names, *api.descriptions, *api.asks):
                found.update(re.findall(r"[a-z]{3,}", PLACE.sub(" ", text.lower())))
    return tuple(sorted(found - IDLE))
