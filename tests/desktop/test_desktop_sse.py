import pytest

from dmr_desktop.desktop import sse
from dmr_desktop.desktop.sse import SseEvent, SseOverflow, SseParser

STREAM = (
    b': hello\n\nevent: tcp\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\n'
    b"event: x\n\n\xf0\x9f\xa6\x99: y\ndata: \xf0\x9f\xa6\x99\n\n"
)
EVENTS = [SseEvent("tcp", '{"a":1}'), SseEvent("message", "one\ntwo"), SseEvent("message", "🦙")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_any_cut_gives_the_same_events(size: int) -> None:
    parser = SseParser()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    with pytest.raises(SseOverflow):
        SseParser().feed(b"data: " + b"x" * 2000)


def test_endless_data_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    parser = SseParser()
    for _ in range(19):
        parser.feed(b"data: " + b"x" * 50 + b"\n")
    with pytest.raises(SseOverflow):
        parser.feed(b"data: " + b"x" * 100 + b"\n")
