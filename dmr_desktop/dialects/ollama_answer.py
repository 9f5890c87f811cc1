"""``/api/chat`` and ``/api/generate``, the answer: a stream of JSON lines, or one object of the same events.

Both say the same in two shapes: in ``message``, or in ``response`` beside it. The bytes around a delta are built once
per request.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, assert_never

import orjson

from dmr_desktop.dialects.arguments import arguments_object
from dmr_desktop.dialects.gathered import Gathered
from dmr_desktop.dialects.ollama_errors import error_line
from dmr_desktop.dialects.openai_usage import logprob_objects
from dmr_desktop.dialects.times import rfc3339
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
)

Shape: TypeAlias = Literal["chat", "generate"]
DoneReason: TypeAlias = Literal["stop", "length", "load", "unload"]

_REASONS: dict[FinishReason, DoneReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "cancelled": "stop",
}


@dataclass(frozen=True, slots=True)
class Head:
    """``model``: the name as the client wrote it. ``began``: monotonic seconds when the request was read."""

    model: str
    shape: Shape
    began: float


def new_head(model: str, shape: Shape) -> Head:
    return Head(model, shape, time.monotonic())


def rfc3339_now() -> str:
    return rfc3339(datetime.now(UTC), "microseconds")


def elapsed_ns(began: float, ended: float | None = None) -> int:
    """Whole nanoseconds, as Go writes its durations, between two monotonic times in seconds; until now if None."""
    return int(((time.monotonic() if ended is None else ended) - began) * 1e9)


def load_answer(head: Head, reason: DoneReason) -> bytes:
    """What a request without a prompt gets: the model was loaded, or unloaded."""
    return orjson.dumps(
        {
            "model": head.model,
            "created_at": rfc3339_now(),
            **_said(head.shape, ""),
            "done": True,
            "done_reason": reason,
        }
    )


def _durations(head: Head, finished: Finished) -> dict[str, object]:
    """Nanoseconds. Loading is what is left of the time."""
    total, timings = elapsed_ns(head.began), finished.timings
    known_ms = timings.queue_ms + timings.prompt_ms + timings.predicted_ms
    return {
        "total_duration": total,
        "load_duration": max(0, total - int(known_ms * 1e6)),
        "prompt_eval_count": finished.usage.prompt_tokens,
        "prompt_eval_duration": int(timings.prompt_ms * 1e6),
        "eval_count": finished.usage.completion_tokens,
        "eval_duration": int(timings.predicted_ms * 1e6),
    }


def _final(head: Head, said: dict[str, object], reason: DoneReason, finished: Finished) -> dict[str, object]:
    return {
        "model": head.model,
        "created_at": rfc3339_now(),
        **said,
        "done": True,
        "done_reason": reason,
        **_durations(head, finished),
    }


def _said(shape: Shape, text: str, thinking: str = "", calls: Sequence[dict[str, object]] = ()) -> dict[str, object]:
    said: dict[str, object] = {"role": "assistant", "content": text} if shape == "chat" else {"response": text}
    if thinking:
        said["thinking"] = thinking
    if calls:
        said["tool_calls"] = calls
    return {"message": said} if shape == "chat" else said


def _call_objects(calls: Sequence[ToolCall], first: int = 0) -> list[dict[str, object]]:
    """Whole calls, their arguments as objects. One that was cut off (the limit was reached in it) is left out."""
    found: list[dict[str, object]] = []
    for index, call in enumerate(calls, first):
        arguments = arguments_object(call.arguments)
        if arguments is not None:
            found.append({"id": call.id, "function": {"index": index, "name": call.name, "arguments": arguments}})
    return found


class LineWriter:
    """One JSON object a line, the last one with ``done`` true. A tool call goes out whole, once it is complete."""

    __slots__ = (
        "_arguments",
        "_before",
        "_between",
        "_call",
        "_end",
        "_has_logprobs",
        "_head",
        "_num_calls",
        "_reason",
    )

    def __init__(self, head: Head, *, has_logprobs: bool) -> None:
        self._head = head
        self._has_logprobs = has_logprobs
        self._reason: DoneReason = "stop"
        self._call: ToolCallStarted | None = None
        self._arguments: list[str] = []
        self._num_calls = 0
        is_chat = head.shape == "chat"
        said = b'"message":{"role":"assistant","content":' if is_chat else b'"response":'
        self._before = b'{"model":' + orjson.dumps(head.model) + b',"created_at":"'
        self._between = b'",' + said
        self._end = b"}" if is_chat else b""

    def write(self, events: Sequence[Event]) -> bytes:
        now = rfc3339_now().encode()
        lines: list[bytes] = []
        for event in events:
            match event:
                case TextDelta(text, _, logprobs):
                    lines.append(self._line(now, text, logprobs=logprobs))
                case ReasoningDelta(text):
                    lines.append(self._line(now, "", b',"thinking":' + orjson.dumps(text)))
                case ToolCallStarted():
                    self._end_call(now, lines)
                    self._call = event
                case ToolCallArguments(_, text):
                    self._arguments.append(text)
                case ChoiceFinished(reason):
                    self._end_call(now, lines)
                    self._reason = _REASONS[reason]
                case Started():
                    pass
                case Finished():
                    lines.append(orjson.dumps(_final(self._head, _said(self._head.shape, ""), self._reason, event)))
                    lines.append(b"\n")
                case Failed(error):
                    lines.append(error_line(error))
                case _:
                    assert_never(event)
        return b"".join(lines)

    def _end_call(self, now: bytes, lines: list[bytes]) -> None:
        if self._call is None:
            return
        call = ToolCall(self._call.id, self._call.name, "".join(self._arguments))
        found = _call_objects([call], self._num_calls)
        if found:
            lines.append(self._line(now, "", b',"tool_calls":' + orjson.dumps(found)))
        self._num_calls += 1
        self._call, self._arguments = None, []

    def _line(self, now: bytes, text: str, also: bytes = b"", logprobs: tuple[TokenLogprob, ...] = ()) -> bytes:
        probabilities = b',"logprobs":' + orjson.dumps(logprob_objects(logprobs)) if self._has_logprobs else b""
        return b"".join(
            (self._before, now, self._between, orjson.dumps(text), also, self._end, probabilities, b',"done":false}\n')
        )


class ObjectCollector:
    """The whole answer as one object."""

    __slots__ = ("_gathered", "_has_logprobs", "_head")

    def __init__(self, head: Head, *, has_logprobs: bool) -> None:
        self._head = head
        self._has_logprobs = has_logprobs
        self._gathered = Gathered()

    def add(self, events: Sequence[Event]) -> None:
        self._gathered.add(events)

    def result(self) -> bytes:
        choice = self._gathered.choices[0]
        said = _said(self._head.shape, choice.text, choice.reasoning, _call_objects(choice.calls))
        if self._has_logprobs:
            said["logprobs"] = logprob_objects(tuple(choice.logprobs))
        return orjson.dumps(_final(self._head, said, _REASONS[choice.finish_reason], self._gathered.finished))
