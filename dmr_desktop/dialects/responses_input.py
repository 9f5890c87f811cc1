"""Input items of ``/responses`` to protocol messages.

A turn of the model comes as several items (reasoning, a message, calls); templates know one message of all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import orjson

from dmr_desktop.dialects.fields import Fields, one_of, refuse_type
from dmr_desktop.dialects.openai_messages import read_content
from dmr_desktop.dialects.responses_memory import StoredItem
from dmr_desktop.dialects.responses_objects import ITEM_PREFIXES, Item, new_id, qualified_name
from dmr_desktop.dialects.roles import read_role
from dmr_desktop.protocol.generation import Message, Role, ToolCall

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_KINDS = (*ITEM_PREFIXES, "item_reference")

FindItem = Callable[[str], Mapping[str, object] | None]


@dataclass(frozen=True, slots=True)
class ReadInput:
    """``items`` are complete: each has an id and a type, references are resolved."""

    items: tuple[StoredItem, ...]
    messages: tuple[Message, ...]


def read_input(body: Fields, find_item: FindItem) -> ReadInput:
    value = body.get("input")
    if value is None:
        body.missing("input")
    if isinstance(value, str):
        value = [{"type": "message", "role": "user", "content": value}]
    elif not isinstance(value, list):
        refuse_type(value, "a string or an array of items", body.path("input"))
    items: list[StoredItem] = []
    messages: list[Message] = []
    if not value:
        body.items("input", at_least=1)
    for index, given in enumerate(value):
        where = f"{body.path('input')}[{index}]"
        item = _resolve(given, where, find_item)
        entry = Fields(item, where)
        message = read_item(entry)
        items.append(StoredItem.of(_complete(entry, item)))
        if message is not None:
            add_message(messages, message)
    return ReadInput(tuple(items), tuple(messages))


def _resolve(given: object, where: str, find_item: FindItem) -> Mapping[str, object]:
    """The item itself, or the remembered one that it points to."""
    entry = Fields(given, where)
    if _kind(entry) != "item_reference":
        return cast(Mapping[str, object], given)
    item_id = entry.required_text("id")
    item = find_item(item_id)
    if item is None:
        entry.refuse(
            "id",
            f"Item with id '{item_id[:80]}' not found. Items are kept only for a while, and only of responses "
            "with 'store': send the item itself.",
        )
    return item


def _kind(entry: Fields) -> str:
    """The type, which easy messages and older clients leave out."""
    given = entry.text("type")
    if given is None:
        if "role" in entry:
            return "message"
        if "call_id" in entry:
            return "function_call" if "name" in entry else "function_call_output"
        if "id" in entry:
            return "item_reference"
        entry.missing("type")
    if given not in _KINDS:
        entry.refuse("type", f"Unsupported input item '{given[:40]}'. Supported values are: {one_of(_KINDS)}.")
    return given


def read_item(entry: Fields) -> Message | None:
    """One item that is no reference, yet to be joined with its turn. None: thinking that holds no text."""
    match _kind(entry):
        case "function_call":
            name = qualified_name(entry.text("namespace"), entry.required_text("name"))
            call = ToolCall(entry.required_text("call_id"), name, _read_arguments(entry))
            return Message("assistant", tool_calls=(call,))
        case "function_call_output":
            content = read_content(entry, "output")
            if content is None:
                entry.missing("output")
            return Message("tool", content, tool_call_id=entry.required_text("call_id"))
        case "reasoning":
            text = _read_reasoning(entry)
            return Message("assistant", reasoning=text) if text else None
        case _:
            return _read_message(entry)


def _read_message(entry: Fields) -> Message:
    role = read_role(entry, _ROLES)
    content = read_content(entry, "content")
    if content is None and role != "assistant":
        entry.missing("content")
    return Message(role, content or ())


def _read_arguments(entry: Fields) -> str:
    value = entry.get("arguments")
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return entry.text("arguments") or "{}"


def _read_reasoning(entry: Fields) -> str:
    """The text, or else its summary; what is encrypted came from elsewhere and is for nobody here."""
    for name in ("content", "summary"):
        texts = [part.text("text") or "" for part in entry.objects(name)]
        if any(texts):
            return "\n".join(texts)
    return ""


def _complete(entry: Fields, given: Mapping[str, object]) -> Item:
    kind = _kind(entry)
    item: Item = {"id": entry.text("id") or new_id(ITEM_PREFIXES[kind]), "type": kind, "status": "completed"}
    item |= {name: value for name, value in given.items() if value is not None and name != "id"}
    if kind == "message" and isinstance(item.get("content"), str):
        is_output = item["role"] == "assistant"
        part: Item = {"type": "output_text" if is_output else "input_text", "text": item["content"]}
        item["content"] = [part | {"annotations": []} if is_output else part]
    return item


# ---- turns -----------------------------------------------------------------------------------


def add_message(messages: list[Message], message: Message) -> None:
    """Append, or join what the model said in one turn."""
    if messages and _joins(messages[-1], message):
        last = messages[-1]
        messages[-1] = replace(
            last,
            content=last.content + message.content,
            reasoning=message.reasoning or last.reasoning,
            tool_calls=last.tool_calls + message.tool_calls,
        )
    else:
        messages.append(message)


def _joins(last: Message, message: Message) -> bool:
    """Thinking begins a turn; a turn has one text; calls belong to the turn before their results."""
    if last.role != "assistant" or message.role != "assistant":
        return False
    if message.reasoning:
        return False
    return bool(message.tool_calls) or not last.content
