"""Anthropic's turns to protocol messages. Histories are taken as they are: they need not fit the tools."""

import re
from collections.abc import Iterable
from typing import NoReturn

import orjson

from dmr_desktop.dialects.fields import Fields, one_of, refuse_type
from dmr_desktop.protocol.generation import ImagePart, Message, Part, TextPart, ToolCall

_ROLES = ("user", "assistant", "system")
_MEDIA_TYPE = re.compile(r"image/[A-Za-z0-9.+-]{1,40}")
_BILLING_LINE = re.compile(r"\A\s*x-anthropic-billing-header:[^\n]*\n?")
"""What Claude Code puts in front of its system prompt. It differs from request to request, so that no two of
them would share a prefix, and it is not meant for the model."""


def read_messages(body: Fields) -> tuple[Message, ...]:
    """The system prompt, then the turns. Each tool result is a message of its own, before what its turn says."""
    if "messages" not in body:
        body.missing("messages")
    turns = [message for turn in body.objects("messages", at_least=1) for message in _read_turn(turn)]
    if turns[0].role == "tool":
        body.refuse(
            "messages[0].content",
            "Invalid 'messages': the first turn cannot be a 'tool_result', as nothing was called.",
        )
    system = _texts(_BILLING_LINE.sub("", text) for text in _read_texts(body, "system"))
    return (Message("system", system), *turns) if system else tuple(turns)


def _read_turn(turn: Fields) -> list[Message]:
    role = turn.choice("role", _ROLES)
    if role is None:
        turn.missing("role")
    if "content" not in turn:
        turn.missing("content")
    if role == "system":
        return [Message("system", _texts(_read_texts(turn, "content")))]
    return [_read_assistant(turn)] if role == "assistant" else _read_user(turn)


def _read_user(turn: Fields) -> list[Message]:
    results: list[Message] = []
    parts: list[Part] = []
    for block in _blocks(turn, "content"):
        if block.text("type") == "tool_result":
            results.append(_read_result(block))
        else:
            parts += _read_parts(block)
    return [*results, Message("user", tuple(parts))] if parts or not results else results


def _read_assistant(turn: Fields) -> Message:
    """Signed thinking is taken back as text; redacted thinking is nothing that we could have written."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for block in _blocks(turn, "content"):
        match block.required_text("type"):
            case "text":
                texts.append(block.required_text("text"))
            case "thinking":
                thoughts.append(block.required_text("thinking"))
            case "redacted_thinking":
                pass
            case "tool_use":
                arguments = orjson.dumps(block.mapping("input") or {}).decode()
                calls.append(ToolCall(block.required_text("id"), block.required_text("name"), arguments))
            case kind:
                _refuse_kind(block, kind, ("text", "thinking", "redacted_thinking", "tool_use"))
    return Message(
        "assistant", _texts(texts), reasoning="\n".join(filter(None, thoughts)) or None, tool_calls=tuple(calls)
    )


def _read_result(block: Fields) -> Message:
    parts = [part for inner in _blocks(block, "content") for part in _read_parts(inner)]
    if block.flag("is_error"):
        parts.insert(0, TextPart("The tool failed:" if parts else "The tool failed."))
    return Message("tool", tuple(parts), tool_call_id=block.required_text("tool_use_id"))


# ---- blocks ------------------------------------------------------------------------------------


def _blocks(holder: Fields, name: str) -> list[Fields]:
    """Content blocks; a string is one block of text."""
    value = holder.get(name)
    if isinstance(value, str):
        return [Fields({"type": "text", "text": value}, holder.path(name))]
    if value is not None and not isinstance(value, list):
        refuse_type(value, "a string or an array of blocks", holder.path(name))
    return holder.objects(name)


def _refuse_kind(block: Fields, kind: str, known: tuple[str, ...]) -> NoReturn:
    block.refuse("type", f"Invalid '{block.path('type')}': '{kind[:40]}'. Supported values are: {one_of(known)}.")


def _read_texts(holder: Fields, name: str) -> list[str]:
    """Of a place where only text may stand."""
    texts = []
    for block in _blocks(holder, name):
        kind = block.required_text("type")
        if kind != "text":
            _refuse_kind(block, kind, ("text",))
        texts.append(block.required_text("text"))
    return texts


def _texts(texts: Iterable[str]) -> tuple[TextPart, ...]:
    return tuple(TextPart(text) for text in texts if text)


def _read_parts(block: Fields) -> list[Part]:
    match block.required_text("type"):
        case "text":
            return list(_texts([block.required_text("text")]))
        case "image":
            return [_read_image(block.required_inner("source"))]
        case "document":
            return [*_texts([block.text("title") or "", block.text("context") or ""]), *_read_document(block)]
        case "search_result":
            head = [block.text("title") or "", block.text("source") or ""]
            return list(_texts([*head, *_read_texts(block, "content")]))
        case "tool_reference":
            return list(_texts([block.required_text("tool_name")]))
        case kind:
            _refuse_kind(block, kind, ("text", "image", "document", "search_result", "tool_result"))


def _read_image(source: Fields) -> ImagePart:
    """An address is kept as it is: whoever looks at the image decides what it opens."""
    match source.required_text("type"):
        case "base64":
            media_type = source.required_text("media_type")
            if not _MEDIA_TYPE.fullmatch(media_type):
                source.refuse("media_type", f"Invalid '{source.path('media_type')}': {media_type[:40]!r} is no image.")
            return ImagePart(f"data:{media_type};base64,{source.required_text('data')}")
        case "url":
            return ImagePart(source.required_text("url"))
        case kind:
            _refuse_kind(source, kind, ("base64", "url"))


def _read_document(block: Fields) -> list[Part]:
    """Only text: nothing here reads PDF, and no file is kept or fetched."""
    source = block.required_inner("source")
    match source.required_text("type"):
        case "text":
            return list(_texts([source.required_text("data")]))
        case "content":
            return [part for inner in _blocks(source, "content") for part in _read_parts(inner)]
        case kind:
            _refuse_kind(source, kind, ("text", "content"))
