"""Who computes what in the next step. Touches no logits and calls no model.

Sequences wait in the order they came; who has waited for long gets the place of one that has had its turn
(:mod:`.turns`). Running ones stream first, one token each; prompts share the rest of the batch, the oldest one getting
at least half of it, so that a long prompt neither starves nor blocks the short ones behind it.
"""

from collections import deque
from collections.abc import Callable, Collection
from time import monotonic

from dmr_desktop.engine.contracts import LEAST_ROWS
from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.plan import Plan
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slots import Match, Slots
from dmr_desktop.engine.turns import Turns

# KV cells kept free for each running sequence to grow into, so that a newcomer does not force one out at once.
_GROWTH_ROOM = 32
# The same for a newcomer who takes another's place: else it would soon be the one to go.
_TURN_ROOM = 128
# A streaming sequence that is more tokens behind than this (a preempted one) is paced like a prompt;
# with fewer (forced by a grammar) it goes first like the others that stream.
_FEW_TOKENS = 64


class Scheduler:
    """A sequence is in ``waiting`` without a slot, or in ``running`` with one.

    ``max_rows``: logits that a batch may bring, no fewer than sequences can run.
    """

    def __init__(
        self,
        slots: Slots,
        pace: PrefillPace,
        *,
        n_batch: int,
        pool_size: int,
        max_rows: int = LEAST_ROWS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.preemptions = 0
        self._turns = Turns(pace, clock)
        self._slots = slots
        self._pace = pace
        self._n_batch = n_batch
        self._pool_size = pool_size
        self._max_rows = max_rows
        # Closed once the first in line does not fit; opened when cells or a slot become free.
        self._is_admitting = True

    def add(self, sequence: Sequence) -> None:
        self._turns.queued(sequence)
        self.waiting.append(sequence)

    def schedule(self) -> Plan:
        """Admits what fits and plans the next batch; an empty plan if there is nothing to do.

        Changes nothing that a second call would not find again, so that a batch which found no room
        can be planned anew.
        """
        self._change_turns()
        self._wake_followers()
        self._admit()
        prompts: list[Sequence] = []
        behind: list[Sequence] = []
        scored: list[Sequence] = []
        plan = Plan()
        for sequence in self.running:
            if sequence.leader is not None:
                continue
            remaining = sequence.num_remaining
            if remaining == 1:
                self._turns.caught_up(sequence)
            if sequence.is_scoring:
                scored.append(sequence)
            elif not sequence.is_streaming or remaining > _FEW_TOKENS:
                prompts.append(sequence)
            elif remaining == 1:
                plan.decoding.append(sequence)
            else:
                behind.append(sequence)
        plan.outputs += plan.decoding
        plan.num_tokens = len(plan.decoding)
        for sequence in behind:
            plan.add_chunk(sequence, self._n_batch - plan.num_tokens)
        if prompts:
            self._plan_prompts(plan, prompts)
        for index, sequence in enumerate(scored):
            # A row for each of those that come after it.
            rows = self._max_rows - len(plan.outputs) - (len(scored) - index - 1)
            plan.add_chunk(sequence, min(rows, self._n_batch - plan.num_tokens))
        return plan

    def remove(self, sequence: Sequence) -> None:
        """The sequence has ended, wherever it was."""
        if sequence.slot is None:
            self.waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._slots.release(sequence)
        self._is_admitting = True

    def preempt_one(self) -> bool:
        """Sends a sequence back to wait, its cells for the taking: the last admitted, if possible of those who had
        their turn.

        False if it is the only one. Nobody is admitted until a running sequence ends or has had its turn.
        """
        holders = [sequence for sequence in self.running if sequence.leader is None]
        if len(holders) < 2:
            return False
        victim = next((holder for holder in reversed(holders) if self._turns.is_over(holder)), holders[-1])
        self._preempt(victim)
        self.waiting.appendleft(victim)
        self._is_admitting = False
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._slots.pause(sequence)
        self._turns.queued(sequence)
        self.preemptions += 1

    def _change_turns(self) -> None:
        """Who has waited long enough is let in, if need be in the place of those who have had their turn."""
        first = self._turns.next_of(self.waiting, self.running) if self.waiting else None
        if first is None:
            return
        leaving = self._leaving_for(first)
        if leaving is None:
            return
        self.waiting.remove(first)
        self.waiting.appendleft(first)
        if leaving:
            # Whose slot is not needed loses no more than the cells that are.
            keeps_slots = self._slots.num_free > 0 and self._slots.can_share
            lost = sum(sequence.num_tokens for sequence in leaving)
            self._turns.changed(min(lost, first.num_tokens + _TURN_ROOM) if keeps_slots else lost)
        for sequence in leaving:
            self._preempt(sequence)
            self.waiting.append(sequence)
        self._is_admitting = True

    def _leaving_for(self, first: Sequence) -> list[Sequence] | None:
        """The fewest that must make way for it, in the order of their turns; None if there would be no room even so."""
        match = self._slots.match(first)
        yielding = self._turns.yielding([sequence for sequence in self.running if sequence.leader is None], first)
        leaving: list[Sequence] = []
        while not self._is_room_for(first, match, leaving):
            if len(leaving) == len(yielding):
                return None
            leaving.append(yielding[len(leaving)])
        for sequence in list(leaving):
            others = [other for other in leaving if other is not sequence]
            if self._is_room_for(first, match, others):
                leaving = others
        return leaving

    def _wake_followers(self) -> None:
        for sequence in self.running:
            leader = sequence.leader
            if leader is not None and (leader.slot is None or leader.slot.computed >= sequence.leader_length):
                self._slots.end_waiting(sequence)

    def _admit(self) -> None:
        while self._is_admitting and self.waiting and self._slots.num_free:
            sequence = self.waiting[0]
            match = self._slots.match(sequence)
            if self.running and not self._fits(sequence, match):
                self._is_admitting = False
                return
            self.waiting.popleft()
            self._slots.place(sequence, match)
            self.running.append(sequence)

    def _is_room_for(self, sequence: Sequence, match: Match, leaving: list[Sequence]) -> bool:
        """Whether it can have a turn once ``leaving`` have left. What runs alone needs no room to grow."""
        if not leaving and not self._slots.num_free:
            return False
        return len(leaving) == len(self.running) or self._fits(sequence, match, _TURN_ROOM, leaving)

    def _fits(
        self, sequence: Sequence, match: Match, growth: int = _GROWTH_ROOM, leaving: Collection[Sequence] = ()
    ) -> bool:
        """Whether there are cells for it, each running sequence growing by ``growth``, once ``leaving`` have left."""
        shared = match.leader_length if match.leader not in leaving else 0
        source = match.source.sequence if match.source is not None else None
        if source is not None and source not in leaving:
            shared = max(shared, match.length)
        promised = self._slots.cells_promised - sum(map(self._slots.promised_to, leaving))
        growth *= len(self.running) - len(leaving) + 1
        return promised + sequence.num_tokens - shared + growth <= self._pool_size

    def _plan_prompts(self, plan: Plan, prompts: list[Sequence]) -> None:
        room = self._pace.prompt_tokens(streaming=len(plan.outputs), prompts=len(prompts))
        end = min(plan.num_tokens + room, self._n_batch)
        room = end - plan.num_tokens
        oldest, *others = prompts
        others.sort(key=lambda sequence: sequence.num_remaining)
        needed = sum(sequence.num_remaining for sequence in others)
        plan.add_chunk(oldest, max(room - needed, (room + 1) // 2))
        for sequence in others:
            plan.add_chunk(sequence, end - plan.num_tokens)
