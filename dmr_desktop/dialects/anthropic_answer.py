"""``/messages``, the answer: a stream of content blocks, or one message of the same events.

As in OpenAI's dialect, a delta of the stream costs one JSON string and one join.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import orjson

from dmr_desktop.dialects.anthropic_errors import error_frame
from dmr_desktop.dialects.arguments import arguments_object
from dmr_desktop.dialects.frames import named_frame
from dmr_desktop.dialects.gathered import Gathered
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)

SIGNATURE = "bG9jYWw="
"""Of every thinking block. It proves nothing, but clients drop blocks without one from the history."""

_PING = named_frame("ping", {"type": "ping"})
_HIDDEN_DELTAS_A_PING = 32
"""While a model thinks in silence, proxies should not take the connection for dead."""
_MESSAGE_STOP = named_frame("message_stop", {"type": "message_stop"})
_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "cancelled": "end_turn",
}


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer takes from its request. ``stops`` are the stop sequences that the client itself asked for."""

    id: str
    model: str
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    shows_thinking: bool = True


def new_message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def usage_object(usage: Usage) -> dict[str, object]:
    """``input_tokens`` are those that were computed; those that a shared prefix saved are counted apart."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def _message(
    head: Head, content: list[dict[str, object]], ending: dict[str, object], usage: Usage
) -> dict[str, object]:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        **ending,
        "usage": usage_object(usage),
    }


def _ending(head: Head, reason: FinishReason, stop: str | None, usage: Usage) -> dict[str, object]:
    if stop is not None and stop in head.stops:
        return {"stop_reason": "stop_sequence", "stop_sequence": stop}
    found = _STOP_REASONS[reason]
    if reason == "length" and (head.max_tokens is None or usage.completion_tokens < head.max_tokens):
        found = "model_context_window_exceeded"
    return {"stop_reason": found, "stop_sequence": None}


class MessageWriter:
    """Events from ``message_start`` to ``message_stop``. One content block is open at a time."""

    __slots__ = ("_before", "_finish", "_head", "_index", "_kind", "_num_hidden")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._index = -1
        self._kind = ""  # of the open block
        self._before = b""
        self._num_hidden = 0
        self._finish = ChoiceFinished("stop")

    def write(self, events: Sequence[Event]) -> bytes:
        frames: list[bytes] = []
        for event in events:
            match event:
                case TextDelta(text):
                    if text:
                        if self._kind != "text":
                            self._open("text", {"type": "text", "text": ""}, frames)
                        frames.append(self._delta(text))
                case ReasoningDelta(text):
                    if not self._head.shows_thinking:
                        self._num_hidden += 1
                        if self._num_hidden % _HIDDEN_DELTAS_A_PING == 0:
                            frames.append(_PING)
                    elif text:
                        if self._kind != "thinking":
                            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, frames)
                        frames.append(self._delta(text))
                case ToolCallStarted(_, call_id, name):
                    self._open("tool_use", {"type": "tool_use", "id": call_id, "name": name, "input": {}}, frames)
                case ToolCallArguments(_, text):
                    frames.append(self._delta(text))
                case ChoiceFinished():
                    self._close(frames)
                    self._finish = event
                case Started(prompt_tokens, cached_tokens):
                    frames += [self._message_start(Usage(prompt_tokens, 0, cached_tokens)), _PING]
                case Finished(usage):
                    frames += [self._message_delta(usage), _MESSAGE_STOP]
                case Failed(error):
                    frames.append(error_frame(error))
                case _:
                    assert_never(event)
        return b"".join(frames)

    def _message_start(self, usage: Usage) -> bytes:
        message = _message(self._head, [], {"stop_reason": None, "stop_sequence": None}, usage)
        return named_frame("message_start", {"type": "message_start", "message": message})

    def _message_delta(self, usage: Usage) -> bytes:
        ending = _ending(self._head, self._finish.reason, self._finish.stop, usage)
        return named_frame("message_delta", {"type": "message_delta", "delta": ending, "usage": usage_object(usage)})

    def _open(self, kind: str, block: dict[str, object], frames: list[bytes]) -> None:
        self._close(frames)
        self._kind = kind
        self._index += 1
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        frames.append(named_frame("content_block_start", start))
        delta, text = _DELTAS[kind]
        self._before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
            % (self._index, delta, text)
        )

    def _delta(self, text: str) -> bytes:
        return b"%b%b}}\n\n" % (self._before, orjson.dumps(text))

    def _close(self, frames: list[bytes]) -> None:
        if not self._kind:
            return
        if self._kind == "thinking":
            signature = {"type": "signature_delta", "signature": SIGNATURE}
            delta = {"type": "content_block_delta", "index": self._index, "delta": signature}
            frames.append(named_frame("content_block_delta", delta))
        frames.append(named_frame("content_block_stop", {"type": "content_block_stop", "index": self._index}))
        self._kind = ""


_DELTAS = {
    "text": (b"text_delta", b"text"),
    "thinking": (b"thinking_delta", b"thinking"),
    "tool_use": (b"input_json_delta", b"partial_json"),
}
"""The type of a block's deltas, and their member that holds the text."""


class MessageCollector:
    """One ``message``."""

    __slots__ = ("_gathered", "_head")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._gathered = Gathered()

    def add(self, events: Sequence[Event]) -> None:
        self._gathered.add(events)

    def result(self) -> bytes:
        choice, usage = self._gathered.choices[0], self._gathered.finished.usage
        content: list[dict[str, object]] = []
        if choice.reasoning and self._head.shows_thinking:
            content.append({"type": "thinking", "thinking": choice.reasoning, "signature": SIGNATURE})
        if choice.text:
            content.append({"type": "text", "text": choice.text})
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call.arguments) or {}}
            for call in choice.calls
        ]
        ending = _ending(self._head, choice.finish_reason, choice.stop, usage)
        return orjson.dumps(_message(self._head, content, ending, usage))
