"""``bench``: what a model generates a second, at several numbers of requests at once, seen from a client."""

import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.quantities import go_duration
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.table import table
from dmr_desktop.client.client import Client
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.json_types import JSON

PROMPT = "Write a long story about a lighthouse keeper who learns to speak with the sea."
_MAX_WORKERS = 256


@dataclass(frozen=True, slots=True)
class Level:
    """One measurement: so many requests at once, over so many seconds."""

    concurrency: int
    seconds: float
    num_tokens: int
    num_requests: int
    num_failed: int = 0

    @property
    def tokens_per_second(self) -> float:
        return self.num_tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def requests_per_second(self) -> float:
        return self.num_requests / self.seconds if self.seconds > 0 else 0.0

    def to_json(self) -> JSON:
        return {
            "concurrency": self.concurrency,
            "tps": self.tokens_per_second,
            "rps": self.requests_per_second,
            "total_tokens": self.num_tokens,
            "requests": self.num_requests,
            "failed": self.num_failed,
            "total_time_seconds": self.seconds,
        }


def bench(session: Session, options: Namespace) -> int:
    """Exit code 1 if every request failed."""
    levels = levels_of(options.concurrency)
    seconds = _seconds(options.duration, "--duration")
    timeout = _seconds(options.timeout, "--timeout")
    model = stored_name(session, options.model)
    session.client.preload(model)
    prompt = options.prompt or PROMPT
    results = []
    if not options.json:
        session.terminal.line(f"Model: {safe_line(model)}   Duration: {options.duration} per level\n")
    for count in levels:
        if not options.json:
            session.terminal.note(session.terminal.dim(f"{count} at once …"))
        results.append(_measure(session, model, prompt, count, seconds, timeout))
    if options.json:
        session.terminal.json([level.to_json() for level in results])
    else:
        session.terminal.table(bench_table(results))
    return 0 if any(level.num_requests for level in results) else 1


def bench_table(results: Sequence[Level]) -> str:
    headers = ("CONCURRENCY", "TOKENS/S", "RELATIVE", "REQUESTS/S", "TOKENS", "REQUESTS", "FAILED", "TIME")
    base = results[0].tokens_per_second if results else 0.0
    rows = [
        (
            str(level.concurrency),
            f"{level.tokens_per_second:.2f}",
            f"{level.tokens_per_second / base:.2f}x" if base else "",
            f"{level.requests_per_second:.2f}",
            str(level.num_tokens),
            str(level.num_requests),
            str(level.num_failed),
            f"{level.seconds:.1f}s",
        )
        for level in results
    ]
    return table(headers, rows)


def levels_of(text: str) -> list[int]:
    """``1,2,4``. Raises InvalidRequest."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 1 <= int(word) <= _MAX_WORKERS for word in words):
        raise InvalidRequest(f"--concurrency {text!r}: use whole numbers from 1 to {_MAX_WORKERS}, with commas")
    return [int(word) for word in words]


def _seconds(text: str, option: str) -> float:
    seconds = go_duration(text)
    if seconds is None or seconds <= 0:
        raise InvalidRequest(f"{option} {text!r} is not a time", hint="e.g. 30s, 2m, 1m30s")
    return seconds


class _Worker(threading.Thread):
    """Asks again and again until ``deadline``; each has a connection of its own."""

    def __init__(self, session: Session, model: str, prompt: str, deadline: float, timeout: float) -> None:
        super().__init__(daemon=True)
        self.num_tokens = self.num_requests = self.num_failed = 0
        self.ended_at = 0.0
        self._client = Client(session.endpoint)
        self._model, self._prompt, self._deadline, self._timeout = model, prompt, deadline, timeout

    def run(self) -> None:
        with self._client as client:
            while time.monotonic() < self._deadline:
                try:
                    self._ask(client)
                except DMRError:
                    self.num_failed += 1
                    time.sleep(0.1)
        self.ended_at = time.monotonic()

    def _ask(self, client: Client) -> None:
        until = time.monotonic() + self._timeout
        usage = None
        for chunk in client.chat(self._model, [{"role": "user", "content": self._prompt}], max_tokens=256):
            usage = chunk.usage or usage
            if time.monotonic() > until:
                raise DMRError("the request took too long")
        self.num_tokens += usage.completion_tokens if usage else 0
        self.num_requests += 1


def _measure(session: Session, model: str, prompt: str, count: int, seconds: float, timeout: float) -> Level:
    """Requests under way at the end are waited for, and their time counts."""
    start = time.monotonic()
    workers = [_Worker(session, model, prompt, start + seconds, timeout) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Level(
        count,
        max(worker.ended_at for worker in workers) - start,
        sum(worker.num_tokens for worker in workers),
        sum(worker.num_requests for worker in workers),
        sum(worker.num_failed for worker in workers),
    )
