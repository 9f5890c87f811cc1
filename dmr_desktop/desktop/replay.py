"""A recorded request as a conversation that can be gone on with. Pure; knows the bodies of all dialects that chat."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dmr_desktop.desktop.chat import Turn


@dataclass(frozen=True, slots=True)
class Replay:
    """``turns`` came before ``draft``, which is asked next."""

    model: str
    system: str
    turns: tuple[Turn, ...]
    draft: str


def read_replay(body: str) -> Replay | None:
    """None when nothing was asked in words. Images and calls of tools are left out."""
    try:
        data = json.loads(body)
    except ValueError:
        return None
    if not isinstance(data, Mapping):
        return None
    systems = [_text(data.get("system")) or _text(data.get("instructions"))]
    turns: list[Turn] = []
    for role, text in _messages(data):
        if role in ("system", "developer"):
            systems.append(text)
        elif role == "assistant" and text:
            turns.append(Turn("assistant", text))
        elif role == "user" and text:
            turns.append(Turn("user", text))
    while turns and turns[-1].role != "user":
        turns.pop()
    if not turns:
        return None
    system = "\n".join(text for text in systems if text)
    return Replay(str(data.get("model") or ""), system, tuple(turns[:-1]), turns[-1].text)


def _messages(data: Mapping[str, object]) -> list[tuple[str, str]]:
    found = data.get("messages", data.get("input", data.get("prompt")))
    if isinstance(found, str):
        return [("user", found)]
    items = found if isinstance(found, list) else []
    return [(str(item.get("role")), _text(item.get("content"))) for item in items if isinstance(item, Mapping)]


def _text(content: object) -> str:
    """A text, or the texts among the parts of a content."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))
