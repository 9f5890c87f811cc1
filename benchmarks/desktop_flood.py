"""A service that never stops talking: does the panel still answer within a tenth of a second?

A stand-in sends 10,000 events of progress a second and 5,000 lines of log, uncombined: worse than the real service,
which gives a slow listener only the newest of each. The real app runs with a heartbeat in its event loop; what is
told is how late the heart beat, and how much of that was the app's own work: the rest is that of other programs.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cost import TICKS, read_ticks
from desktop_stage import Stage, display, ended

from dmr_desktop.protocol.notices import PullStatus, Snapshot, TcpStatus
from dmr_desktop.protocol.wire import dump

EVENTS_PER_SECOND = 10_000
LINES_PER_SECOND = 5_000
BUDGET_MS = 100.0
SLICE_SECONDS = 0.01
NUM_PULLS = 4
TOTAL = 8 * 1024**3
BEAT_MS = 5

Writer = asyncio.StreamWriter


class TalkativeService:
    """Serves ``/events`` and ``/logs`` to one app; anything else is an empty object. Counts what it sent."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self.num_events = self.num_lines = 0

    async def start(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, str(self._path))

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                target = head.split(b" ", 2)[1].decode()
                if target.startswith("/events"):
                    await self._stream(writer, "text/event-stream", EVENTS_PER_SECOND, self._events)
                elif target.startswith("/logs"):
                    await self._stream(writer, "text/plain", LINES_PER_SECOND, self._lines)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _stream(self, writer: Writer, kind: str, rate: int, make: Callable[[int], bytes]) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        if kind == "text/event-stream":
            tcp = TcpStatus(enabled=False, listening=False, port=12434)
            snapshot = Snapshot("0.1.0", str(self._path), "/models", 0.0, tcp)
            writer.write(_chunk(b"event: snapshot\ndata: %b\n\n" % json.dumps(dump(snapshot)).encode()))
        began, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * rate) - sent
            if due > 0:
                writer.write(_chunk(make(due)))
                sent += due
                await writer.drain()
            await asyncio.sleep(SLICE_SECONDS)

    def _events(self, count: int) -> bytes:
        frames = []
        for number in range(self.num_events, self.num_events + count):
            pull = PullStatus(f"docker.io/ai/model{number % NUM_PULLS}:latest", "running", number * 1000, TOTAL, 5e7)
            frames.append(b"event: pull\ndata: %b\n\n" % json.dumps(dump(pull)).encode())
        self.num_events += count
        return b"".join(frames)

    def _lines(self, count: int) -> bytes:
        first, self.num_lines = self.num_lines, self.num_lines + count
        text = "[2026-11-30T09:12:09.951000000Z] [inference.model.ai/qwen3] llama_model_loader: - kv %7d: some value\n"
        return "".join(text % number for number in range(first, self.num_lines)).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def flood(seconds: float) -> bool:
    """Whether no page was ever late by the budget."""
    return asyncio.run(_flood(seconds))


async def _flood(seconds: float) -> bool:
    kept = True
    with tempfile.TemporaryDirectory(prefix="dmr-bench-") as folder, display() as screen:
        stage = Stage.at(Path(folder), screen)
        service = TalkativeService(stage.socket_path)
        async with await service.start():
            for page in ("overview", "models", "logs"):
                kept &= await _watch(stage, service, page, seconds)
    return kept


async def _watch(stage: Stage, service: TalkativeService, page: str, seconds: float) -> bool:
    beats = stage.folder / f"beats-{page}"
    command = [sys.executable, __file__, page, str(beats)]
    with ended(subprocess.Popen(command, env=stage.environ)) as app:  # noqa: ASYNC220  # a moment, once
        async with asyncio.timeout(60):
            while not beats.exists():  # noqa: ASYNC110  # another process makes it
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)
        ticks, events, lines = read_ticks(app.pid), service.num_events, service.num_lines
        before = len(beats.read_text().splitlines())
        await asyncio.sleep(seconds)
        beaten = [line.split() for line in beats.read_text().splitlines()[before:-1]]
        late, own = (sorted(float(pair[index]) for pair in beaten) or [float("inf")] for index in (0, 1))
        percent = 100 * (read_ticks(app.pid) - ticks) / TICKS / seconds
    rates = (service.num_events - events) / seconds, (service.num_lines - lines) / seconds
    print(
        f"{page:9} {rates[0]:6.0f} events/s {rates[1]:5.0f} lines/s  CPU {percent:4.0f} %  "
        f"late at most {late[-1]:6.1f} ms (budget {BUDGET_MS:.0f}), 99 % {late[int(len(late) * 0.99)]:5.1f} ms; "
        f"own work at most {own[-1]:5.1f} ms",
        flush=True,
    )
    return late[-1] < BUDGET_MS


def beat(page: str, path: Path) -> int:
    """The app in this process, with a heart: a line of ``path`` says how late each beat was and how long the app's
    thread worked since the last, in ms."""
    from PySide6.QtCore import QElapsedTimer, Qt, QTimer

    from dmr_desktop.desktop import main as desktop_main
    from dmr_desktop.desktop.app import Desktop

    start = Desktop.start

    def start_with_heart(desktop: Desktop, *, is_hidden: bool) -> None:
        start(desktop, is_hidden=is_hidden)
        desktop.open_panel(page)
        clock, timer = QElapsedTimer(), QTimer(desktop)
        out = path.open("w", buffering=1)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(BEAT_MS)

        worked = time.thread_time()

        def tick() -> None:
            nonlocal worked
            now = time.thread_time()
            out.write(f"{max(0.0, clock.nsecsElapsed() / 1e6 - BEAT_MS):.1f} {1000 * (now - worked):.1f}\n")
            worked = now
            clock.restart()

        timer.timeout.connect(tick)
        clock.start()
        timer.start()

    Desktop.start = start_with_heart  # type: ignore[method-assign,assignment]
    return desktop_main.main([])


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
    sys.exit(beat(sys.argv[1], Path(sys.argv[2])))
