"""``/chat/completions``, the answer: a stream of chunks, or one object of the same events.

The stream is the hot path of the product: the bytes around a delta are built once per request, a delta
costs one JSON string and one join.
"""

from collections.abc import Sequence
from functools import partial
from typing import assert_never

import orjson

from dmr_desktop.dialects.frames import DONE, data_frame
from dmr_desktop.dialects.gathered import GatheredChoice
from dmr_desktop.dialects.openai_choices import ChoicesCollector
from dmr_desktop.dialects.openai_errors import error_frame
from dmr_desktop.dialects.openai_usage import FINISH_REASONS, Head, logprob_objects, totals
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
)


class ChatWriter:
    """Chunks of ``chat.completion.chunk``. A choice's role goes out with its first chunk."""

    __slots__ = ("_announced", "_before", "_has_logprobs", "_head", "_include_usage")

    def __init__(self, head: Head, *, include_usage: bool, has_logprobs: bool) -> None:
        self._head = head.object("chat.completion.chunk")
        self._before = b"data: " + orjson.dumps(self._head)[:-1] + b',"choices":[{"index":'
        self._include_usage = include_usage
        self._has_logprobs = has_logprobs
        self._announced: set[int] = set()

    def write(self, events: Sequence[Event]) -> bytes:
        frames: list[bytes] = []
        for event in events:
            match event:
                case TextDelta(text, choice, logprobs):
                    self._announce(choice, frames)
                    frames.append(
                        self._chunk(choice, b'{"content":' + orjson.dumps(text) + b"}", self._logprobs(logprobs))
                    )
                case ReasoningDelta(text, choice):
                    self._announce(choice, frames)
                    frames.append(self._chunk(choice, b'{"reasoning_content":' + orjson.dumps(text) + b"}"))
                case ToolCallStarted(call_index, call_id, name, choice):
                    self._announce(choice, frames)
                    call = {
                        "index": call_index,
                        "id": call_id,
                        "type": "function",
                        "function": {"name": name, "arguments": ""},
                    }
                    frames.append(self._chunk(choice, orjson.dumps({"tool_calls": [call]})))
                case ToolCallArguments(call_index, text, choice):
                    self._announce(choice, frames)
                    piece = {"index": call_index, "function": {"arguments": text}}
                    frames.append(self._chunk(choice, orjson.dumps({"tool_calls": [piece]})))
                case ChoiceFinished(reason, choice):
                    self._announce(choice, frames)
                    finish = f'"{FINISH_REASONS[reason]}"'.encode()
                    frames.append(self._chunk(choice, b"{}", finish_reason=finish))
                case Started():
                    self._announce(0, frames)
                case Finished():
                    if self._include_usage:
                        frames.append(self._usage(event))
                    frames.append(DONE)
                case Failed(error):
                    frames.append(error_frame(error))
                case _:
                    assert_never(event)
        return b"".join(frames)

    def _announce(self, choice: int, frames: list[bytes]) -> None:
        if choice not in self._announced:
            self._announced.add(choice)
            frames.append(self._chunk(choice, b'{"role":"assistant","content":""}'))

    def _chunk(self, choice: int, delta: bytes, logprobs: bytes = b"null", finish_reason: bytes = b"null") -> bytes:
        return b'%b%d,"delta":%b,"logprobs":%b,"finish_reason":%b}]}\n\n' % (
            self._before,
            choice,
            delta,
            logprobs,
            finish_reason,
        )

    def _logprobs(self, logprobs: tuple[TokenLogprob, ...]) -> bytes:
        if not self._has_logprobs:
            return b"null"
        return orjson.dumps({"content": logprob_objects(logprobs), "refusal": None})

    def _usage(self, finished: Finished) -> bytes:
        return data_frame({**self._head, "choices": [], **totals(finished)})


def chat_collector(head: Head, num_choices: int, *, has_logprobs: bool) -> ChoicesCollector:
    """One ``chat.completion``."""
    return ChoicesCollector("chat.completion", partial(_choice, has_logprobs=has_logprobs), head, num_choices)


def _choice(choice: GatheredChoice, *, has_logprobs: bool) -> dict[str, object]:
    text, reasoning, calls = choice.text, choice.reasoning, choice.calls
    message: dict[str, object] = {"role": "assistant", "content": text or (None if calls else "")}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    logprobs = {"content": logprob_objects(tuple(choice.logprobs)), "refusal": None} if has_logprobs else None
    return {"message": message, "logprobs": logprobs, "finish_reason": FINISH_REASONS[choice.finish_reason]}
