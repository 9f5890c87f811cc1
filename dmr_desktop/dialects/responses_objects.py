"""The objects that responses are made of: items, parts, usage and the response itself. Pure."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from dmr_desktop.dialects.openai_usage import logprob_objects
from dmr_desktop.protocol.errors import ErrorInfo, status_of
from dmr_desktop.protocol.generation import FinishReason, TokenLogprob, ToolCall, Usage

Item: TypeAlias = dict[str, object]
Qualified: TypeAlias = tuple[str, str]
"""A namespace and the name of a function in it."""
Namespaces: TypeAlias = Mapping[str, Qualified]
"""By the name that the model knows."""
Status: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]

ITEM_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "function_call_output": "fco"}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


def text_part(text: str, logprobs: Sequence[TokenLogprob] = ()) -> Item:
    """``annotations`` is always there: clients walk through it without asking."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprob_objects(tuple(logprobs))}


def message_item(item_id: str, status: Status, parts: Sequence[Item]) -> Item:
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": list(parts)}


def qualified_name(namespace: str | None, name: str) -> str:
    """By which the model knows a function."""
    return f"{namespace.rstrip('_')}__{name}" if namespace else name


def call_item(item_id: str, status: Status, call: ToolCall, namespaces: Namespaces) -> Item:
    namespace, name = namespaces.get(call.name, (None, call.name))
    item: Item = {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": name,
        "arguments": call.arguments,
    }
    return item if namespace is None else item | {"namespace": namespace}


def reasoning_item(item_id: str, status: Status, text: str | None, *, as_summary: bool) -> Item:
    """``text`` None: not begun. What the model thought, as text or, where one was asked for, as the summary."""
    kind = "summary_text" if as_summary else "reasoning_text"
    parts = [] if text is None else [{"type": kind, "text": text}]
    return {
        "id": item_id,
        "type": "reasoning",
        "status": status,
        "summary": parts if as_summary else [],
        "content": [] if as_summary else parts,
        "encrypted_content": None,
    }


def usage_object(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def status_for(reason: FinishReason) -> Status:
    return "incomplete" if reason == "length" else "completed"


def begun_response(head: Mapping[str, object]) -> dict[str, object]:
    return {**head, "status": "in_progress"}


def finished_response(
    head: Mapping[str, object], status: Status, output: Sequence[Item], usage: Usage
) -> dict[str, object]:
    """``output_text`` is no part of OpenAI's wire form, but of Docker Model Runner's."""
    return {
        **head,
        "status": status,
        "completed_at": int(time.time()) if status == "completed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": list(output),
        "output_text": output_text(output),
        "usage": usage_object(usage),
    }


def failed_response(head: Mapping[str, object], output: Sequence[Item], info: ErrorInfo) -> dict[str, object]:
    error = {"code": _error_code(info), "message": info.message}
    return {**head, "status": "failed", "error": error, "output": list(output)}


def _error_code(info: ErrorInfo) -> str:
    """Of the few that OpenAI's response object may carry."""
    status = status_of(info)
    if status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if status < 500 else "server_error"


def output_text(output: Sequence[Item]) -> str:
    parts = [part for item in output if item["type"] == "message" for part in _parts(item)]
    return "".join(str(part["text"]) for part in parts)


def _parts(item: Item) -> list[Item]:
    content = item["content"]
    return content if isinstance(content, list) else []
