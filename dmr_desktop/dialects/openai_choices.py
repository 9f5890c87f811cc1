"""The unstreamed answer of OpenAI's generating endpoints: an object with one or several choices."""

from collections.abc import Sequence

import orjson

from dmr_desktop.dialects.gathered import Gathered, GatheredChoice
from dmr_desktop.dialects.openai_usage import Head, totals
from dmr_desktop.protocol.generation import Event


class ChoicesCollector:
    """An object of ``kind``; what a choice is in it says the subclass."""

    __slots__ = ("_gathered", "_has_logprobs", "_head")
    kind: str

    def __init__(self, head: Head, num_choices: int, *, has_logprobs: bool) -> None:
        self._head = head
        self._has_logprobs = has_logprobs
        self._gathered = Gathered(num_choices)

    def add(self, events: Sequence[Event]) -> None:
        self._gathered.add(events)

    def result(self) -> bytes:
        choices = [self._choice(index, choice) for index, choice in enumerate(self._gathered.choices)]
        return orjson.dumps({**self._head.object(self.kind), "choices": choices, **totals(self._gathered.finished)})

    def _choice(self, index: int, choice: GatheredChoice) -> dict[str, object]:
        raise NotImplementedError
