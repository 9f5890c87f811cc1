"""Conversations as the text that the model sees, the same that the product gives."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from corpus.conversation import MARK_OFF, MARK_ON, Sample


def offered(tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools as the product hands them to a template, whatever their keys and order were in the request."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool["function"]["name"],
                "description": tool["function"].get("description", ""),
                "parameters": {"type": "object", "properties": {}, **tool["function"].get("parameters", {})},
            },
        }
        for tool in tools
    ]


def render(sample: Sample, to_answer: bool = False) -> list[tuple[str, bool]]:
    """The conversation as text pieces, each with whether the model learns it.

    This is the same text that the product gives, by ``chat_template.jinja``; a test holds the two together. With
    ``to_answer`` the last assistant turn is left out and its opening put in its place, as for generating.
    """
    out: list[tuple[str, bool]] = []
    messages = sample.messages[:-1] if to_answer else sample.messages
    rest = messages
    if sample.tools:
        head = "<|im_start|>system\n"
        if messages and messages[0]["role"] == "system":
            head += messages[0]["content"] + "\n\n"
            rest = messages[1:]
        head += "# Tools\n" + "\n".join(json.dumps(t["function"], ensure_ascii=False) for t in offered(sample.tools))
        out.append((head + "<|im_end|>\n", False))
    previous = ""
    for i, message in enumerate(rest):
        role = message["role"]
        content = message.get("content") or ""
        if role == "tool":
            opening = "" if previous == "tool" else "<|im_start|>user\n"
            last = i + 1 == len(rest) or rest[i + 1]["role"] != "tool"
            closing = "<|im_end|>\n" if last else "\n"
            out.append((f"{opening}<tool_response>\n{content}\n</tool_response>{closing}", False))
        elif role == "assistant":
            out.append(("<|im_start|>assistant\n", False))
            calls = "\n".join(
                "<tool_call>\n"
                + '{"name": '
                + json.dumps(c["function"]["name"], ensure_ascii=False)
                + ', "arguments": '
                + json.dumps(c["function"]["arguments"], ensure_ascii=False)
                + "}\n</tool_call>"
                for c in message.get("tool_calls", ())
            )
            text = content + ("\n" if content and calls else "") + calls
            learn = True
            for part in re.split(f"({MARK_OFF}|{MARK_ON})", text):
                if part == MARK_OFF:
                    learn = False
                elif part == MARK_ON:
                    learn = True
                elif part:
                    out.append((part, learn))
            out.append(("<|im_end|>", True))
            out.append(("\n", False))
        else:
            out.append((f"<|im_start|>{role}\n{content}<|im_end|>\n", False))
        previous = role
    if to_answer:
        out.append(("<|im_start|>assistant\n", False))
    return out


def render_text(sample: Sample, to_answer: bool = False) -> str:
    """The conversation as one text."""
    return "".join(piece for piece, _ in render(sample, to_answer))
