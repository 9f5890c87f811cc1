"""The last inference requests of each model with their bodies, for ``GET /engines/requests``.

In memory only, bounded, and gone with the model's runner. Costs a streamed token one ``append`` of what the
answer is made of anyway; texts are joined when a request has ended or somebody asks.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from dmr_desktop.dialects.exchange import Exchange
from dmr_desktop.dialects.openai_chat_answer import chat_collector
from dmr_desktop.dialects.openai_errors import error_body
from dmr_desktop.dialects.openai_usage import Head
from dmr_desktop.protocol.errors import DMRError, ErrorInfo
from dmr_desktop.protocol.generation import Event, TextDelta
from dmr_desktop.protocol.joined import joined
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.notices import RequestNotice
from dmr_desktop.service.answers import HTTPProblem
from dmr_desktop.service.bus import Subscription, event_frame
from dmr_desktop.service.dialect_paths import error_writer
from dmr_desktop.service.recorder import Record
from dmr_desktop.service.redaction import MAX_BODY_BYTES, bounded, kept_body, shown_body

log = logging.getLogger(__name__)

MAX_PER_MODEL = 10
MAX_MODELS = 16
MAX_EVENTS = 16 * 1024
"""Of one streamed answer; what comes later is not in its record."""

_MAX_AGENT_CHARS = 300
_NO_STATUS_STATUS = 408
_ORIGINS = (("/anthropic/", "anthropic/messages"), ("/messages", "anthropic/messages"), ("/api/", "ollama/completion"))


class LoggedRequest:
    """One request as the client sent it, and what it was answered. Texts are kept only if ``keeps_bodies``."""

    def __init__(self, record: Record, model_id: str, scope: Scope, kept: bytes, *, keeps_bodies: bool) -> None:
        self.record = record
        self.model_id = model_id
        self.status = 0
        self._notice: RequestNotice | None = None
        self._id = f"{model_id}_{time.time_ns()}"
        self._method, self._path = scope["method"], scope["path"]
        self._agent = Headers(scope=scope).get("user-agent", "")[:_MAX_AGENT_CHARS]
        self._keeps_bodies = keeps_bodies
        self._request = kept
        self._response: list[bytes] = []
        self._response_bytes = 0
        self._events: list[Sequence[Event]] = []
        self._events_left = MAX_EVENTS
        self._num_choices = 0

    # ---- while it is answered ---------------------------------------------------------------

    def asked(self, exchange: Exchange) -> None:
        """How to gather the answer, if it is a stream."""
        if exchange.stream and self._keeps_bodies:
            self._num_choices = sum(request.num_choices for request in exchange.requests)
            has_logprobs = any(request.top_logprobs is not None for request in exchange.requests)
            self.record.keep = self._keep_without_logprobs if has_logprobs else self._keep

    def _keep(self, events: Sequence[Event]) -> None:
        self._events_left -= len(events)
        if self._events_left >= 0:
            self._events.append(events)

    def _keep_without_logprobs(self, events: Sequence[Event]) -> None:
        """They are many times larger than the text."""
        self._keep([replace(event, logprobs=()) if isinstance(event, TextDelta) else event for event in events])

    def watching(self, send: Send) -> Send:
        """``send``, its status and the body of an unstreamed answer noted."""

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif not self._num_choices and self._keeps_bodies and self._response_bytes <= MAX_BODY_BYTES:
                body = message.get("body", b"")
                self._response.append(body)
                self._response_bytes += len(body)
            await send(message)

        return watched_send

    def end(self, error: BaseException | None) -> None:
        if self.status == 0 and error is not None:
            self.status = _status_of(error)
        self.status = self.status or _NO_STATUS_STATUS
        self._response = [bounded(b"".join(self._response))]
        self._events = [list(joined(chain.from_iterable(self._events)))]
        self.record.keep = None
        self._notice = self.record.notice()

    @property
    def has_ended(self) -> bool:
        return self._notice is not None

    def _answer(self) -> bytes:
        if not self._num_choices:
            return b"".join(self._response)
        return gathered_answer(self._id, self.record, self._num_choices, self._events)

    # ---- as it is shown ---------------------------------------------------------------------

    def shown(self) -> dict[str, JSON]:
        """Docker Model Runner's record, and ours: what became of it, how long it took, what it cost."""
        notice = self._notice or self.record.notice()
        line: dict[str, JSON] = {
            "id": self._id,
            "model": self.record.model,
            "method": self._method,
            "url": self._path,
            "request": shown_body(self._request),
            "timestamp": int(self.record.started_at),
            "status_code": self.status,
        }
        if self.status < 400 and (answer := bounded(self._answer())):
            line["response"] = shown_body(answer)
        if self.record.error is not None:
            line["error"] = _error_text(self._path, self.record.error)
        elif self.status >= 400:
            line["error"] = _error_text(self._path, ErrorInfo("cancelled", "the client left before it was answered"))
        if self._agent:
            line["user_agent"] = self._agent
        if origin := origin_of(self._path):
            line["origin"] = origin
        return line | {
            "request_id": self.record.id,
            "state": notice.state,
            "duration_ms": notice.duration_ms,
            "first_token_ms": self.record.first_token_ms,
            "prompt_tokens": notice.prompt_tokens,
            "completion_tokens": notice.completion_tokens,
        }


class RequestLog:
    """Owned by the event loop. ``config_of`` tells what was configured for a model, as it was written."""

    def __init__(
        self,
        *,
        keeps_bodies: bool = True,
        config_of: Callable[[str], Mapping[str, JSON]] = lambda model_id: {},
    ) -> None:
        self._keeps_bodies = keeps_bodies
        self._config_of = config_of
        self._models: dict[str, deque[LoggedRequest]] = {}
        self._followers: dict[Subscription, str | None] = {}
        self._loaded: Set[str] = frozenset()
        self._leaving: set[str] = set()
        """Models whose last runner has gone while requests of theirs had yet to end."""

    def kept(self, body: bytes) -> bytes:
        """What is kept of a request's body. Pure: a large one may be cut down in a thread."""
        return kept_body(body) if self._keeps_bodies else b""

    @contextmanager
    def log(self, record: Record, model_id: str, scope: Scope, kept: bytes, send: Send) -> Iterator[Send]:
        """For the time of one request, of whose body there is what was ``kept``; the ``send`` to answer it with."""
        entry = LoggedRequest(record, model_id, scope, kept, keeps_bodies=self._keeps_bodies)
        record.asked = entry.asked
        self._add(entry)
        try:
            yield entry.watching(send)
        except BaseException as error:
            self._end(entry, error)
            raise
        self._end(entry, None)

    def _add(self, entry: LoggedRequest) -> None:
        entries = self._models.pop(entry.model_id, None) or deque(maxlen=MAX_PER_MODEL)
        entries.append(entry)
        self._models[entry.model_id] = entries  # the last used model comes last
        if len(self._models) > MAX_MODELS:
            del self._models[next(iter(self._models))]

    def _end(self, entry: LoggedRequest, error: BaseException | None) -> None:
        if entry.record.outcome == "running":
            entry.record.outcome = "cancelled"
        entry.end(error)
        wanted = [
            follower for follower, model_id in self._followers.items() if model_id is None or model_id == entry.model_id
        ]
        if wanted:
            frame = event_frame("new_request", [self._group(entry.model_id, [entry])])
            for follower in wanted:
                follower.put(str(id(entry)), frame)
        self._drop_left()

    def keep_loaded(self, model_ids: Set[str]) -> None:
        """With a model's last runner, and its last request, goes what was said to it."""
        self._leaving = (self._leaving | self._loaded) - model_ids
        self._loaded = model_ids
        self._drop_left()

    def _drop_left(self) -> None:
        for model_id in list(self._leaving):
            if all(entry.has_ended for entry in self._models.get(model_id, ())):
                self._models.pop(model_id, None)
                self._leaving.discard(model_id)

    def groups(self, model_id: str | None = None) -> list[dict[str, JSON]]:
        """One group a model (or that model's only), its requests in the order they came."""
        return [
            self._group(found, entries)
            for found, entries in self._models.items()
            if model_id is None or found == model_id
        ]

    def _group(self, model_id: str, entries: Collection[LoggedRequest]) -> dict[str, JSON]:
        records = [entry.shown() for entry in entries]
        return {
            "count": len(records),
            "model": model_id,
            "config": dict(self._config_of(model_id)),
            "records": records,
        }

    @contextmanager
    def follow(self, model_id: str | None, *, existing: bool) -> Iterator[Subscription]:
        """Frames of an event stream: those that are there if ``existing``, then each request as it ends."""
        subscription = Subscription()
        if existing:
            entries = [
                (found, entry)
                for found, entries in self._models.items()
                if model_id is None or found == model_id
                for entry in entries
            ]
            for number, (found, entry) in enumerate(entries):
                subscription.put(f"existing {number}", event_frame("existing_request", [self._group(found, [entry])]))
        subscription.put("connected", b'event: connected\ndata: {"status": "connected"}\n\n')
        self._followers[subscription] = model_id
        try:
            yield subscription
        finally:
            del self._followers[subscription]

    def end_following(self) -> None:
        for follower in self._followers:
            follower.end()


def gathered_answer(answer_id: str, record: Record, num_choices: int, events: Sequence[Sequence[Event]]) -> bytes:
    """One ``chat.completion`` of what was streamed, whatever the dialect, as Docker Model Runner records it."""
    if not events:
        return b""
    collector = chat_collector(Head(answer_id, int(record.started_at), record.model), num_choices, has_logprobs=False)
    try:
        for group in events:
            collector.add(group)
        return collector.result()
    except Exception:
        # The request itself goes its way: whoever answers it reports what is wrong with these events.
        log.exception("the answer of %s cannot be put together for the log of requests", record.id)
        return b""


def origin_of(path: str) -> str:
    return next((origin for part, origin in _ORIGINS if part in f"{path}/"), "")


def _status_of(error: BaseException) -> int:
    if isinstance(error, DMRError | HTTPProblem):
        return error.status
    return 500 if isinstance(error, Exception) else _NO_STATUS_STATUS


def _error_text(path: str, info: ErrorInfo) -> str:
    """The JSON object that the client got, or would have."""
    return (error_writer(path) or error_body)(info).decode()
