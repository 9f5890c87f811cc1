"""Kinds of tools: each has several names, descriptions, and ways to ask for it.

In a way to ask, ``{0}`` is the value of the first parameter; see ``templates.py`` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Param:
    """A parameter: the names it may have, the kind of its values, and what it is for, in several wordings."""

    names: tuple[str, ...]
    kind: str  # see ``values.py``
    required: bool = True
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolKind:
    """A natural tool under its usual names."""

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    params: tuple[Param, ...]
    asks: tuple[str, ...]
    result: str = "text"  # see ``results.py``
    topic: str = ""  # what no other tool of a box may be about


@dataclass(frozen=True)
class Api:
    """A tool of a real interface, one of a family; ``clashes`` are others that cannot be told apart from it."""

    family: str
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    params: tuple[Param, ...]
    asks: tuple[str, ...]
    clashes: frozenset[str] = frozenset()
    held: bool = False

    @property
    def topic(self) -> str:
        """What no other tool of a box may be about."""
        return f"{self.family}/{self.names[0]}"

    @property
    def marks(self) -> frozenset[str]:
        """What the ``clashes`` of another may name."""
        return frozenset((self.topic, self.family, self.names[0]))


@dataclass(frozen=True)
class Action:
    """Something to do with a record: the verbs of names, descriptions, and people's ways to ask.

    ``{n}`` is the kind of record as the tool calls it, ``{ns}`` several of them; ``{N}`` and ``{Ns}`` are the same
    in the words of the user.
    """

    key: str
    verbs: tuple[str, ...]
    descriptions: tuple[str, ...]
    params: tuple[Param, ...]
    asks: tuple[str, ...]
