"""The service's end of a runner's channel: frames out, frames in, and who is waiting for which.

It knows the channel's words, not processes. Whatever the peer sends is checked: it runs foreign model code.
"""

import asyncio
import base64
import binascii
import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

from dmr_desktop.protocol.embedding import EmbeddingResult
from dmr_desktop.protocol.errors import DMRError, ErrorInfo, PayloadTooLarge, error_from_info
from dmr_desktop.protocol.frames import FrameError, FrameSplitter, frame
from dmr_desktop.protocol.generation import Event, Failed, Finished, ReasoningDelta, TextDelta, ToolCallArguments
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.rerank import RerankResult
from dmr_desktop.protocol.runners import RunnerFacts
from dmr_desktop.protocol.wire import WireError, load, load_event

MAX_UNREAD_BYTES: Final = 1024 * 1024
_EVENT_BYTES = 64  # what an event, or the probability of one token, weighs besides its text
_CANCELLABLE = ("embed", "rerank")
_MAX_TOKENS = 16 * 1024 * 1024
_MAX_NUMBERS = 64 * 1024 * 1024


class EventStream:
    """Events of one request, from the channel to the one reader who asked."""

    def __init__(self) -> None:
        self._groups: deque[tuple[Event, ...]] = deque()
        self._unread_bytes = 0
        self._wakeup: asyncio.Future[None] | None = None
        self.is_over = False

    def put(self, group: tuple[Event, ...]) -> bool:
        """Add what arrived; False if the reader is so far behind that the request is better given up."""
        if self.is_over:
            return True
        has_read_all = not self._groups
        self.is_over = isinstance(group[-1], Finished | Failed)
        self._unread_bytes += sum(map(_weight, group))
        self._groups.append(group)
        self._wake()
        return self.is_over or has_read_all or self._unread_bytes <= MAX_UNREAD_BYTES

    def fail(self, error: ErrorInfo) -> None:
        """End the stream, after what has already arrived."""
        self.put((Failed(error),))

    async def next(self) -> tuple[Event, ...]:
        """The next group; several that wait are joined."""
        while not self._groups:
            self._wakeup = asyncio.get_running_loop().create_future()
            await self._wakeup
        self._unread_bytes = 0
        if len(self._groups) == 1:
            return self._groups.popleft()
        joined = tuple(event for group in self._groups for event in group)
        self._groups.clear()
        return joined

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


def _weight(event: Event) -> int:
    if isinstance(event, TextDelta):
        num_logprobs = sum(1 + len(token.top) for token in event.logprobs)
        return _EVENT_BYTES * (1 + num_logprobs) + len(event.text)
    if isinstance(event, ReasoningDelta | ToolCallArguments):
        return _EVENT_BYTES + len(event.text)
    return _EVENT_BYTES


class RunnerChannel(asyncio.Protocol):
    """Demultiplexes the answers of one runner by request id.

    ``ready`` resolves with the runner's facts or the error that it could not start with; ``closed`` when the other
    end is gone, or ``on_garbage`` was called because it cannot be trusted any more.
    """

    def __init__(self, on_garbage: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[RunnerFacts] = loop.create_future()
        self.ready.add_done_callback(_retrieve)
        self.closed: asyncio.Future[None] = loop.create_future()
        self.heard_at = time.monotonic()
        self._on_garbage = on_garbage
        self._splitter = FrameSplitter()
        self._transport: asyncio.WriteTransport | None = None
        self._streams: dict[int, EventStream] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._parts: dict[int, list[int]] = {}
        """Tokens that have come of an answer that is not complete."""
        self._vectors: dict[int, list[tuple[float, ...]]] = {}
        """Vectors likewise."""
        self._last_id = 0
        self._end: ErrorInfo | None = None

    @property
    def num_open(self) -> int:
        """Requests whose answer is not complete."""
        return len(self._streams) + len(self._answers)

    def send(self, message: Mapping[str, object]) -> None:
        """Raises :class:`PayloadTooLarge`; silently nothing once the channel is closed."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.write(frame(orjson.dumps(message)))
        except FrameError as error:
            raise PayloadTooLarge(f"the request is too large for the model's process: {error}") from None
        except TypeError as error:
            raise DMRError(f"the request cannot be sent to the model's process: {error}") from None

    def open_stream(self, request: JSON) -> tuple[int, EventStream]:
        """Ask for a generation, by a dumped request. The stream is failed at once if the channel is at its end."""
        stream = EventStream()
        number = self._next_id()
        if self._end is not None:
            stream.fail(self._end)
            return number, stream
        try:
            self.send({"op": "generate", "id": number, "request": request})
        except DMRError as error:
            stream.fail(error.info)
        else:
            self._streams[number] = stream
        return number, stream

    def close_stream(self, number: int) -> None:
        """The reader is done; what is still to come is cancelled."""
        if self._streams.pop(number, None) is not None:
            self.send({"op": "cancel", "id": number})

    async def ask(self, op: str, **fields: JSON) -> Any:
        """One question, one answer. Raises the answer's error, or why the channel ended."""
        if self._end is not None:
            raise error_from_info(self._end)
        number = self._next_id()
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self.send({"op": op, "id": number, **fields})
            return await answer
        finally:
            self._parts.pop(number, None)
            self._vectors.pop(number, None)
            if self._answers.pop(number, None) is not None and op in _CANCELLABLE:
                self.send({"op": "cancel", "id": number})

    def end(self, error: ErrorInfo) -> None:
        """Fail everything open, and everything that comes, with ``error``."""
        if self._end is None:
            self._end = error
        for stream in self._streams.values():
            stream.fail(self._end)
        self._streams.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error_from_info(self._end))
        self._answers.clear()
        if not self.ready.done():
            self.ready.set_exception(error_from_info(self._end))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods without the base class.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        try:
            for payload in self._splitter.feed(data):
                self._receive(orjson.loads(payload))
        except (FrameError, WireError, orjson.JSONDecodeError, _Nonsense) as error:
            self._on_garbage(f"it sent what is not a valid answer: {error!s:.200}")
            self.close()

    # ---- what the runner says ----

    def _receive(self, message: Any) -> None:
        if isinstance(message, list):
            self._receive_events(message)
            return
        match message:
            case {"op": "ready", "facts": facts}:
                if not self.ready.done():
                    self.ready.set_result(load(RunnerFacts, facts))
            case {"op": "failed", "error": error}:
                self.end(load(ErrorInfo, error))
            case {"op": "error", "id": int(number), "error": error}:
                self._answer(number, error_from_info(load(ErrorInfo, error)))
            case {"op": "embedded", "id": int(number)}:
                self._receive_vectors(number, _load_vectors(message), has_more=message.get("more") is True)
            case {"op": "ranked", "id": int(number)}:
                self._answer(number, _load_scores(message))
            case {"op": "tokens", "id": int(number), "tokens": list(tokens), **rest}:
                self._receive_tokens(number, load(tuple[int, ...], tokens), has_more=rest.get("more") is True)
            case {"op": "stats", "id": int(number), "stats": dict(stats)}:
                self._answer(number, stats)
            case _:
                raise _Nonsense(f"unknown message {message!r:.80}")

    def _receive_events(self, rows: list[Any]) -> None:
        """One frame is one step of the engine: the events of each request in it form one group."""
        groups: dict[int, list[Event]] = {}
        for row in rows:
            if not isinstance(row, list) or not row or not isinstance(row[0], int):
                raise _Nonsense(f"not an event row: {row!r:.80}")
            groups.setdefault(row[0], []).append(load_event(row[1:]))
        for number, events in groups.items():
            # An id that is not open was cancelled while these were on their way.
            stream = self._streams.get(number)
            if stream is None:
                continue
            keeps_up = stream.put(tuple(events))
            if stream.is_over:
                del self._streams[number]
            elif not keeps_up:
                stream.fail(ErrorInfo("slow_reader", "the answer was not read for too long, so it was given up"))
                self.close_stream(number)

    def _receive_tokens(self, number: int, tokens: tuple[int, ...], *, has_more: bool) -> None:
        """Many tokens come in pieces: reading millions at once would hold up everybody."""
        if number not in self._answers:
            return
        parts = self._parts.setdefault(number, [])
        if len(parts) > _MAX_TOKENS:
            raise _Nonsense("more tokens than any text has")
        parts += tokens
        if not has_more:
            self._answer(number, self._parts.pop(number))

    def _receive_vectors(self, number: int, part: EmbeddingResult, *, has_more: bool) -> None:
        """Many of them would be too long for one frame."""
        if number not in self._answers:
            return
        vectors = self._vectors.setdefault(number, [])
        if len(vectors) * len(part.vectors[0]) > _MAX_NUMBERS:
            raise _Nonsense("more numbers than any texts have")
        vectors += part.vectors
        if not has_more:
            self._answer(number, EmbeddingResult(tuple(self._vectors.pop(number)), part.prompt_tokens))

    def _answer(self, number: int, value: object) -> None:
        answer = self._answers.pop(number, None)
        if answer is None or answer.done():
            return
        if isinstance(value, DMRError):
            answer.set_exception(value)
        else:
            answer.set_result(value)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Nobody may be waiting any more: then the error is no news."""
    if not future.cancelled():
        future.exception()


class _Nonsense(ValueError):
    """A message that no runner of ours sends."""


def _load_vectors(message: dict[str, Any]) -> EmbeddingResult:
    """``count`` × ``dim`` float32 little-endian, base64."""
    match message:
        case {"vectors": str(text), "dim": int(dim), "count": int(count), "prompt_tokens": int(prompt_tokens)}:
            try:
                raw = base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise _Nonsense(f"vectors: {error}") from None
            if dim < 1 or count < 1 or len(raw) != 4 * dim * count:
                raise _Nonsense(f"vectors: {len(raw)} bytes are not {count} x {dim} numbers")
            numbers = array("f", raw)
            return EmbeddingResult(
                tuple(tuple(numbers[start : start + dim]) for start in range(0, dim * count, dim)), prompt_tokens
            )
    raise _Nonsense("vectors: fields are missing")


def _load_scores(message: dict[str, Any]) -> RerankResult:
    match message:
        case {"scores": list(scores), "are_probabilities": bool(kind), "prompt_tokens": int(prompt_tokens)}:
            return RerankResult(load(tuple[float, ...], scores), kind, prompt_tokens)
    raise _Nonsense("scores: fields are missing")
