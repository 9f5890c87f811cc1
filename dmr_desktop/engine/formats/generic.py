"""Tool calls for models whose template knows none: described in words, answered in constrained JSON."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dmr_desktop.engine.formats.chat_format import USUAL_CALL, CallSyntax, ChatFormat, WrappedContent
from dmr_desktop.protocol.generation import Message, Part, TextPart, Tool, ToolCall

_CALLS = CallSyntax(
    USUAL_CALL,
    section_start='{"tool_calls": [',
    section_end="]}",
    separator=", ",
)
_CONTENT = WrappedContent('{"response": "', "}")


def with_generic_calls(chat_format: ChatFormat) -> ChatFormat:
    """The format with our own spelling of calls in place of one that the model would know."""
    origin = f"{chat_format.origin}; tool calls as constrained JSON, since the template has none"
    return replace(chat_format, origin=origin, calls=_CALLS, content=_CONTENT)


def generic_messages(messages: Sequence[Message], tools: Sequence[Tool]) -> tuple[Message, ...]:
    """The conversation without tool roles and calls: written out as text, the tools described in a system message."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    found = [_flat(message, names) for message in messages]
    if tools:
        found.insert(0, Message("system", (TextPart(_instruction(tools)),)))
    return tuple(found)


def _flat(message: Message, names: dict[str, str]) -> Message:
    if message.role == "tool":
        name = message.name or names.get(message.tool_call_id or "", "the tool")
        return Message("user", (TextPart(f"Result of {name}:"), *message.content))
    if message.tool_calls:
        written = json.dumps({"tool_calls": [_object(call) for call in message.tool_calls]}, ensure_ascii=False)
        content: tuple[Part, ...] = (*message.content, TextPart(written))
        return replace(message, content=content, tool_calls=())
    return message


def _object(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = call.arguments
    return {"name": call.name, "arguments": arguments}


def _instruction(tools: Sequence[Tool]) -> str:
    described = [
        json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}, ensure_ascii=False
        )
        for tool in tools
    ]
    return "\n".join(
        [
            "You can call functions to help the user. The functions:",
            *described,
            "Answer with one JSON object and nothing else.",
            'To call functions: {"tool_calls": [{"name": "<function>", "arguments": {<arguments>}}]}',
            'To answer the user: {"response": "<your answer>"}',
        ]
    )
