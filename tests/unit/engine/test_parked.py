import numpy as np
import pytest

from dmr_desktop.engine.parked import Parcel, Parked, Parking, common_length


def parcel(text: str, size: int = 10) -> Parcel:
    return Parcel(np.array(list(text.encode()), np.int32), np.zeros(size, np.uint8))


def length_of_match(parked: Parked, text: str) -> int:
    return parked.match(parcel(text).tokens)[1]


@pytest.fixture
def parked() -> Parked:
    return Parked(Parking(most_bytes=30), most_tokens=100)


def test_the_least_recently_used_goes_when_bytes_run_out(parked: Parked) -> None:
    first, second, third = parcel("aaa"), parcel("bbb"), parcel("ccc")
    for each in (first, second, third):
        parked.add(each)
    assert parked.free_bytes == 0
    parked.use(first)
    parked.add(parcel("ddd"))
    assert [length_of_match(parked, text) for text in ("aaa", "bbb", "ccc", "ddd")] == [3, 0, 3, 3]


def test_a_large_one_makes_room_for_itself(parked: Parked) -> None:
    for text in ("aaa", "bbb", "ccc"):
        parked.add(parcel(text))
    parked.add(parcel("ddd", 30))
    assert [length_of_match(parked, text) for text in ("aaa", "bbb", "ccc", "ddd")] == [0, 0, 0, 3]


def test_tokens_are_bounded_too() -> None:
    parked = Parked(Parking(most_bytes=1000), most_tokens=5)
    parked.add(parcel("aaa"))
    parked.add(parcel("bb"))
    assert parked.free_bytes == 980
    parked.add(parcel("c"))
    assert [length_of_match(parked, text) for text in ("aaa", "bb", "c")] == [0, 2, 1]


def test_parcels_are_bounded_too() -> None:
    parked = Parked(Parking(most_bytes=1 << 20))
    for number in range(300):
        parked.add(Parcel(np.array([number, 0], np.int32), np.zeros(1, np.uint8)))
    matches = [parked.match(np.array([number, 0], np.int32))[1] for number in range(300)]
    assert matches == [0] * 44 + [2] * 256


def test_what_continues_another_takes_its_place(parked: Parked) -> None:
    parked.add(parcel("hello"))
    parked.add(parcel("hello you"))
    assert parked.free_bytes == 20
    assert length_of_match(parked, "hello you there") == 9


def test_the_longest_beginning_in_common_is_found(parked: Parked) -> None:
    for text in ("one two", "one three", "two"):
        parked.add(parcel(text))
    best, length = parked.match(parcel("one thing").tokens)
    assert best is not None
    assert (bytes(best.tokens.tolist()), length) == (b"one three", 6)
    assert parked.match(parcel("x").tokens) == (None, 0)


@pytest.mark.parametrize(("one", "other", "length"), [("", "a", 0), ("ab", "ab", 2), ("ab", "abc", 2), ("xb", "ab", 0)])
def test_common_length(one: str, other: str, length: int) -> None:
    assert common_length(parcel(one).tokens, parcel(other).tokens) == length


def test_what_others_build_on_stays_and_counts_once(parked: Parked) -> None:
    base = parcel("hello you")
    one, two = (Parcel(parcel(text).tokens, np.zeros(8, np.uint8), base, 6) for text in ("hello one", "hello two"))
    for each in (base, one, two):
        parked.add(each)
    assert parked.free_bytes == 30 - 10 - 8 - 8
    parked.remove(base)
    assert length_of_match(parked, "hello you!") == 9
    # The oldest is needed: the next one goes.
    parked.add(parcel("other"))
    assert [length_of_match(parked, text) for text in ("hello one", "hello two", "hello you", "other")] == [6, 9, 9, 5]
    assert two.parts == [base, two]
    parked.remove(two)
    parked.remove(base)
    assert length_of_match(parked, "hello") == 0


def test_using_one_uses_what_it_builds_on(parked: Parked) -> None:
    base = parcel("hello you")
    one = Parcel(parcel("hello one").tokens, np.zeros(10, np.uint8), base, 6)
    for each in (base, one, parcel("ccc")):
        parked.add(each)
    parked.use(one)
    parked.add(parcel("ddd"))
    assert [length_of_match(parked, text) for text in ("hello one", "hello you", "ccc", "ddd")] == [9, 9, 0, 3]
