"""Cards that go and come back."""

from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service.gpu_presence import GpuPresence

ONE, OTHER = GpuSample("One", 1.0, 1, 2), GpuSample("Other", None, None, None)


def test_a_card_is_missed_at_the_second_look_and_until_it_is_back() -> None:
    presence = GpuPresence()
    assert not presence.has_cards
    assert not presence.saw((ONE, OTHER))
    assert not presence.saw((OTHER,))
    assert presence.missing == ()
    assert presence.saw((OTHER,))
    assert presence.missing == ("One",)
    assert not presence.saw((OTHER,))
    assert presence.saw((ONE, OTHER))
    assert presence.missing == ()
    assert presence.has_cards


def test_one_failed_look_is_nothing() -> None:
    presence = GpuPresence()
    for cards in ((ONE,), (), (ONE,), (), (ONE,)):
        assert not presence.saw(cards)


def test_of_two_alike_one_can_be_missing() -> None:
    presence = GpuPresence()
    presence.saw((ONE, ONE))
    presence.saw((ONE,))
    assert presence.saw((ONE,))
    assert presence.missing == ("One",)
    presence.saw(())
    assert presence.saw(())
    assert presence.missing == ("One", "One")


def test_a_computer_without_cards_misses_none() -> None:
    presence = GpuPresence()
    assert not presence.saw(())
    assert not presence.saw(())
    assert (presence.missing, presence.has_cards) == ((), False)
