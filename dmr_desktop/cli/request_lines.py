"""One recorded request for the eye: when, what for, how it went, and the first words of question and answer. Pure.

Reads what ``/engines/requests`` writes leniently: bodies are of any dialect, and may have been cut or not kept.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.table import display_width
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.short_names import short_name

_INDENT = "  "


def request_lines(groups: JSON, columns: int) -> list[str]:
    """Two or three lines for each request, the oldest first; ``groups`` is the list with one element a model."""
    records = [
        record
        for group in (groups if isinstance(groups, list) else [])
        if isinstance(group, dict)
        for record in group.get("records") or []
        if isinstance(record, dict)
    ]
    records.sort(key=lambda record: _number(record.get("timestamp")))
    return [_cut(line, columns) for record in records for line in _lines(record)]


def _lines(record: Mapping[str, JSON]) -> list[str]:
    lines = [safe_line("  ".join(part for part in _head(record) if part))]
    question = _question(_parsed(record.get("request")))
    answer = _answer(_parsed(record.get("response"))) or _error(record.get("error"))
    for sign, text in ((">", question), ("<", answer)):
        if text:
            lines.append(safe_line(f"{_INDENT}{sign} {' '.join(text.split())}"))
    return lines


def _head(record: Mapping[str, JSON]) -> tuple[str, ...]:
    moment = datetime.fromtimestamp(_number(record.get("timestamp"))).strftime("%H:%M:%S")
    prompt, completion = _number(record.get("prompt_tokens")), _number(record.get("completion_tokens"))
    state = str(record.get("state") or record.get("status_code") or "")
    duration = record.get("duration_ms")
    return (
        moment,
        short_name(str(record.get("model") or "")),
        str(record.get("url") or ""),
        state,
        f"{prompt:.0f} + {completion:.0f} tokens" if prompt or completion else "",
        f"{_number(duration) / 1000:.2f} s" if duration else "",
        str(record.get("user_agent") or "").partition(" ")[0],
    )


def _question(request: Any) -> str:
    """The last thing that was said to the model."""
    if not isinstance(request, dict):
        return ""
    asked = request.get("messages") or request.get("input") or request.get("prompt") or request.get("query")
    if isinstance(asked, list) and asked and isinstance(asked[-1], dict):
        asked = asked[-1].get("content")
    return _text(asked)


def _answer(response: Any) -> str:
    if not isinstance(response, dict):
        return ""
    choices = response.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        if not isinstance(message, dict):
            return _text(choices[0].get("text"))
        calls = message.get("tool_calls")
        return _text(message.get("content")) or (_calls(calls) if isinstance(calls, list) else "")
    for item in response.get("output") or []:
        if isinstance(item, dict) and item.get("type") == "message":
            return _text(item.get("content"))
    return _text(response.get("content"))


def _calls(calls: list[Any]) -> str:
    functions = [
        call["function"] for call in calls if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    return ", ".join(f"{function.get('name')}({function.get('arguments') or ''})" for function in functions)


def _error(error: JSON) -> str:
    found = _parsed(error)
    inner = found.get("error") if isinstance(found, dict) else None
    if isinstance(inner, dict):
        return _text(inner.get("message"))
    return _text(inner) or _text(error)


def _text(value: Any) -> str:
    """Of a list of parts the text of each."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(_text(part.get("text")) if isinstance(part, dict) else _text(part) for part in value)
    return ""


def _parsed(text: JSON) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _number(value: JSON) -> float:
    return value if isinstance(value, int | float) else 0.0


def _cut(line: str, columns: int) -> str:
    if display_width(line) <= columns:
        return line
    while display_width(line) >= columns:
        line = line[: min(len(line), columns) - 1] if len(line) > columns else line[:-1]
    return f"{line}…"
