"""The service's log and the runners' output: two rotating files, and one stream of lines for ``/logs``."""

import asyncio
import heapq
import logging
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from dmr_desktop.backends.base import LogLine
from dmr_desktop.protocol.runners import RunnerKey

SERVICE_LOG = "inference.log"
ENGINE_LOG = "inference-llama.cpp-server.log"
"""Docker Model Runner's file names."""

MAX_BYTES = 4 * 1024 * 1024
NUM_OLD = 2
MAX_SHOWN_BYTES = 1024 * 1024
MAX_WAITING_LINES = 1000
_ENGINE_LOGGER = "dmr_desktop.engine_output"


class _LineFormatter(logging.Formatter):
    """``[2026-07-22T10:11:12.345678Z] text``; a record is one line unless it has a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        text = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in record.getMessage())
        level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
        line = f"[{stamp}] {level}{text}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Feed(logging.Handler):
    """Hands formatted lines to those who follow. Records come from any thread, followers live on ``loop``."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.followers: set[Follower] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if self.loop is not None and self.followers and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._hand_out, self.format(record), record.name == _ENGINE_LOGGER)

    def _hand_out(self, line: str, is_engine: bool) -> None:
        for follower in self.followers:
            if follower.with_engines or not is_engine:
                follower.lines.append(line)
                follower.arrived.set()


class Follower:
    """Lines as they are logged; the oldest are lost to one who does not keep up."""

    def __init__(self, with_engines: bool) -> None:
        self.with_engines = with_engines
        self.lines: deque[str] = deque(maxlen=MAX_WAITING_LINES)
        self.arrived = asyncio.Event()
        self.is_over = False

    def end(self) -> None:
        self.is_over = True
        self.arrived.set()

    async def fetch(self) -> list[str]:
        """At least one line, none at the end."""
        if self.is_over and not self.lines:
            return []
        await self.arrived.wait()
        self.arrived.clear()
        found = list(self.lines)
        self.lines.clear()
        return found


class Logs:
    """``directory`` is made private; both files and their older parts are in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._feed = _Feed()
        self._engine = logging.getLogger(_ENGINE_LOGGER)
        self._handlers: list[tuple[logging.Logger, logging.Handler]] = []

    def open(self, level: str, *, to_stderr: bool) -> None:
        """Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        root = logging.getLogger()
        root.setLevel(level.upper())
        self._engine.setLevel(logging.INFO)
        self._engine.propagate = False
        self._add(root, self._file(SERVICE_LOG))
        self._add(self._engine, self._file(ENGINE_LOG))
        self._add(root, self._feed)
        self._add(self._engine, self._feed)
        if to_stderr:
            self._add(root, logging.StreamHandler(sys.stderr))
        for noisy in ("asyncio", "httpx", "httpcore", "urllib3"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every malformed request

    def _file(self, name: str) -> RotatingFileHandler:
        path = self._directory / name
        path.touch(mode=0o600)
        return RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=NUM_OLD, encoding="utf-8")

    def _add(self, logger: logging.Logger, handler: logging.Handler) -> None:
        handler.setFormatter(_LineFormatter())
        logger.addHandler(handler)
        self._handlers.append((logger, handler))

    def end_following(self) -> None:
        for follower in self._feed.followers:
            follower.end()

    def close(self) -> None:
        for logger, handler in self._handlers:
            logger.removeHandler(handler)
            with suppress(OSError):  # what could not be written on a full disk is lost anyhow
                handler.close()
        self._handlers.clear()

    def for_runner(self, key: RunnerKey, label: str) -> LogLine:
        """Where the loader sends what a runner prints."""
        name = f"{label} ({key.mode.value})" if key.mode.value != "completion" else label
        return lambda line: self._engine.info("[%s] %s", name, line)

    def lines(self, *, with_engines: bool) -> list[str]:
        """The end of what was logged, ordered by time. Blocks; raises FileNotFoundError without a log."""
        found = [_read_end(self._directory / SERVICE_LOG)]
        if with_engines:
            try:
                found.append(_read_end(self._directory / ENGINE_LOG))
            except FileNotFoundError:
                pass
        return [line for _, line in heapq.merge(*found, key=lambda entry: entry[0])]

    @contextmanager
    def follow(self, *, with_engines: bool) -> Iterator[Follower]:
        self._feed.loop = asyncio.get_running_loop()
        follower = Follower(with_engines)
        self._feed.followers.add(follower)
        try:
            yield follower
        finally:
            self._feed.followers.discard(follower)


def _read_end(path: Path) -> list[tuple[str, str]]:
    """``(time stamp, line)``; a line without a stamp belongs to the one before it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MAX_SHOWN_BYTES))
        lines = file.read(MAX_SHOWN_BYTES).decode("utf-8", "replace").splitlines()
    if size > MAX_SHOWN_BYTES:
        del lines[0]  # cut in the middle
    found, stamp = [], ""
    for line in lines:
        if line.startswith("[2"):
            stamp = line[1 : line.find("]")]
        found.append((stamp, line))
    return found
