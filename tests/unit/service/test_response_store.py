"""The bounds of what is remembered: number, bytes, age, and which goes first."""

from dmr_desktop.dialects.responses_memory import StoredItem, StoredResponse
from dmr_desktop.protocol.generation import Message, TextPart
from dmr_desktop.service.response_store import ResponseStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def response(name: str, size: int = 10) -> StoredResponse:
    item = StoredItem.of({"id": f"msg_{name}", "type": "message"})
    return StoredResponse(name, b"x" * size, (), (item,), (Message("user", (TextPart("hi"),)),))


def test_found_and_forgotten() -> None:
    store = ResponseStore()
    kept = response("a")
    store.keep(kept)
    assert store.response("a") is kept
    assert store.item("msg_a") == {"id": "msg_a", "type": "message"}
    assert store.num_bytes == kept.num_bytes
    assert store.forget("a")
    assert not store.forget("a")
    assert store.response("a") is None
    assert store.item("msg_a") is None
    assert store.num_bytes == 0


def test_the_one_not_used_for_longest_goes_first() -> None:
    store = ResponseStore(max_responses=2)
    store.keep(response("a"))
    store.keep(response("b"))
    assert store.response("a")
    store.keep(response("c"))
    assert len(store) == 2
    assert store.response("b") is None
    assert store.response("a")
    assert store.response("c")


def test_bytes_are_bounded() -> None:
    store = ResponseStore(max_bytes=10_000)
    for index in range(20):
        store.keep(response(str(index), 3_000))
        assert store.num_bytes <= 10_000
    assert len(store) == 2
    store.keep(response("too large", 20_000))
    assert store.response("too large") is None
    assert len(store) == 2


def test_old_ones_expire_unless_they_are_used() -> None:
    clock = Clock()
    store = ResponseStore(max_age_seconds=10, clock=clock)
    store.keep(response("a"))
    store.keep(response("b"))
    clock.now = 8
    assert store.response("a")
    clock.now = 12
    assert store.item("msg_b") is None
    assert store.response("b") is None
    assert store.response("a")
    clock.now = 30
    assert store.item("msg_a") is None
    assert len(store) == 0


def test_an_item_of_two_responses_stays_with_the_later_one() -> None:
    store = ResponseStore()
    store.keep(response("a"))
    again = StoredResponse("b", b"", response("a").output, (), ())
    store.keep(again)
    store.forget("a")
    assert store.item("msg_a")
    store.forget("b")
    assert store.item("msg_a") is None
