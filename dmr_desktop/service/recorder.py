"""What requests are being answered, and how many tokens come out. Counts and announces.

Texts are for :mod:`.request_log`, sums for :mod:`.metrics`; both are told here.
"""

import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dmr_desktop.dialects.exchange import Exchange
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    Timings,
    ToolCallArguments,
    Usage,
)
from dmr_desktop.protocol.notices import RequestNotice
from dmr_desktop.protocol.runners import Mode

log = logging.getLogger(__name__)

MAX_RECENT = 100
_NAME_CHARS = 200
"""Of a name that is none of a model here, and so may be anything."""

Outcome: TypeAlias = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Which model a request is for, by the name it is stored under, and what it is to do."""

    model: str
    mode: Mode = Mode.COMPLETION


class Record:
    """One inference request. ``watch`` sees every event on its way out.

    ``asked`` is told what was asked, ``keep``, if set, gets each group of events. ``first_token_ms`` is None until
    there is one.
    """

    __slots__ = (
        "_began",
        "_deltas",
        "_prompt_tokens",
        "_recorder",
        "asked",
        "client",
        "error",
        "first_token_ms",
        "id",
        "keep",
        "model",
        "outcome",
        "path",
        "started_at",
        "subject",
        "timings",
        "usage",
    )

    def __init__(self, recorder: "Recorder", model: str, path: str, subject: Subject) -> None:
        self.id = f"req-{secrets.token_hex(8)}"
        self.model = model
        self.path = path
        self.subject = subject
        self.client = ""
        self.asked: Callable[[Exchange], None] = _ignore
        self.keep: Callable[[Sequence[Event]], None] | None = None
        self.first_token_ms: float | None = None
        self.timings = Timings()
        self.started_at = time.time()
        self.outcome: Outcome = "running"
        self.usage: Usage | None = None
        self.error: ErrorInfo | None = None
        self._began = time.monotonic()
        self._deltas = 0
        self._prompt_tokens = 0
        self._recorder = recorder

    def watch(self, events: Sequence[Event]) -> None:
        new = 0
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta | ToolCallArguments):
                new += event.pieces
            elif isinstance(event, Started):
                self._prompt_tokens = event.prompt_tokens
            elif isinstance(event, Finished):
                self.done(event.usage)
                self.timings = event.timings
                # A piece is nearly always one token; the final count corrects for those that held several.
                new += max(0, event.usage.completion_tokens - self._deltas - new)
            elif isinstance(event, Failed):
                self.fail(event.error)
        if new and self.first_token_ms is None:
            self.first_token_ms = self.duration_ms
        self._deltas += new
        self._recorder.num_tokens += new
        if self.keep is not None:
            self.keep(events)

    def done(self, usage: Usage) -> None:
        self.outcome = "done"
        self.usage = usage

    def fail(self, error: ErrorInfo) -> None:
        self.outcome = "failed"
        self.error = error

    @property
    def duration_ms(self) -> float:
        """Since it began."""
        return round((time.monotonic() - self._began) * 1000, 3)

    def notice(self) -> RequestNotice:
        return RequestNotice(
            id=self.id,
            state=self.outcome,
            model=self.model,
            path=self.path,
            started_at=self.started_at,
            duration_ms=self.duration_ms,
            prompt_tokens=self.usage.prompt_tokens if self.usage else self._prompt_tokens,
            completion_tokens=self.usage.completion_tokens if self.usage else self._deltas,
            error=self.error.message if self.error else "",
            first_token_ms=self.first_token_ms or 0.0,
            client=self.client,
        )


class Recorder:
    """``announce`` is called when a request begins and when it ends, ``ended`` then too. ``num_tokens`` only grows."""

    def __init__(
        self, announce: Callable[[RequestNotice], None], ended: Callable[[Record], None] = lambda record: None
    ) -> None:
        self._announce = announce
        self._ended = ended
        self.num_tokens = 0
        self.num_active = 0
        self._running: dict[str, Record] = {}
        self._ended_notices: deque[RequestNotice] = deque(maxlen=MAX_RECENT)

    @property
    def recent(self) -> tuple[RequestNotice, ...]:
        """The running requests and the last that ended, newest first."""
        running = (record.notice() for record in reversed(self._running.values()))
        notices = (*running, *reversed(self._ended_notices))  # so that what began in the same moment is in order, too
        return tuple(sorted(notices, key=lambda notice: notice.started_at, reverse=True))

    @contextmanager
    def record(
        self, model: str, path: str, subject: Subject | None = None, request_id: str | None = None, client: str = ""
    ) -> Iterator[Record]:
        """For the time of one request; one that neither finished nor failed was cancelled.

        ``request_id`` is what its client was told, if it was told one; ``client`` what that calls itself.
        """
        record = Record(self, model, path, subject or Subject(model))
        record.id = request_id or record.id
        record.client = client
        self.num_active += 1
        self._running[record.id] = record
        self._announce(record.notice())
        try:
            yield record
        finally:
            self.num_active -= 1
            if record.outcome == "running":
                record.outcome = "cancelled"
            del self._running[record.id]
            self._tell_end(record)
            self._ended(record)

    def refuse(self, model: str, path: str, error: ErrorInfo, request_id: str | None = None, client: str = "") -> None:
        """One for a model that is not here: told as failed, counted nowhere, as there is nothing to count it for."""
        record = Record(self, model[:_NAME_CHARS], path, Subject(""))
        record.id = request_id or record.id
        record.client = client
        record.fail(error)
        self._tell_end(record)

    def _tell_end(self, record: Record) -> None:
        notice = record.notice()
        self._ended_notices.append(notice)
        self._announce(notice)
        log.info(
            "%s %s %s: %s, %d prompt and %d completion tokens in %.0f ms%s",
            notice.id,
            notice.path,
            _printable(notice.model),
            notice.state,
            notice.prompt_tokens,
            notice.completion_tokens,
            notice.duration_ms,
            f": {_printable(notice.error)}" if notice.error else "",
        )


def _ignore(_: Exchange) -> None:
    """A record that nobody reads."""


def _printable(text: str) -> str:
    """Without characters that could forge a line of the log."""
    return "".join(character if character.isprintable() else "?" for character in text[:300])
