"""A service that says more than can be shown: the event loop gets its turn all the same.

Measured in processor time of the app's thread, which does not depend on what else the machine does.
"""

import json
import time

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.log_tail import MAX_LINES
from dmr_desktop.desktop.panel.logs import SHOWN_LINES
from dmr_desktop.protocol.notices import PullStatus
from dmr_desktop.protocol.wire import dump
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

MOST_SECONDS = 0.1
NUM_EVENTS = 12_000


class Heart:
    """Beats in the event loop; ``longest`` is the most that the thread worked between two beats."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._worked = time.thread_time()
        self.timer = QTimer()
        self.timer.setInterval(0)
        self.timer.timeout.connect(self._beat)
        self.timer.start()

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._worked)
        self._worked = now


def frames(first: int, count: int) -> bytes:
    statuses = (
        PullStatus("docker.io/ai/x:latest", "running", number, NUM_EVENTS) for number in range(first, first + count)
    )
    return b"".join(b"event: pull\ndata: %b\n\n" % json.dumps(dump(status)).encode() for status in statuses)


def test_a_backlog_of_events_does_not_hold_the_window_up(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("models")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.send(frames(0, 1))
    qtbot.waitUntil(lambda: bool(parts.link.state.pulls))
    qtbot.wait(300)  # the page's own first show and that of a pull's bar are no part of it
    for first in range(0, NUM_EVENTS, 1000):
        service.send(frames(first, 1000))
    time.sleep(0.5)  # something else held the app up; meanwhile the events came
    heart = Heart()
    qtbot.waitUntil(
        lambda: bool(parts.link.state.pulls) and parts.link.state.pulls[0].current_bytes == NUM_EVENTS - 1,
        timeout=30_000,
    )
    assert heart.longest < MOST_SECONDS


def test_a_backlog_of_log_lines_does_not_hold_the_window_up(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    line = "[2026-07-22T10:11:12.345678Z] [ai/alpha] llama_model_loader: - kv %5d: general.name str = some value\n"
    service.answer("GET", "/logs?follow=true", 200, "".join(line % number for number in range(12_000)))
    page = parts.panel.logs
    parts.panel.open_page("logs")
    qtbot.waitUntil(lambda: "kv" in page.text.toPlainText())  # the page's own first show is no part of it
    time.sleep(0.5)
    heart = Heart()
    qtbot.waitUntil(lambda: "kv 11999" in page.text.document().lastBlock().text(), timeout=30_000)
    assert page.text.blockCount() == SHOWN_LINES
    assert len(page._lines) == MAX_LINES
    assert heart.longest < MOST_SECONDS


@pytest.mark.parametrize("count", [1, 3000])
def test_the_last_words_of_a_stream_are_heard(qtbot: QtBot, parts: Parts, service: FakeService, count: int) -> None:
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    heard: list[str] = []
    parts.link._stream.received.connect(lambda name, data: heard.append(name))
    service.send(frames(0, count) + b"event: stopping\ndata: {}\n\n")
    service.end_streams()
    qtbot.waitUntil(lambda: "stopping" in heard, timeout=15_000)
