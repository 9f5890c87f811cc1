"""Who computes what in the next step. Touches no logits and calls no model.

Sequences wait in the order they came. Running ones stream first, one token each; prompts share the rest
of the batch, the oldest one getting at least half of it, so that a long prompt neither starves nor blocks
the short ones behind it.
"""

from collections import deque

from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.plan import Plan
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slots import Match, Slots

# KV cells kept free for each running sequence to grow into, so that a newcomer does not force one out at once.
_GROWTH_ROOM = 32
# A streaming sequence that is more tokens behind than this (a preempted one) is paced like a prompt;
# with fewer (forced by a grammar) it goes first like the others that stream.
_FEW_TOKENS = 64


class Scheduler:
    """A sequence is in ``waiting`` without a slot, or in ``running`` with one."""

    def __init__(self, slots: Slots, pace: PrefillPace, *, n_batch: int, pool_size: int) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self._slots = slots
        self._pace = pace
        self._n_batch = n_batch
        self._pool_size = pool_size
        # Closed once the first in line does not fit; opened when cells or a slot become free.
        self._is_admitting = True

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def schedule(self) -> Plan:
        """Admits what fits and plans the next batch; an empty plan if there is nothing to do.

        Changes nothing that a second call would not find again, so that a batch which found no room
        can be planned anew.
        """
        self._wake_followers()
        self._admit()
        prompts: list[Sequence] = []
        behind: list[Sequence] = []
        plan = Plan()
        for sequence in self.running:
            if sequence.leader is not None:
                continue
            remaining = sequence.num_remaining
            if not sequence.is_streaming or remaining > _FEW_TOKENS:
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
        return plan

    def remove(self, sequence: Sequence) -> None:
        """The sequence has ended, wherever it was."""
        if sequence.slot is None:
            self.waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._slots.release(sequence)
        self._is_admitting = True

    def preempt_youngest(self) -> Sequence | None:
        """Sends the last admitted sequence back to wait, its cells freed. None if it is the only one.

        Nobody is admitted until a running sequence ends.
        """
        holders = [sequence for sequence in self.running if sequence.leader is None]
        if len(holders) < 2:
            return None
        youngest = holders[-1]
        slot = youngest.running_slot
        self.running.remove(youngest)
        self._slots.release(youngest)
        self._slots.clear(slot)
        self.waiting.appendleft(youngest)
        self._is_admitting = False
        return youngest

    def _wake_followers(self) -> None:
        for sequence in self.running:
            leader = sequence.leader
            if leader is not None and (leader.slot is None or leader.slot.computed >= sequence.leader_length):
                self._slots.end_waiting(sequence)

    def _admit(self) -> None:
        while self._is_admitting and self.waiting and self._slots.has_free:
            sequence = self.waiting[0]
            match = self._slots.match(sequence)
            if self.running and not self._fits(sequence, match):
                self._is_admitting = False
                return
            self.waiting.popleft()
            self._slots.place(sequence, match)
            self.running.append(sequence)

    def _fits(self, sequence: Sequence, match: Match) -> bool:
        shared = match.leader_length
        if match.source is not None and match.source.sequence is not None:
            shared = max(shared, match.length)
        growth = _GROWTH_ROOM * (len(self.running) + 1)
        return self._slots.cells_promised + sequence.num_tokens - shared + growth <= self._pool_size

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
