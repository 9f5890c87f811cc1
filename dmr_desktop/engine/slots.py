"""Which slot holds which tokens in the KV cache, so that nothing is computed twice.

An idle slot keeps what it last held: together the idle slots are the prefix cache, least recently used
first to go, and not to be lost but parked in ordinary memory. Cells are shared: a common prefix is stored once for any
number of slots.
"""

from dataclasses import dataclass

from dmr_desktop.engine.contracts import PrefixMemory
from dmr_desktop.engine.parked import NO_PARKING, Parcel, Parked, Parking, common_length
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slot import NO_TOKENS, Slot, shared_length

# Waiting for another sequence to compute fewer common tokens than this is not worth a step's delay.
_WORTH_WAITING = 16
# Nor is bringing back fewer.
_WORTH_BRINGING_BACK = 16
# llama.cpp's attention counts cells by so many: to free fewer may gain nothing.
_WORTH_PARKING = 256
# With fewer tokens in common than this a conversation is parked whole.
_WORTH_A_BASE = 256
# So many more are not worth a second copy of those in common, where there is no parking without them.
_WORTH_A_COPY = 64
# At least so many cells are taken from a paused sequence at a time.
_CUT = 256


@dataclass(frozen=True, slots=True)
class Match:
    """The best help for a prompt: ``length`` tokens of ``source`` or ``parcel``, or soon ``leader_length``."""

    source: Slot | None = None
    length: int = 0
    parcel: Parcel | None = None
    leader: Sequence | None = None
    leader_length: int = 0


class Slots:
    """Invariant: a slot's ``tokens[:computed]`` and the KV cache agree."""

    def __init__(self, memory: PrefixMemory, parking: Parking = NO_PARKING) -> None:
        """Where a memory cannot share, nothing is parked."""
        self._memory = memory
        self._parked = Parked(parking if memory.can_share else NO_PARKING)
        self._slots = [Slot(index) for index in range(memory.num_sequences)]
        self._clock = 0

    @property
    def num_free(self) -> int:
        """Slots in which nobody runs."""
        return sum(slot.sequence is None for slot in self._slots)

    @property
    def can_share(self) -> bool:
        """Whether a part of what a slot holds is of use."""
        return self._memory.can_share

    @property
    def cells_promised(self) -> int:
        """Upper bound of the cells that the running sequences' tokens take, or will when their prompts are computed."""
        return sum(self.promised_to(slot.sequence) for slot in self._slots if slot.sequence is not None)

    def promised_to(self, sequence: Sequence) -> int:
        """The part of ``cells_promised`` that is one running sequence's."""
        return sequence.num_tokens - max(sequence.running_slot.borrowed, sequence.leader_length)

    @property
    def cells_held(self) -> int:
        """About how many cells hold a token, idle slots' included; for information, from any thread."""
        return sum(max(0, slot.computed - slot.borrowed) for slot in self._slots)

    def match(self, sequence: Sequence) -> Match:
        """Looks for the longest common prefix with any slot, running ones included.

        None for one whose prompt is scored: what others have computed has no logits any more.
        """
        if sequence.is_scoring:
            return Match()
        wanted = sequence.tokens[: sequence.num_tokens]
        # The last token is always computed: its logits are what the next one is chosen from.
        most = sequence.num_tokens - 1
        source, best, leader, leader_length = None, (0, False), None, 0
        for slot in self._slots:
            other = slot.sequence
            if other is sequence:
                continue
            known = slot.computed if other is None else other.num_tokens
            common = min(common_length(wanted, slot.tokens[:known]), most)
            held = min(common, slot.computed)
            # Of equals an idle slot: it may be continued in place.
            if (held, other is None) > best and self._can_use(slot, held):
                source, best = slot, (held, other is None)
            if other is not None and other.leader is None and common > max(slot.computed, leader_length):
                leader, leader_length = other, common
        if not self._memory.can_share or leader_length < best[0] + _WORTH_WAITING:
            leader, leader_length = None, 0
        parcel, common = self._parked.match(wanted[:most])
        if parcel is not None and common >= max(best[0], leader_length) + _WORTH_BRINGING_BACK:
            return Match(length=common, parcel=parcel)
        return Match(source, best[0], leader=leader, leader_length=leader_length)

    def place(self, sequence: Sequence, match: Match) -> None:
        """Gives the sequence a free slot, holding what the match offers. There is one free."""
        source = match.source
        if source is not None and source.sequence is None and match.leader is None and self._is_for_the_taking(match):
            slot, length = source, match.length
            if slot.computed > 2 * length:
                self._park_if_lost(slot)
            if slot.computed > length and not self._memory.keep_prefix(slot.id, length):
                length = 0
            slot.borrowed = 0
            slot.computed = length
        else:
            slot = self._least_recently_used(but_not=source)
            self._give_up(slot)
            if match.parcel is not None:
                self._bring_back(slot, match.parcel, match.length)
            elif match.leader is None and source is not slot:
                self._borrow(slot, match)
        slot.sequence, slot.paused, slot.tokens = sequence, None, sequence.tokens
        sequence.slot, sequence.leader, sequence.leader_length = slot, match.leader, match.leader_length
        self._touch(slot)
        if match.leader is None:
            sequence.admitted(slot.computed)
        if self._parked.is_eager:
            self._park_idle()

    def end_waiting(self, sequence: Sequence) -> None:
        """Gives a sequence what its leader, or by now another slot, has computed; it may wait for yet another."""
        slot = sequence.running_slot
        match = self.match(sequence)
        sequence.leader, sequence.leader_length = match.leader, match.leader_length
        if match.leader is None:
            self._borrow(slot, match)
            sequence.admitted(slot.computed)

    def release(self, sequence: Sequence) -> None:
        """The sequence leaves; its slot keeps what was computed."""
        slot = sequence.running_slot
        slot.sequence = sequence.slot = None
        self._touch(slot)

    def park_one(self) -> bool:
        """Parks the longest idle conversation, but never the one left last, which may well go on.

        False: there is none. For a time when nobody runs, so that whoever comes next need not wait for it.
        """
        if not self._parked.is_eager:
            return False
        return any(map(self._park_if_free, self._of_no_use_to([max(self._slots, key=_last_used)])))

    def pause(self, sequence: Sequence) -> None:
        """The sequence makes way; what it has computed stays until the cells are needed."""
        slot = sequence.running_slot
        self.release(sequence)
        slot.paused = sequence

    def clear(self, slot: Slot) -> None:
        if slot.computed:
            self._memory.clear(slot.id)
        slot.computed = slot.borrowed = 0
        if slot.sequence is None:
            slot.tokens, slot.paused = NO_TOKENS, None

    def evict(self, cells: int) -> bool:
        """Frees the cells of the least recently used idle slot that holds anything. False if none does.

        Of what a paused sequence will need again only the last ``cells`` or some more, and only if there is no other.
        """
        idle = [slot for slot in self._slots if slot.sequence is None and slot.computed]
        if not idle:
            return False
        slot = min(idle, key=lambda slot: (slot.is_wanted, slot.last_used))
        left = slot.computed - max(cells, _CUT)
        if slot.is_wanted and left > 0 and self._memory.can_share and self._memory.keep_prefix(slot.id, left):
            slot.computed = left
        else:
            self._give_up(slot)
        return True

    def _park_idle(self) -> None:
        """Parks what is of no use to those who run, as far as there is room that nobody has to leave for it."""
        idle = self._of_no_use_to([slot for slot in self._slots if slot.sequence is not None])
        if sum(idle.values()) >= _WORTH_PARKING:
            for slot in idle:
                self._park_if_free(slot)

    def _of_no_use_to(self, others: list[Slot]) -> dict[Slot, int]:
        """Idle slots and how many cells that ``others`` do not share are freed without them, the longest idle first."""
        idle = [slot for slot in self._slots if slot.sequence is None and slot.computed and not slot.is_wanted]
        own = {slot: slot.computed - shared_length(slot, others) for slot in idle if slot not in others}
        # What is mostly theirs too would free few cells.
        return {slot: own[slot] for slot in sorted(own, key=_last_used) if 2 * own[slot] > slot.computed}

    def _park_if_free(self, slot: Slot) -> bool:
        """Whether it could be parked in room for which nobody has to leave."""
        if not self._park(slot, self._parked.free_bytes):
            return False
        self.clear(slot)
        return True

    def _give_up(self, slot: Slot) -> None:
        """Clears an idle slot for others' use; what would be lost by that is parked if there can be room for it."""
        self._park_if_lost(slot)
        self.clear(slot)

    def _park_if_lost(self, slot: Slot) -> None:
        """Of many with a common prefix that is not parked yet the last one to go takes it along."""
        if not slot.computed:
            return
        held = slot.tokens[: slot.computed]
        parcel, common = self._parked.match(held)
        if self._base(parcel, common) is None:
            shared = shared_length(slot, self._slots)
            if parcel is not None and common < len(parcel.tokens):
                shared = max(shared, common)
            if 2 * shared > slot.computed:
                return
        self._park(slot, self._parked.most_bytes)

    def _park(self, slot: Slot, most_bytes: int) -> bool:
        """Whether what the slot holds is parked, but for a few tokens at its end that are quickly computed again."""
        if most_bytes <= 0:
            return False
        held = slot.tokens[: slot.computed]
        parcel, common = self._parked.match(held)
        base = self._base(parcel, common)
        few = _WORTH_A_COPY if base is None and common >= _WORTH_A_BASE else _WORTH_BRINGING_BACK
        if parcel is not None and slot.computed - common <= few:
            self._parked.use(parcel)
            return True
        start = common if base is not None else 0
        data = self._memory.save(slot.id, most_bytes, start)
        if data is None:
            return False
        self._parked.add(Parcel(held.copy(), data, base, start))
        return True

    def _base(self, parcel: Parcel | None, common: int) -> Parcel | None:
        """The parcel, if what follows the tokens in common is all that needs to be parked."""
        return parcel if common >= _WORTH_A_BASE and self._memory.can_save_parts else None

    def _bring_back(self, slot: Slot, parcel: Parcel, length: int) -> None:
        """Puts the first ``length`` tokens of a parcel into an empty slot, or none if that cannot be."""
        while parcel.base is not None and length <= parcel.start:
            parcel = parcel.base
        if not self._put(slot, parcel):
            self._memory.clear(slot.id)
            slot.borrowed = 0
            return
        if 2 * length >= len(parcel.tokens):
            self._parked.remove(parcel)
        else:
            self._parked.use(parcel)
        slot.tokens, slot.computed = parcel.tokens, len(parcel.tokens)
        if not self._can_use(slot, length):
            self.clear(slot)
        elif length < slot.computed:
            slot.computed = length if self._memory.keep_prefix(slot.id, length) else 0

    def _put(self, slot: Slot, parcel: Parcel) -> bool:
        """All of a parcel into an empty slot, what it has in common with another slot as the same cells.

        False when there is no room; the slot then holds a part of it.
        """
        parts = parcel.parts
        for other in self._slots:
            if (
                parcel.start
                and common_length(parcel.tokens[: parcel.start], other.tokens[: other.computed]) == parcel.start
            ):
                self._memory.copy_prefix(other.id, slot.id, parcel.start)
                slot.borrowed = parcel.start if other.sequence is not None else 0
                parts = [parcel]
                break
        for index, part in enumerate(parts):
            if index and not self._memory.keep_prefix(slot.id, part.start):
                return False
            while not self._memory.restore(slot.id, part.data, part.start):
                if not any(other.sequence is None and other.computed and not other.is_wanted for other in self._slots):
                    return False
                self.evict(len(part.tokens) - part.start)
        return True

    def _can_use(self, slot: Slot, length: int) -> bool:
        if length == 0:
            return False
        if not self._memory.can_share:
            # A running state cannot be cut: only a whole idle slot can be continued.
            return slot.sequence is None and length == slot.computed
        return self._memory.has_prefix(slot.id, length)

    def _is_for_the_taking(self, match: Match) -> bool:
        """Whether to continue in the idle source itself rather than keep its other tokens for later."""
        slot = match.source
        assert slot is not None
        others = any(other.sequence is None and other is not slot for other in self._slots)
        return not others or not self._memory.can_share or 2 * match.length >= slot.computed

    def _borrow(self, slot: Slot, match: Match) -> None:
        if match.source is None:
            return
        self._memory.copy_prefix(match.source.id, slot.id, match.length)
        slot.computed = match.length
        # Cells of an idle slot become this one's when that is evicted; those of a running one stay shared.
        slot.borrowed = match.length if match.source.sequence is not None else 0

    def _least_recently_used(self, but_not: Slot | None) -> Slot:
        free = [slot for slot in self._slots if slot.sequence is None]
        others = [slot for slot in free if slot is not but_not]
        return min(others or free, key=lambda slot: (slot.is_wanted, slot.computed > 0, slot.last_used))

    def _touch(self, slot: Slot) -> None:
        self._clock += 1
        slot.last_used = self._clock


def _last_used(slot: Slot) -> int:
    return slot.last_used
