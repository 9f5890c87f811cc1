"""What requests are being answered, and how many tokens come out. Counts and announces; keeps no text."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import Event, Failed, Finished, ReasoningDelta, TextDelta, ToolCallArguments, Usage
from dmr_desktop.protocol.notices import RequestNotice

log = logging.getLogger(__name__)

Outcome: TypeAlias = Literal["running", "done", "failed", "cancelled"]


class Record:
    """One inference request. ``watch`` sees every event on its way out."""

    __slots__ = ("_began", "_deltas", "_recorder", "error", "id", "model", "outcome", "path", "started_at", "usage")

    def __init__(self, recorder: "Recorder", model: str, path: str) -> None:
        self.id = f"req-{secrets.token_hex(8)}"
        self.model = model
        self.path = path
        self.started_at = time.time()
        self.outcome: Outcome = "running"
        self.usage: Usage | None = None
        self.error: ErrorInfo | None = None
        self._began = time.monotonic()
        self._deltas = 0
        self._recorder = recorder

    def watch(self, events: Sequence[Event]) -> None:
        new = 0
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta | ToolCallArguments):
                new += 1
            elif isinstance(event, Finished):
                self.done(event.usage)
                # A delta is nearly always one token; the final count corrects for those that held several.
                new += max(0, event.usage.completion_tokens - self._deltas - new)
            elif isinstance(event, Failed):
                self.fail(event.error)
        self._deltas += new
        self._recorder.num_tokens += new

    def done(self, usage: Usage) -> None:
        self.outcome = "done"
        self.usage = usage

    def fail(self, error: ErrorInfo) -> None:
        self.outcome = "failed"
        self.error = error

    def notice(self) -> RequestNotice:
        return RequestNotice(
            id=self.id,
            state=self.outcome,
            model=self.model,
            path=self.path,
            started_at=self.started_at,
            duration_ms=round((time.monotonic() - self._began) * 1000, 3),
            prompt_tokens=self.usage.prompt_tokens if self.usage else 0,
            completion_tokens=self.usage.completion_tokens if self.usage else self._deltas,
            error=self.error.message if self.error else "",
        )


class Recorder:
    """``announce`` is called when a request begins and when it ends. ``num_tokens`` only grows."""

    def __init__(self, announce: Callable[[RequestNotice], None]) -> None:
        self._announce = announce
        self.num_tokens = 0
        self.num_active = 0

    @contextmanager
    def record(self, model: str, path: str) -> Iterator[Record]:
        """For the time of one request; one that neither finished nor failed was cancelled."""
        record = Record(self, model, path)
        self.num_active += 1
        self._announce(record.notice())
        try:
            yield record
        finally:
            self.num_active -= 1
            if record.outcome == "running":
                record.outcome = "cancelled"
            notice = record.notice()
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


def _printable(text: str) -> str:
    """Without characters that could forge a line of the log."""
    return "".join(character if character.isprintable() else "?" for character in text[:300])
