"""How wide the terminal is, and that nothing which is drawn over is wider."""

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import pytest

from dmr_desktop.cli.answer import print_answer
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.client.answers import ChatChunk

COLUMNS = 44


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with open(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


def test_standard_output_may_be_a_pipe(narrow: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(io.StringIO(), narrow, color=False, live=True, interactive=False)
    assert terminal.columns == COLUMNS
    assert Terminal(narrow, io.StringIO(), color=False, live=False, interactive=False).columns == COLUMNS
    assert Terminal(io.StringIO(), io.StringIO(), color=False, live=False, interactive=False).columns == 80
    monkeypatch.setenv("COLUMNS", "33")
    assert terminal.columns == 33


def test_the_line_that_waits_for_an_answer_fits(
    screen_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    screen = screen_for(live=True)
    print_answer([ChatChunk(text="Hi")], screen.session.terminal, waiting=f"Waiting for {'model-' * 20} …")
    waiting, rest = screen.err.split("\n", 1)
    assert waiting.startswith("Waiting for model-")
    assert len(waiting) < COLUMNS
    assert rest == "\x1b[1A\x1b[2K"
