"""What one response leaves for later requests, and the seam to whoever remembers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from dmr_desktop.protocol.generation import ImagePart, Message

_MESSAGE_OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of input or output as JSON text, which is a fraction of what the objects would take."""

    id: str
    json: bytes

    @classmethod
    def of(cls, item: Mapping[str, object]) -> "StoredItem":
        return cls(str(item["id"]), orjson.dumps(item))


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """``body`` is the response object as JSON text; ``input`` its own input, without that of earlier responses.

    ``messages`` are the whole conversation up to its end, but for the instructions. It stands alone: earlier
    responses may be forgotten before it.
    """

    id: str
    body: bytes
    input: tuple[StoredItem, ...]
    output: tuple[StoredItem, ...]
    messages: tuple[Message, ...]

    @property
    def num_bytes(self) -> int:
        """What it keeps alive, roughly and rather too much: messages are shared with its successors."""
        items = sum(len(item.json) for item in (*self.input, *self.output))
        return len(self.body) + items + sum(_message_bytes(message) for message in self.messages)


def _message_bytes(message: Message) -> int:
    parts = sum(len(part.url if isinstance(part, ImagePart) else part.text) for part in message.content)
    calls = sum(len(call.arguments) for call in message.tool_calls)
    return parts + calls + len(message.reasoning or "") + _MESSAGE_OVERHEAD_BYTES


class Memory(Protocol):
    """Finished responses, while they are kept."""

    def response(self, response_id: str) -> StoredResponse | None: ...

    def item(self, item_id: str) -> Mapping[str, object] | None: ...

    def keep(self, response: StoredResponse) -> None: ...


class Recalled:
    """What a request refers to, looked up beforehand: so that it can be read where the memory must not be touched."""

    def __init__(self, memory: Memory, data: object) -> None:
        self._responses: dict[str, StoredResponse] = {}
        self._items: dict[str, Mapping[str, object]] = {}
        if not isinstance(data, dict):
            return
        previous, given = data.get("previous_response_id"), data.get("input")
        if isinstance(previous, str) and (response := memory.response(previous)) is not None:
            self._responses[previous] = response
        for item_id in filter(None, map(_referred, given if isinstance(given, list) else ())):
            if (item := memory.item(item_id)) is not None:
                self._items[item_id] = item

    def response(self, response_id: str) -> StoredResponse | None:
        return self._responses.get(response_id)

    def item(self, item_id: str) -> Mapping[str, object] | None:
        return self._items.get(item_id)


def _referred(entry: object) -> str:
    """The id that an item of input may only point to; "" for one that says what it is."""
    if not isinstance(entry, dict) or entry.get("type") not in (None, "item_reference"):
        return ""
    found = entry.get("id")
    return found if isinstance(found, str) else ""


def stored_items(items: Sequence[Mapping[str, object]]) -> tuple[StoredItem, ...]:
    return tuple(StoredItem.of(item) for item in items)
