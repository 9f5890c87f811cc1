"""``/responses``, unstreamed: the one response object."""

from collections.abc import Callable, Mapping, Sequence

import orjson

from dmr_desktop.dialects.gathered import Gathered, GatheredChoice
from dmr_desktop.dialects.responses_objects import (
    Item,
    Namespaces,
    Status,
    call_item,
    finished_response,
    message_item,
    new_id,
    reasoning_item,
    status_for,
    text_part,
)
from dmr_desktop.protocol.generation import Event


class ResponseCollector:
    """``head`` and ``keep`` as the writer has them."""

    __slots__ = ("_as_summary", "_gathered", "_head", "_keep", "_namespaces")

    def __init__(
        self,
        head: Mapping[str, object],
        keep: Callable[[dict[str, object]], None],
        *,
        as_summary: bool,
        namespaces: Namespaces,
    ) -> None:
        self._head = head
        self._keep = keep
        self._as_summary = as_summary
        self._namespaces = namespaces
        self._gathered = Gathered()

    def add(self, events: Sequence[Event]) -> None:
        self._gathered.add(events)

    def result(self) -> bytes:
        choice = self._gathered.choices[0]
        status = status_for(choice.finish_reason)
        output = _output(choice, status, self._namespaces, as_summary=self._as_summary)
        response = finished_response(self._head, status, output, self._gathered.finished.usage)
        self._keep(response)
        return orjson.dumps(response)


def _output(choice: GatheredChoice, status: Status, namespaces: Namespaces, *, as_summary: bool) -> list[Item]:
    """In the order of a turn. If it was cut, the last item was."""
    output: list[Item] = []
    text, reasoning, calls = choice.text, choice.reasoning, choice.calls
    if reasoning:
        output.append(reasoning_item(new_id("rs"), "completed", reasoning, as_summary=as_summary))
    if text or not (reasoning or calls):
        output.append(message_item(new_id("msg"), "completed", (text_part(text, choice.logprobs),)))
    output += [call_item(new_id("fc"), "completed", call, namespaces) for call in calls]
    output[-1]["status"] = status
    return output
