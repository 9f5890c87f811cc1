"""Ollama's chat messages to protocol messages.

Calls and their results need not have ids there: a result belongs to the first open call of its name, or else to
the first open call.
"""

import secrets
from dataclasses import replace

from dmr_desktop.dialects.arguments import read_arguments
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.ollama_fields import read_images
from dmr_desktop.dialects.roles import read_role
from dmr_desktop.protocol.generation import Message, TextPart, ToolCall


def read_messages(body: Fields) -> tuple[Message, ...]:
    messages: list[Message] = []
    open_calls: list[ToolCall] = []
    for entry in body.objects("messages"):
        message = _read_message(entry)
        if message.role == "tool":
            message = _matched(message, open_calls)
        elif message.tool_calls:
            open_calls = list(message.tool_calls)
        messages.append(message)
    if messages and messages[0].role == "tool":
        body.refuse("messages[0].role", "Invalid 'messages': the first message cannot have the role 'tool'.")
    return tuple(messages)


def _read_message(entry: Fields) -> Message:
    role = read_role(entry)
    text = entry.text("content")
    is_assistant, is_tool = role == "assistant", role == "tool"
    return Message(
        role=role,
        content=(*read_images(entry), *((TextPart(text),) if text else ())),
        reasoning=entry.text("thinking") if is_assistant else None,
        tool_calls=tuple(_read_call(call) for call in entry.objects("tool_calls")) if is_assistant else (),
        tool_call_id=entry.text("tool_call_id") if is_tool else None,
        name=(entry.text("tool_name") or entry.text("name")) if is_tool else None,
    )


def _read_call(call: Fields) -> ToolCall:
    function = call.required_inner("function")
    arguments = read_arguments(function, "an object")
    return ToolCall(
        id=call.text("id") or f"call_{secrets.token_hex(4)}",
        name=function.required_text("name"),
        arguments=arguments,
    )


def _matched(result: Message, open_calls: list[ToolCall]) -> Message:
    """The result with the id of its call, which is taken off ``open_calls``."""

    def fits(call: ToolCall) -> bool:
        if result.tool_call_id:
            return call.id == result.tool_call_id
        return result.name in (None, call.name)

    found = next(filter(fits, open_calls), None)
    if found is None and not result.tool_call_id and open_calls:
        found = open_calls[0]
    if found is None:
        return result
    open_calls.remove(found)
    return replace(result, tool_call_id=found.id, name=result.name or found.name)
