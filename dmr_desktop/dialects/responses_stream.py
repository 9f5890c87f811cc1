"""``/responses``, streamed: numbered events around the items of the answer, which open and close one after another."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import orjson

from dmr_desktop.dialects.openai_errors import error_object
from dmr_desktop.dialects.openai_usage import logprob_objects
from dmr_desktop.dialects.responses_objects import (
    Item,
    Namespaces,
    Status,
    begun_response,
    call_item,
    failed_response,
    finished_response,
    message_item,
    new_id,
    reasoning_item,
    status_for,
    text_part,
)
from dmr_desktop.protocol.errors import ErrorInfo
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


class Frames:
    """Events on their way out, numbered through."""

    __slots__ = ("_frames", "_number")

    def __init__(self) -> None:
        self._number = 0
        self._frames: list[bytes] = []

    def add(self, kind: str, fields: Mapping[str, object]) -> None:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._frames.append(b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n")
        self._number += 1

    def take(self) -> bytes:
        data = b"".join(self._frames)
        self._frames.clear()
        return data


class _OpenItem(Protocol):
    """An item that is being written; ``end`` gives it as it was in the end."""

    def end(self, status: Status) -> Item: ...


class _OpenMessage:
    __slots__ = ("_frames", "_id", "_index", "_logprobs", "_place", "_text")

    def __init__(self, frames: Frames, index: int) -> None:
        self._frames = frames
        self._index = index
        self._id = new_id("msg")
        self._place = {"item_id": self._id, "output_index": index, "content_index": 0}
        self._text: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        item = message_item(self._id, "in_progress", ())
        frames.add("response.output_item.added", {"output_index": index, "item": item})
        frames.add("response.content_part.added", {**self._place, "part": text_part("")})

    def add(self, text: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        self._text.append(text)
        self._logprobs.extend(logprobs)
        fields = {**self._place, "delta": text, "logprobs": logprob_objects(logprobs)}
        self._frames.add("response.output_text.delta", fields)

    def end(self, status: Status) -> Item:
        part = text_part("".join(self._text), self._logprobs)
        done = {**self._place, "text": part["text"], "logprobs": part["logprobs"]}
        self._frames.add("response.output_text.done", done)
        self._frames.add("response.content_part.done", {**self._place, "part": part})
        return message_item(self._id, status, (part,))


class _OpenReasoning:
    """As text, or as the summary if the client asked for one."""

    __slots__ = ("_as_summary", "_frames", "_id", "_name", "_part", "_place", "_text")

    def __init__(self, frames: Frames, index: int, *, as_summary: bool) -> None:
        self._frames = frames
        self._as_summary = as_summary
        self._id = new_id("rs")
        self._name = "response.reasoning_summary_text" if as_summary else "response.reasoning_text"
        self._part = "response.reasoning_summary_part" if as_summary else "response.content_part"
        place = "summary_index" if as_summary else "content_index"
        self._place = {"item_id": self._id, "output_index": index, place: 0}
        self._text: list[str] = []
        frames.add("response.output_item.added", {"output_index": index, "item": self._item("in_progress", None)})
        frames.add(f"{self._part}.added", {**self._place, "part": self._text_part("")})

    def _item(self, status: Status, text: str | None) -> Item:
        return reasoning_item(self._id, status, text, as_summary=self._as_summary)

    def _text_part(self, text: str) -> Item:
        return {"type": "summary_text" if self._as_summary else "reasoning_text", "text": text}

    def add(self, text: str) -> None:
        self._text.append(text)
        self._frames.add(f"{self._name}.delta", {**self._place, "delta": text})

    def end(self, status: Status) -> Item:
        text = "".join(self._text)
        self._frames.add(f"{self._name}.done", {**self._place, "text": text})
        self._frames.add(f"{self._part}.done", {**self._place, "part": self._text_part(text)})
        return self._item(status, text)


class _OpenCall:
    __slots__ = ("_arguments", "_call_id", "_frames", "_id", "_name", "_namespaces", "_place")

    def __init__(self, frames: Frames, index: int, call_id: str, name: str, namespaces: Namespaces) -> None:
        self._frames = frames
        self._id = new_id("fc")
        self._call_id = call_id
        self._name = name
        self._namespaces = namespaces
        self._place = {"item_id": self._id, "output_index": index}
        self._arguments: list[str] = []
        frames.add("response.output_item.added", {"output_index": index, "item": self._item("in_progress", "")})

    def _item(self, status: Status, arguments: str) -> Item:
        return call_item(self._id, status, ToolCall(self._call_id, self._name, arguments), self._namespaces)

    def add(self, text: str) -> None:
        self._arguments.append(text)
        self._frames.add("response.function_call_arguments.delta", {**self._place, "delta": text})

    def end(self, status: Status) -> Item:
        arguments = "".join(self._arguments)
        item = self._item(status, arguments)
        done = {**self._place, "name": item["name"], "arguments": arguments}
        self._frames.add("response.function_call_arguments.done", done)
        return item


class ResponseWriter:
    """``head`` is what all states of the response share; ``keep`` gets the response that has come to its end."""

    __slots__ = ("_as_summary", "_frames", "_head", "_is_begun", "_keep", "_namespaces", "_open", "_output", "_reason")

    def __init__(
        self,
        head: Mapping[str, object],
        keep: Callable[[dict[str, object]], None],
        *,
        as_summary: bool,
        namespaces: Namespaces,
    ) -> None:
        self._head = head
        self._keep = keep
        self._as_summary = as_summary
        self._namespaces = namespaces
        self._frames = Frames()
        self._is_begun = False
        self._open: _OpenItem | None = None
        self._output: list[Item] = []
        self._reason: FinishReason = "stop"

    def write(self, events: Sequence[Event]) -> bytes:
        if not self._is_begun:
            self._begin()
        for event in events:
            match event:
                case TextDelta(text, _, logprobs):
                    self._message().add(text, logprobs)
                case ReasoningDelta(text):
                    self._reasoning().add(text)
                case ToolCallStarted(_, call_id, name):
                    self._end_item("completed")
                    self._open = _OpenCall(self._frames, len(self._output), call_id, name, self._namespaces)
                case ToolCallArguments(_, text):
                    if isinstance(self._open, _OpenCall):  # calls come one after another
                        self._open.add(text)
                case ChoiceFinished(reason):
                    self._reason = reason
                case Started():
                    pass
                case Finished():
                    self._finish(event)
                case Failed(error):
                    self._fail(error)
                case _:
                    assert_never(event)
        return self._frames.take()

    def _begin(self) -> None:
        self._is_begun = True
        response = begun_response(self._head)
        self._frames.add("response.created", {"response": response})
        self._frames.add("response.in_progress", {"response": response})

    def _message(self) -> _OpenMessage:
        if isinstance(self._open, _OpenMessage):
            return self._open
        self._end_item("completed")
        self._open = opened = _OpenMessage(self._frames, len(self._output))
        return opened

    def _reasoning(self) -> _OpenReasoning:
        if isinstance(self._open, _OpenReasoning):
            return self._open
        self._end_item("completed")
        self._open = opened = _OpenReasoning(self._frames, len(self._output), as_summary=self._as_summary)
        return opened

    def _end_item(self, status: Status) -> None:
        if self._open is not None:
            item = self._open.end(status)
            self._frames.add("response.output_item.done", {"output_index": len(self._output), "item": item})
            self._output.append(item)
            self._open = None

    def _finish(self, finished: Finished) -> None:
        status = status_for(self._reason)
        if self._open is None and not self._output:
            self._message()  # an answer has at least an empty text
        self._end_item(status)
        response = finished_response(self._head, status, self._output, finished.usage)
        self._keep(response)
        self._frames.add(f"response.{status}", {"response": response})

    def _fail(self, info: ErrorInfo) -> None:
        """The response's own end, then the event at which OpenAI's clients raise."""
        self._end_item("incomplete")
        self._frames.add("response.failed", {"response": failed_response(self._head, self._output, info)})
        error = {"code": info.code, "message": info.message, "param": info.param}
        self._frames.add("error", {**error, **error_object(info)})
