"""What conversations are made of: messages, exchanges, and the checks by which answers are judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Call = tuple[str, dict[str, Any]]
"""The name of a tool and the arguments it is called with."""
MARK_OFF, MARK_ON = "\x02", "\x03"  # around text in an assistant turn that is not learned (forced JSON keys)


@dataclass(frozen=True)
class Check:
    """What a right answer looks like: exact text, parts it must contain, or tool calls."""

    exact: str | None = None
    contains: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()  # (name, canonical JSON of the arguments)


@dataclass
class Exchange:
    """A user's turn and everything up to the assistant's final answer to it."""

    skill: str
    messages: list[Message]
    check: Check
    system: str | None = None  # the system prompt without which it makes no sense


@dataclass
class Sample:
    """One conversation; ``skill`` and ``check`` describe its last assistant turn."""

    messages: list[Message]
    tools: list[dict[str, Any]]
    skill: str
    check: Check


def user(text: str) -> Message:
    """A user turn."""
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    """An assistant turn with text."""
    return {"role": "assistant", "content": text}


def calling(calls: Sequence[Call]) -> Message:
    """An assistant turn that calls tools."""
    made = [{"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in calls]
    return {"role": "assistant", "content": "", "tool_calls": made}


def tool_result(text: str) -> Message:
    """What a tool answered."""
    return {"role": "tool", "content": text}


def canonical(value: object) -> str:
    """JSON text by which arguments are compared."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
