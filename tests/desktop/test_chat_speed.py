"""The first word of an answer is on the screen at once, and a long answer costs a fraction of a core.

Measured in processor time of the app's thread, which does not depend on what else the machine does.
"""

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.overrides import qt_override
from tests.desktop.test_chat_page import COMPLETIONS, MODELS, delta, frames
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

FIRST_PAINT_SECONDS = 0.1
FRAMES_PER_SECOND = 80
"""As often as the service sends, at most."""
MOST_SHARE = 0.3
LONG = "A line of **prose** with `code`, of which a model writes many before it is through.\n"


class Paints(QObject):
    """Counts what a widget draws while it has text."""

    def __init__(self) -> None:
        super().__init__()
        self.num = 0

    @qt_override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.num += event.type() is QEvent.Type.Paint
        return False


@pytest.fixture
def held(qtbot: QtBot, parts: Parts, service: FakeService) -> Iterator[Parts]:
    """A question is asked and the answer has not begun."""
    go_on = threading.Event()

    def answer(_: object) -> tuple[int, bytes]:
        go_on.wait(30)
        return 200, frames(delta(content="!")) + b"data: [DONE]\n\n"

    service.on("POST", COMPLETIONS, answer)
    parts.panel.open_page("chat")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": MODELS})
    page = parts.panel.chat
    qtbot.waitUntil(page.models.isEnabled)
    page.draft.setPlainText("hi")
    page.send_button.click()
    qtbot.waitUntil(lambda: len(page._views) == 2)
    qtbot.wait(200)  # the bubbles' own first show is no part of it
    yield parts
    go_on.set()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)


def test_the_first_word_is_painted_at_once(qtbot: QtBot, held: Parts) -> None:
    paints, view = Paints(), held.panel.chat._views[-1]
    view.text.viewport().installEventFilter(paints)
    began = time.thread_time()
    held.sources.chat._take(delta(content="Hello"))
    qtbot.waitUntil(lambda: paints.num > 0)
    assert view.text.toPlainText() == "Hello"
    assert time.thread_time() - began < FIRST_PAINT_SECONDS


@pytest.mark.timeout(60)
def test_an_answer_of_32_kilobytes_leaves_the_core_alone(held: Parts) -> None:
    text = LONG * (32 * 1024 // len(LONG))
    pieces = [text[at : at + 32] for at in range(0, len(text), 32)]
    began, longest = time.thread_time(), 0.0
    for piece in pieces:
        before = time.thread_time()
        held.sources.chat._take(delta(content=piece))
        QApplication.processEvents()
        longest = max(longest, time.thread_time() - before)
    share = (time.thread_time() - began) * FRAMES_PER_SECOND / len(pieces)
    print(f"{100 * share:.1f} % of a core at {FRAMES_PER_SECOND} frames/s, longest {1000 * longest:.1f} ms")
    assert share < MOST_SHARE
    assert longest < FIRST_PAINT_SECONDS
