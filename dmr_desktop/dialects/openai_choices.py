"""The unstreamed answer of OpenAI's generating endpoints: an object with one or several choices."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import orjson

from dmr_desktop.dialects.gathered import Gathered, GatheredChoice
from dmr_desktop.dialects.openai_usage import Head, totals
from dmr_desktop.protocol.generation import Event

Choice: TypeAlias = Callable[[GatheredChoice], dict[str, object]]
"""What a choice says in an object of some kind, besides its index."""


class ChoicesCollector:
    """An object of ``kind``, each choice of it as ``choice`` renders it."""

    __slots__ = ("_choice", "_gathered", "_head", "_kind")

    def __init__(self, kind: str, choice: Choice, head: Head, num_choices: int) -> None:
        self._kind = kind
        self._choice = choice
        self._head = head
        self._gathered = Gathered(num_choices)

    def add(self, events: Sequence[Event]) -> None:
        self._gathered.add(events)

    def result(self) -> bytes:
        choices = [{"index": index, **self._choice(choice)} for index, choice in enumerate(self._gathered.choices)]
        return orjson.dumps({**self._head.object(self._kind), "choices": choices, **totals(self._gathered.finished)})
