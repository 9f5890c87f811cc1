"""Writing calls the way a model does: for templates that show none of a conversation's calls, and as an example."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dmr_desktop.engine.formats.chat_format import (
    CallSyntax,
    JsonCall,
    Literally,
    NamedCall,
    NestedValues,
    QuotedValues,
    Skeleton,
    TaggedCall,
    TextValues,
)
from dmr_desktop.engine.formats.kinds import kind_of
from dmr_desktop.protocol.generation import Tool, ToolCall
from dmr_desktop.protocol.json_types import JSON

Mark = Callable[[str], str]


def spelled_calls(syntax: CallSyntax, calls: Sequence[ToolCall], mark: Mark) -> str:
    """All calls of one answer. ``mark`` goes over what came from the client; see :mod:`.control_text`."""
    bodies = [_body(syntax, call, index, mark) for index, call in enumerate(calls)]
    texts = [f"{syntax.call_start}{body}{syntax.call_end}" for body in bodies]
    return f"{syntax.section_start}{syntax.separator.join(texts)}{syntax.section_end}"


def instruction(syntax: CallSyntax, tools: Sequence[Tool], mark: Mark) -> str:
    """Tells a model of its tools, for templates that do not."""
    described = [{"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in tools]
    properties = tools[0].parameters.get("properties")
    names = list(properties)[:2] if isinstance(properties, Mapping) else []
    example = ToolCall("call00001", tools[0].name, json.dumps(dict.fromkeys(names, "..."), ensure_ascii=False))
    return "\n".join(
        [
            "You can call functions to help the user. The functions:",
            *(mark(json.dumps(tool, ensure_ascii=False)) for tool in described),
            "To call a function, write it exactly like this:",
            spelled_calls(syntax, [example], mark).strip(),
            "Otherwise answer as usual.",
        ]
    )


def _body(syntax: CallSyntax, call: ToolCall, index: int, mark: Mark) -> str:
    arguments = _decoded(call.arguments)
    match syntax.body:
        case JsonCall(skeleton=skeleton) | NamedCall(skeleton=skeleton):
            written = json.dumps(
                arguments, ensure_ascii=False, separators=(syntax.item_separator, syntax.key_separator)
            )
            in_json = isinstance(syntax.body, JsonCall)
            name = json.dumps(call.name, ensure_ascii=False)[1:-1] if in_json else call.name
            return _filled(skeleton, mark(name), mark(written), mark(call.id), index)
        case TaggedCall() as body:
            values = arguments if isinstance(arguments, Mapping) else {}
            texts = [_argument(body, key, value, mark) for key, value in values.items()]
            return _filled(body.head, mark(call.name), "", "", index) + body.separator.join(texts)


def _filled(skeleton: Skeleton, name: str, arguments: str, call_id: str, index: int) -> str:
    slots = {"name": name, "arguments": arguments, "id": call_id, "index": str(index)}
    return "".join(piece.text if isinstance(piece, Literally) else slots[piece] for piece in skeleton)


def _argument(body: TaggedCall, key: str, value: JSON, mark: Mark) -> str:
    match body.values:
        case TextValues(words=words, word_end=word_end):
            lead = words.get(kind_of(value), words["number"]) + word_end if words else ""
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            return f"{body.key_start}{mark(key)}{body.key_end}{lead}{mark(text)}{body.value_end}"
        case QuotedValues() as values:
            return f"{body.key_start}{mark(key)}{body.key_end}{_literal(value, values, mark)}{body.value_end}"
        case NestedValues() as values:
            return _nested(key, value, values, mark)


def _literal(value: JSON, style: QuotedValues, mark: Mark) -> str:
    if isinstance(value, str) and len(style.quote) > 1:
        return f"{style.quote}{mark(value)}{style.quote}"
    if style.bare_keys and isinstance(value, Mapping):
        return "{" + ",".join(f"{mark(key)}:{_literal(item, style, mark)}" for key, item in value.items()) + "}"
    if style.bare_keys and isinstance(value, list | tuple):
        return "[" + ",".join(_literal(item, style, mark) for item in value) + "]"
    return mark(json.dumps(value, ensure_ascii=False))


def _nested(key: str, value: JSON, style: NestedValues, mark: Mark) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_nested(name, item, style, mark) for name, item in value.items())
    elif isinstance(value, list | tuple):
        inner = "".join(_nested(style.item, item, style, mark) for item in value)
    else:
        inner = mark(value if isinstance(value, str) else json.dumps(value))
    return f"{style.prefix}<{mark(key)}>{inner}{style.prefix}</{mark(key)}>"


def _decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}
