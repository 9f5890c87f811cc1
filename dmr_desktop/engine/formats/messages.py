"""The protocol's messages in the shape that a chat template reads.

Pure functions over one conversation. What the template can take is in :class:`.probe.Traits`; all text
that came from the client goes through ``mark`` (see :mod:`.control_text`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dmr_desktop.engine.formats.probe import Traits
from dmr_desktop.engine.formats.template import TemplateMessage
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import ImagePart, Message, Tool, ToolCall
from dmr_desktop.protocol.json_types import JSON

_NO_PARAMETERS: dict[str, JSON] = {"type": "object", "properties": {}}


def template_messages(
    messages: Sequence[Message],
    traits: Traits,
    mark: Callable[[str], str],
    mark_assistant: Callable[[str], str],
    *,
    spell: Callable[[Sequence[ToolCall]], str] | None = None,
    preface: str = "",
) -> list[TemplateMessage]:
    """``mark_assistant`` leaves the reasoning markers alone, which templates look for in old answers.

    ``spell`` writes calls into the text of a message, for templates that show none. ``preface`` is a system message
    in front of all others, which needs no mark.
    """
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    shaped: list[TemplateMessage] = [{"role": "system", "content": preface}] if preface else []
    for index, message in enumerate(messages):
        content = _text(message, index)
        found: TemplateMessage = {"role": message.role}
        match message.role:
            case "assistant":
                found["content"] = mark_assistant(content)
                if message.reasoning:
                    # Each template reads one of these names.
                    reasoning = mark(message.reasoning)
                    found |= {"reasoning_content": reasoning, "thinking": reasoning, "reasoning": reasoning}
                if message.tool_calls and spell:
                    found["content"] += spell(message.tool_calls)
                elif message.tool_calls:
                    calls = enumerate(message.tool_calls)
                    where = f"messages[{index}].tool_calls"
                    found["tool_calls"] = [_call(call, traits, mark, f"{where}[{at}]") for at, call in calls]
                    _fit_caller(found, traits)
            case "tool" if not traits.renders_results:
                name = message.name or names.get(message.tool_call_id or "", "the tool")
                found = {"role": "user", "content": mark(f"Result of {name}:\n{content}")}
            case "tool":
                found["content"] = mark(content)
                found["tool_call_id"] = _call_id(message.tool_call_id or "", traits, mark)
                found["name"] = mark(message.name or names.get(message.tool_call_id or "", ""))
            case _:
                found["content"] = mark(content)
                if message.name:
                    found["name"] = mark(message.name)
        shaped.append(found)
    shaped = _place_system(shaped, traits)
    if not traits.user_after_result:
        shaped = _answer_results(shaped)
    return _begin_with_user(_merge_neighbours(shaped)) if traits.alternates else shaped


def one_call_each(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation for templates that take one call in a message: each call followed by its own result."""
    found: list[Message] = []
    results = {message.tool_call_id: message for message in messages if message.role == "tool"}
    moved: set[str | None] = set()
    for message in messages:
        if len(message.tool_calls) < 2:
            if message.role != "tool" or message.tool_call_id not in moved:
                found.append(message)
            continue
        for index, call in enumerate(message.tool_calls):
            caller = replace(message, tool_calls=(call,))
            found.append(caller if not index else replace(caller, content=(), reasoning=None))
            if call.id in results and call.id not in moved:
                found.append(results[call.id])
                moved.add(call.id)
    return tuple(found)


def _fit_caller(message: TemplateMessage, traits: Traits) -> None:
    """What some templates want of a message with calls."""
    if traits.no_content_beside_calls and message["content"] and "thinking" in message:
        reasoning = f"{message['thinking']}\n\n{message['content']}"
        message |= {"content": "", "reasoning_content": reasoning, "thinking": reasoning, "reasoning": reasoning}
    if traits.null_content and not message["content"]:
        message["content"] = None


def template_tools(tools: Sequence[Tool], mark: Callable[[str], str]) -> list[dict[str, Any]]:
    """The tools in OpenAI's shape."""
    return [
        {
            "type": "function",
            "function": {
                "name": mark(tool.name),
                "description": mark(tool.description),
                # Some templates look into the properties without asking whether there are any.
                "parameters": _mark_json({**_NO_PARAMETERS, **tool.parameters}, mark),
            },
        }
        for tool in tools
    ]


def plainly_typed(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tools for templates that trip over a list of types: the first that is not null stands for all."""
    return [_plain_types(tool) for tool in tools]


def _plain_types(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain_types(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _plain_types(item) for key, item in value.items()}
    types = found.get("type")
    if isinstance(types, list):
        found["type"] = next((name for name in types if name != "null"), "null")
    return found


def _text(message: Message, index: int) -> str:
    """The text parts, one to a line: most templates take nothing but a string."""
    texts = []
    for at, part in enumerate(message.content):
        if isinstance(part, ImagePart):
            raise InvalidRequest(
                "This model cannot look at images.",
                hint="Leave the image out, or use a model that comes with a vision projector.",
                param=f"messages[{index}].content[{at}].image_url",
            )
        texts.append(part.text)
    return "\n".join(texts)


def _call(call: ToolCall, traits: Traits, mark: Callable[[str], str], where: str) -> dict[str, Any]:
    arguments: Any = call.arguments
    if traits.object_arguments:
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            raise InvalidRequest(
                "The arguments of a tool call in the history are not valid JSON.",
                hint="Send them back as the model wrote them, or leave the call out.",
                param=f"{where}.function.arguments",
            ) from None
    function = {"name": mark(call.name), "arguments": _mark_json(arguments, mark)}
    return {"id": _call_id(call.id, traits, mark), "type": "function", "function": function}


def _call_id(call_id: str, traits: Traits, mark: Callable[[str], str]) -> str:
    if traits.short_call_ids and call_id and not (len(call_id) == 9 and call_id.isalnum()):
        return hashlib.sha256(call_id.encode()).hexdigest()[:9]
    return mark(call_id)


def _mark_json(value: JSON, mark: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mark(value)
    if isinstance(value, Mapping):
        return {mark(key): _mark_json(item, mark) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_mark_json(item, mark) for item in value]
    return value


def _place_system(messages: list[TemplateMessage], traits: Traits) -> list[TemplateMessage]:
    """System messages where the template takes them: in front, later too, or only inside the first user's turn."""
    later = [message for message in messages if message["role"] != "system"]
    if len(later) == len(messages):
        return messages
    leading = 0
    while messages[leading : leading + 1] and messages[leading]["role"] == "system":
        leading += 1
    if traits.system_role and traits.late_system:
        texts, rest = [message["content"] for message in messages[:leading]], messages[leading:]
    else:
        texts, rest = [message["content"] for message in messages if message["role"] == "system"], later
    if not texts:
        return rest
    text = "\n\n".join(texts)
    if traits.system_role:
        return [{"role": "system", "content": text}, *rest]
    for index, message in enumerate(rest):
        if message["role"] == "user":
            merged = {**message, "content": f"{text}\n\n{message['content']}"}
            return [*rest[:index], merged, *rest[index + 1 :]]
    return [{"role": "user", "content": text}, *rest]


def _answer_results(messages: list[TemplateMessage]) -> list[TemplateMessage]:
    """Puts the shortest of answers between a tool's result and what the user says next."""
    found: list[TemplateMessage] = []
    for message in messages:
        if found and found[-1]["role"] == "tool" and message["role"] == "user":
            found.append({"role": "assistant", "content": "OK."})
        found.append(message)
    return found


def _begin_with_user(messages: list[TemplateMessage]) -> list[TemplateMessage]:
    """A greeting that stands first gets an empty turn in front of it."""
    at = 1 if messages and messages[0]["role"] == "system" else 0
    if messages[at : at + 1] and messages[at]["role"] == "assistant":
        return [*messages[:at], {"role": "user", "content": ""}, *messages[at:]]
    return messages


def _merge_neighbours(messages: list[TemplateMessage]) -> list[TemplateMessage]:
    """Joins messages of one role that follow each other; tool results and calls stay as they are."""
    merged: list[TemplateMessage] = []
    for message in messages:
        last = merged[-1] if merged else None
        plain = message["role"] in ("user", "assistant") and "tool_calls" not in message
        if last is not None and plain and last["role"] == message["role"] and "tool_calls" not in last:
            merged[-1] = {**last, **message, "content": f"{last['content']}\n\n{message['content']}"}
        else:
            merged.append(message)
    return merged
