from collections.abc import Sequence as Tokens

import pytest

from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.parked import Parking
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slot import Slot
from dmr_desktop.engine.slots import Slots
from tests.fakes.fake_llama import Cell, FakeContext, FakeVocabulary, prompt

SYSTEM = "you are a helpful assistant. "


def a_sequence(tokens: Tokens[int], number: int = 0) -> Sequence:
    return Sequence(SequenceRequest(number, tokens), 500, FakeVocabulary(), None)


def place(slots: Slots, sequence: Sequence) -> Slot:
    slots.place(sequence, slots.match(sequence))
    assert sequence.slot is not None
    return sequence.slot


def compute(context: FakeContext, sequence: Sequence, upto: int | None = None) -> None:
    slot = sequence.slot
    assert slot is not None
    end = sequence.num_tokens if upto is None else upto
    context.cells[slot.id] += [Cell(int(token)) for token in sequence.tokens[slot.computed : end]]
    slot.computed = end


def done(context: FakeContext, slots: Slots, text: str) -> Sequence:
    """A sequence that came, computed its prompt and left."""
    sequence = a_sequence(prompt(text))
    place(slots, sequence)
    compute(context, sequence)
    slots.release(sequence)
    return sequence


def done_together(context: FakeContext, slots: Slots, texts: Tokens[str]) -> None:
    """The same of several at the same time."""
    sequences = [a_sequence(prompt(text)) for text in texts]
    for sequence in sequences:
        place(slots, sequence)
        compute(context, sequence)
    for sequence in sequences:
        slots.release(sequence)


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture
def slots(context: FakeContext) -> Slots:
    return Slots(context)


def test_a_conversation_goes_on_in_its_slot(context: FakeContext, slots: Slots) -> None:
    done(context, slots, SYSTEM + "hi")
    following = a_sequence(prompt(SYSTEM + "hi there"))
    slot = place(slots, following)
    assert slot.computed == len(SYSTEM) + 2 == following.cached_tokens
    assert len(context.cells[slot.id]) == slot.computed
    assert context.cells_used == slot.computed


def test_the_last_token_is_always_computed(context: FakeContext, slots: Slots) -> None:
    done(context, slots, "the same")
    slot = place(slots, a_sequence(prompt("the same")))
    assert slot.computed == len("the same") - 1 == len(context.cells[slot.id])


def test_a_shared_beginning_is_shared_and_the_rest_of_the_old_slot_kept(context: FakeContext, slots: Slots) -> None:
    old = SYSTEM + "a long conversation about the weather in Spain"
    done(context, slots, old)
    slot = place(slots, a_sequence(prompt(SYSTEM + "x")))
    assert slot.computed == len(SYSTEM)
    assert context.cells_used == len(old)
    assert slots.match(a_sequence(prompt(old + "!"))).length == len(old)


def test_nothing_in_common_takes_an_empty_slot_before_a_used_one(context: FakeContext, slots: Slots) -> None:
    done(context, slots, "one")
    slot = place(slots, a_sequence(prompt("two")))
    assert slot.computed == 0
    assert context.cells_used == len("one")


def test_the_least_recently_used_slot_is_overwritten_first(context: FakeContext, slots: Slots) -> None:
    for text in ("1st", "2nd", "3rd", "4th"):
        done(context, slots, text)
    done(context, slots, "1st again")
    place(slots, a_sequence(prompt("new")))
    assert slots.match(a_sequence(prompt("1st again"))).length > 0
    assert slots.match(a_sequence(prompt("2nd!"))).length == 0


def test_cells_of_a_running_sequence_are_shared(context: FakeContext, slots: Slots) -> None:
    running = a_sequence(prompt(SYSTEM + "one"))
    place(slots, running)
    compute(context, running)
    slot = place(slots, a_sequence(prompt(SYSTEM + "two")))
    assert slot is not running.slot
    assert slot.computed == len(SYSTEM)
    assert context.cells_used == len(SYSTEM) + 3
    assert slots.cells_promised == len(SYSTEM) + 6


def test_one_waits_for_the_other_to_compute_what_both_need(context: FakeContext, slots: Slots) -> None:
    leader, follower = a_sequence(prompt(SYSTEM + "one")), a_sequence(prompt(SYSTEM + "two"))
    place(slots, leader)
    slot = place(slots, follower)
    assert (follower.leader, follower.leader_length) == (leader, len(SYSTEM))
    compute(context, leader)
    slots.end_waiting(follower)
    assert (follower.leader, follower.cached_tokens, slot.computed) == (None, len(SYSTEM), len(SYSTEM))
    assert context.cells_used == len(SYSTEM) + 3


def test_when_the_leader_leaves_early_another_one_may_lead(context: FakeContext, slots: Slots) -> None:
    leader, second, third = (a_sequence(prompt(SYSTEM + name)) for name in ("one", "two", "three"))
    for sequence in (leader, second, third):
        place(slots, sequence)
    compute(context, leader, 5)
    slots.release(leader)
    slots.end_waiting(second)
    assert second.leader is None
    assert second.cached_tokens == 5
    slots.end_waiting(third)
    assert third.leader is second


def test_a_follower_is_not_a_leader(context: FakeContext, slots: Slots) -> None:
    leader = a_sequence(prompt(SYSTEM + "one"))
    place(slots, leader)
    follower = a_sequence(prompt(SYSTEM + "two, and much more in common"))
    place(slots, follower)
    third = a_sequence(prompt(SYSTEM + "two, and much more in common!"))
    place(slots, third)
    assert third.leader is leader


def test_a_few_common_tokens_are_not_waited_for(slots: Slots) -> None:
    place(slots, a_sequence(prompt("hello you")))
    sequence = a_sequence(prompt("hello me"))
    place(slots, sequence)
    assert sequence.leader is None


def test_evicting_takes_idle_slots_oldest_first_and_never_running_ones(context: FakeContext, slots: Slots) -> None:
    done(context, slots, "old")
    done(context, slots, "newer")
    running = a_sequence(prompt("running"))
    place(slots, running)
    compute(context, running)
    assert slots.evict(1)
    assert slots.match(a_sequence(prompt("old!"))).length == 0
    assert slots.match(a_sequence(prompt("newer!"))).length == 5
    assert slots.evict(1)
    assert not slots.evict(1)
    assert context.cells_used == len("running")


def test_a_running_state_is_continued_whole_or_not_at_all() -> None:
    context = FakeContext(is_recurrent=True)
    slots = Slots(context)
    done(context, slots, "hello")
    whole = a_sequence(prompt("hello you"))
    assert place(slots, whole).computed == 5
    compute(context, whole)
    slots.release(whole)
    other = a_sequence(prompt("hello me"))
    assert place(slots, other).computed == 0
    assert other.leader is None


def test_a_memory_that_cannot_be_cut_after_all_starts_anew(context: FakeContext, slots: Slots) -> None:
    done(context, slots, "hello you")
    context.cannot_cut = True
    slot = place(slots, a_sequence(prompt("hello me")))
    assert slot.computed == 0
    assert context.cells[slot.id] == []


def test_a_window_that_moved_on_is_not_a_prefix(context: FakeContext, slots: Slots) -> None:
    done(context, slots, "hello you")
    context.has_prefix = lambda seq_id, length: False  # type: ignore[method-assign]
    assert place(slots, a_sequence(prompt("hello you there"))).computed == 0


PLENTY = Parking(most_bytes=1 << 20)
LONG = "x" * 300


def test_idle_cells_are_parked_when_somebody_else_comes(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    assert context.cells_used == len("two")
    assert slots.cells_held == len("two")


def test_a_parked_conversation_goes_on(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    following = a_sequence(prompt("one " + LONG + " more"))
    slot = place(slots, following)
    assert slot.computed == len("one " + LONG) == following.cached_tokens
    assert bytes(cell.token for cell in context.cells[slot.id]).decode() == "one " + LONG


def test_of_a_parked_conversation_only_its_beginning_is_brought_back(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    slot = place(slots, a_sequence(prompt("one xxxxxxxxxxxxxxxxxxxx, you know")))
    assert slot.computed == 24 == len(context.cells[slot.id])
    # All of it is still there for who goes on with all of it.
    assert slots.match(a_sequence(prompt("one " + LONG + "!"))).length == len("one " + LONG)


def test_a_few_idle_cells_stay(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done(context, slots, "one")
    done(context, slots, "two")
    assert context.cells_used == 6


def test_what_others_share_stays(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done(context, slots, LONG + "one")
    running = a_sequence(prompt(LONG + "two"))
    place(slots, running)
    compute(context, running)
    done(context, slots, "three")
    assert slots.match(a_sequence(prompt(LONG + "one!"))).source is not None


def test_where_eagerness_does_not_pay_idle_cells_stay_until_their_slot_is_needed() -> None:
    context = FakeContext(num_sequences=2)
    slots = Slots(context, Parking(most_bytes=1 << 20, is_eager=False))
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    assert context.cells_used == len("one " + LONG) + len("two")
    done(context, slots, "six")
    assert context.cells_used == len("two") + len("six")
    slot = place(slots, a_sequence(prompt("one " + LONG + " more")))
    assert slot.computed == len("one " + LONG)


def test_in_a_quiet_moment_all_but_the_last_conversation_are_parked_one_by_one(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    for text in ("one", "two", "six"):
        done(context, slots, text)
    used = []
    while slots.park_one():
        used.append(context.cells_used)
    assert used == [len("twosix"), len("six")]
    assert slots.match(a_sequence(prompt("six!"))).source is not None
    assert not slots.park_one(), "the last one may go on at once"


def test_in_a_quiet_moment_what_the_last_conversation_shares_stays(context: FakeContext) -> None:
    slots = Slots(context, PLENTY)
    done_together(context, slots, [SYSTEM + "one", "two", SYSTEM + "six"])
    assert slots.park_one()
    assert not slots.park_one()
    assert context.cells_used == len(SYSTEM) + len("onesix")


@pytest.mark.parametrize("parking", [Parking(), Parking(most_bytes=1 << 20, is_eager=False)])
def test_where_it_does_not_pay_nothing_is_parked_in_a_quiet_moment(context: FakeContext, parking: Parking) -> None:
    slots = Slots(context, parking)
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    assert not slots.park_one()
    assert context.cells_used == len("one " + LONG) + len("two")


def test_many_conversations_in_turn_are_remembered_beyond_the_size_of_the_context() -> None:
    context = FakeContext(num_sequences=2, pool_size=500)
    slots = Slots(context, Parking(most_bytes=1 << 20))
    texts = [f"{letter} {LONG}" for letter in "abcdef"]
    for text in texts:
        done(context, slots, text)
    assert [slots.match(a_sequence(prompt(text + "!"))).length for text in texts] == [len(LONG) + 2] * 6


def test_without_room_idle_cells_stay(context: FakeContext) -> None:
    slots = Slots(context, Parking(most_bytes=100))
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    assert slots.match(a_sequence(prompt("one " + LONG + " more"))).length == len("one " + LONG)


def test_room_is_made_for_what_comes_back() -> None:
    context = FakeContext(pool_size=500)
    slots = Slots(context, Parking(most_bytes=1 << 20))
    done(context, slots, "one " + LONG)
    done(context, slots, "two " + LONG)
    slot = place(slots, a_sequence(prompt("one " + LONG + " more")))
    assert slot.computed == len("one " + LONG) == context.cells_used


def test_what_cannot_come_back_is_computed_again() -> None:
    context = FakeContext(pool_size=500)
    slots = Slots(context, PLENTY)
    done(context, slots, "one " + LONG)
    running = a_sequence(prompt("two " + LONG))
    place(slots, running)
    compute(context, running)
    slot = place(slots, a_sequence(prompt("one " + LONG + " more")))
    assert slot.computed == 0 == len(context.cells[slot.id])


def test_of_many_with_a_common_beginning_one_is_parked() -> None:
    context = FakeContext(num_sequences=3, pool_size=2000)
    slots = Slots(context, Parking(most_bytes=1 << 20, is_eager=False))
    together = [a_sequence(prompt(LONG + letter * 70)) for letter in "123"]
    for sequence in together:
        place(slots, sequence)
        compute(context, sequence)
    for sequence in together:
        slots.release(sequence)
    for text in ("a", "b", "c"):
        running = a_sequence(prompt(text))
        place(slots, running)
    assert len(context.saved) == 1
    slots.release(running)
    assert slots.match(a_sequence(prompt(LONG + "new"))).length == len(LONG)


@pytest.mark.parametrize(("saves_whole", "few"), [(False, 16), (True, 64)])
def test_a_few_tokens_behind_what_is_parked_are_computed_again(saves_whole: bool, few: int) -> None:
    context = FakeContext(pool_size=2000, saves_whole=saves_whole)
    slots = Slots(context, PLENTY)
    endings = ["one", "2" * few, "3" * (few + 1)]
    done_together(context, slots, [LONG + ending for ending in endings])
    done(context, slots, "other")
    assert context.cells_used == len("other")
    lengths = [slots.match(a_sequence(prompt(LONG + ending + "!"))).length for ending in endings]
    assert lengths == [len(LONG) + 3, len(LONG), len(LONG) + few + 1]


def test_a_short_conversation_is_parked_whole(context: FakeContext) -> None:
    """It was lost where another one that begins with the same token was parked already."""
    slots = Slots(context, PLENTY)
    for text in ("a" + LONG, "a" + "b" * 40, "last"):
        done(context, slots, text)
        while slots.park_one():
            pass
    assert context.cells_used == len("last")
    assert slots.match(a_sequence(prompt("a" + "b" * 40 + "!"))).length == 41


def several_parked(context: FakeContext, parking: Parking = PLENTY) -> tuple[Slots, list[str]]:
    """Conversations with a common beginning, computed together, parked when another one came."""
    slots = Slots(context, parking)
    texts = [LONG + "a" * 100, LONG + "b" * 100, LONG + "c" * 180]
    done_together(context, slots, texts)
    done(context, slots, "other")
    assert context.cells_used == len("other")
    return slots, texts


def held(context: FakeContext, slot: Slot) -> str:
    return bytes(cell.token for cell in context.cells[slot.id]).decode()


def test_of_conversations_with_a_common_beginning_only_the_ends_are_parked_again() -> None:
    context = FakeContext(num_sequences=4, pool_size=2000)
    slots, texts = several_parked(context)
    assert context.bytes_saved == 4 * (len(LONG) + 380)
    for text in texts:
        slot = place(slots, a_sequence(prompt(text + "!")))
        assert held(context, slot) == text
    # And only the ends take cells again.
    assert context.cells_used == len(LONG) + 380 + len("other")


def test_a_parked_end_comes_back_behind_a_parked_beginning() -> None:
    context = FakeContext(num_sequences=4, pool_size=2000)
    slots, texts = several_parked(context)
    slot = place(slots, a_sequence(prompt(texts[2] + "!")))
    assert held(context, slot) == texts[2]
    # Of an end that is wanted only as far as the beginning, the beginning comes.
    slot = place(slots, a_sequence(prompt(LONG + "new")))
    assert held(context, slot) == LONG


@pytest.mark.parametrize("room", [350, 450])
def test_without_room_for_a_parked_end_or_beginning_all_is_computed_again(room: int) -> None:
    context = FakeContext(num_sequences=4, pool_size=2000)
    slots, texts = several_parked(context)
    context.pool_size = 200 + room
    running = a_sequence(prompt("z" * 200))
    place(slots, running)
    compute(context, running)
    slot = place(slots, a_sequence(prompt(texts[2] + "!")))
    assert slot.computed == 0 == len(context.cells[slot.id])
    assert slot.borrowed == 0


def test_where_parts_cannot_be_saved_all_is() -> None:
    context = FakeContext(num_sequences=4, pool_size=2000, saves_whole=True)
    slots, texts = several_parked(context)
    assert context.bytes_saved == 4 * (3 * len(LONG) + 380)
    slot = place(slots, a_sequence(prompt(texts[2] + "!")))
    assert held(context, slot) == texts[2]


def test_a_running_state_is_not_parked() -> None:
    context = FakeContext(num_sequences=1, is_recurrent=True)
    slots = Slots(context, PLENTY)
    done(context, slots, "one " + LONG)
    done(context, slots, "two")
    assert slots.match(a_sequence(prompt("one " + LONG + " more"))).length == 0
