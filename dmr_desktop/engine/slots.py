"""Which slot holds which tokens in the KV cache, so that nothing is computed twice.

An idle slot keeps what it last held: together the idle slots are the prefix cache, least recently used
first to go. Cells are shared: a common prefix is stored once for any number of slots.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.contracts import PrefixMemory
from dmr_desktop.engine.sequence import Sequence

Tokens = npt.NDArray[np.int32]

# Waiting for another sequence to compute fewer common tokens than this is not worth a step's delay.
_WORTH_WAITING = 16
# At least so many cells are taken from a paused sequence at a time.
_CUT = 256
_NO_TOKENS: Tokens = np.empty(0, np.int32)


@dataclass(slots=True, eq=False)
class Slot:
    """``tokens[:computed]`` is what the KV cache holds for sequence id ``id``.

    ``sequence`` is set while one runs here. Of its tokens ``borrowed`` came from another slot. ``paused`` is the one
    that ran here and had to make way.
    """

    id: int
    tokens: Tokens = field(default_factory=lambda: _NO_TOKENS)
    computed: int = 0
    borrowed: int = 0
    sequence: Sequence | None = None
    paused: Sequence | None = None
    last_used: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits who is sure to use what it holds."""
        return self.paused is not None and self.paused.slot is None and self.paused.finish is None


@dataclass(frozen=True, slots=True)
class Match:
    """The best help for a prompt: ``length`` tokens held by ``source``, or ``leader_length`` soon by ``leader``."""

    source: Slot | None = None
    length: int = 0
    leader: Sequence | None = None
    leader_length: int = 0


class Slots:
    """Invariant: a slot's ``tokens[:computed]`` and the KV cache agree."""

    def __init__(self, memory: PrefixMemory) -> None:
        self._memory = memory
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
        """Looks for the longest common prefix with any slot, running ones included."""
        wanted = sequence.tokens[: sequence.num_tokens]
        # The last token is always computed: its logits are what the next one is chosen from.
        most = sequence.num_tokens - 1
        source, best, leader, leader_length = None, (0, False), None, 0
        for slot in self._slots:
            other = slot.sequence
            if other is sequence:
                continue
            known = slot.computed if other is None else other.num_tokens
            common = min(_common_length(wanted, slot.tokens[:known]), most)
            held = min(common, slot.computed)
            # Of equals an idle slot: it may be continued in place.
            if (held, other is None) > best and self._can_use(slot, held):
                source, best = slot, (held, other is None)
            if other is not None and other.leader is None and common > max(slot.computed, leader_length):
                leader, leader_length = other, common
        if not self._memory.can_share or leader_length < best[0] + _WORTH_WAITING:
            leader, leader_length = None, 0
        return Match(source, best[0], leader, leader_length)

    def place(self, sequence: Sequence, match: Match) -> None:
        """Gives the sequence a free slot, holding what the match offers. There is one free."""
        source = match.source
        if source is not None and source.sequence is None and match.leader is None and self._is_for_the_taking(match):
            slot, length = source, match.length
            if slot.computed > length and not self._memory.keep_prefix(slot.id, length):
                length = 0
            slot.borrowed = 0
            slot.computed = length
        else:
            slot = self._least_recently_used(but_not=source)
            self.clear(slot)
            if match.leader is None and source is not slot:
                self._borrow(slot, match)
        slot.sequence, slot.paused, slot.tokens = sequence, None, sequence.tokens
        sequence.slot, sequence.leader, sequence.leader_length = slot, match.leader, match.leader_length
        self._touch(slot)
        if match.leader is None:
            sequence.admitted(slot.computed)

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
            slot.tokens, slot.paused = _NO_TOKENS, None

    def evict(self, cells: int) -> bool:
        """Forgets the least recently used idle slot that holds anything. False if none does.

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
            self.clear(slot)
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


def _common_length(one: Tokens, other: Tokens) -> int:
    shorter = min(len(one), len(other))
    if shorter == 0 or one[0] != other[0]:
        return 0
    differs = one[:shorter] != other[:shorter]
    first = int(differs.argmax())
    return first if differs[first] else shorter
