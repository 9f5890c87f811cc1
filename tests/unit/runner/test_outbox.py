"""Order, coalescing and counting of what is sent; with a real socket pair."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from dmr_desktop.engine.api import SequenceOutput
from dmr_desktop.protocol.frames import FrameSplitter
from dmr_desktop.runner.channel import Channel
from dmr_desktop.runner.outbox import Outbox


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), Channel(theirs)


def start(outbox: Outbox) -> None:
    threading.Thread(target=outbox.run, daemon=True).start()


def received(channel: Channel, count: int) -> list[Any]:
    splitter = FrameSplitter()
    found: list[Any] = []
    while len(found) < count:
        found += [orjson.loads(payload) for payload in splitter.feed(channel._socket.recv(65536))]
    return found


def test_what_waits_together_shares_a_frame(pair: tuple[Channel, Channel]) -> None:
    outbox = Outbox(pair[0])
    outbox.put(lambda: [[1, "t", 0, "a"]])
    outbox.put(lambda: [[2, "t", 0, "b"]])
    outbox.put_message({"op": "tokens"})
    outbox.put(lambda: [[1, "t", 0, "c"]])
    start(outbox)
    assert received(pair[1], 3) == [
        [[1, "t", 0, "a"], [2, "t", 0, "b"]],
        {"op": "tokens"},
        [[1, "t", 0, "c"]],
    ]


def test_unsent_outputs_are_counted_until_they_are_rendered(pair: tuple[Channel, Channel]) -> None:
    outbox = Outbox(pair[0])
    rendered: list[SequenceOutput] = []

    def render(outputs: list[SequenceOutput]) -> list[list[Any]]:
        rendered.extend(outputs)
        return []

    outbox.put_outputs([SequenceOutput(1, "x" * 1000)], render)
    assert outbox.unsent_bytes > 1000
    outbox.put_message({"op": "after"})
    start(outbox)
    received(pair[1], 1)
    assert outbox.unsent_bytes == 0
    assert [output.id for output in rendered] == [1]


def test_a_reader_that_does_not_read_blocks_only_the_sender(pair: tuple[Channel, Channel]) -> None:
    outbox = Outbox(pair[0])
    start(outbox)
    for _ in range(200):
        outbox.put_outputs([SequenceOutput(1, "x" * 20_000)], lambda outputs: [[1, outputs[0].text]])
    assert outbox.unsent_bytes > 1_000_000
    assert sum(len(frame) for frame in received(pair[1], 1)) >= 1


def test_channel_frames_go_both_ways_and_end_cleanly(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    there.send({"op": "launch", "text": "Grüße 🙂"})
    there.send({"op": "stop"})
    there._socket.shutdown(socket.SHUT_WR)
    assert list(here.receive()) == [{"op": "launch", "text": "Grüße 🙂"}, {"op": "stop"}]


SENDER = """
import socket
from dmr_desktop.protocol.frames import MAX_FRAME_BYTES
from dmr_desktop.runner.channel import Channel
from dmr_desktop.runner.outbox import Outbox
ours, theirs = socket.socketpair()
outbox = Outbox(Channel(ours))
outbox.put_message({"text": "x" * MAX_FRAME_BYTES})
outbox.run()
"""


def test_a_sender_that_cannot_go_on_ends_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", SENDER], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the sender failed" in done.stderr
