"""Framing: any cut of the bytes gives the same payloads; a peer that speaks something else is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.protocol.frames import MAX_FRAME_BYTES, FrameError, FrameSplitter, frame


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 700))
def test_any_cut_gives_the_same_payloads(payloads: list[bytes], size: int) -> None:
    stream = b"".join(map(frame, payloads))
    splitter = FrameSplitter()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [found for piece in pieces for found in splitter.feed(piece)] == payloads


def test_an_unfinished_frame_gives_nothing_yet() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(frame(b"abc")[:-1]) == []
    assert splitter.feed(b"c") == [b"abc"]


def test_a_peer_that_speaks_http_is_noticed_at_once() -> None:
    with pytest.raises(FrameError, match="announces"):
        FrameSplitter().feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_what_is_too_long_is_not_sent() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_FRAME_BYTES + 1

    with pytest.raises(FrameError, match="over the limit"):
        frame(Huge())
