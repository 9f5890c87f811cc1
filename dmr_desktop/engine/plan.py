"""What one step computes, and how that looks in a batch."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dmr_desktop.engine.contracts import BatchArrays
from dmr_desktop.engine.sequence import Sequence


@dataclass(slots=True)
class Plan:
    """One batch: a token of each of ``decoding``, then ``(sequence, count)`` for each of ``chunks``.

    ``outputs`` are the sequences whose next logits the batch brings, in batch order; one whose prompt is scored is
    there for each of its tokens.
    """

    decoding: list[Sequence] = field(default_factory=list)
    chunks: list[tuple[Sequence, int]] = field(default_factory=list)
    outputs: list[Sequence] = field(default_factory=list)
    num_tokens: int = 0

    @property
    def sequences(self) -> Iterator[Sequence]:
        yield from self.decoding
        for sequence, _ in self.chunks:
            yield sequence

    def add_chunk(self, sequence: Sequence, most: int) -> None:
        """Adds what the sequence has not computed yet, at most ``most`` tokens of it."""
        count = min(sequence.num_remaining, most)
        if count <= 0:
            return
        self.chunks.append((sequence, count))
        self.num_tokens += count
        if sequence.is_scoring:
            self.outputs += [sequence] * count
        elif count == sequence.num_remaining:
            self.outputs.append(sequence)

    def fill(self, batch: BatchArrays) -> None:
        """Writes the tokens into the batch. Takes a fixed time for all decoding sequences together."""
        rows, count = self.decoding, len(self.decoding)
        if rows:
            batch.tokens[:count] = [sequence.tokens[sequence.num_tokens - 1] for sequence in rows]
            batch.positions[:count] = [sequence.num_tokens - 1 for sequence in rows]
            batch.seq_ids[:count] = [sequence.running_slot.id for sequence in rows]
            batch.wanted[:count] = 1
        start = count
        for sequence, length in self.chunks:
            slot, end = sequence.running_slot, start + length
            done = slot.computed + length
            batch.tokens[start:end] = sequence.tokens[slot.computed : done]
            batch.positions[start:end] = np.arange(slot.computed, done)
            batch.seq_ids[start:end] = slot.id
            batch.wanted[start:end] = sequence.is_scoring
            batch.wanted[end - 1] |= done == sequence.num_tokens
            start = end

    def mark_computed(self) -> None:
        """The batch is in the KV cache."""
        for sequence in self.decoding:
            sequence.running_slot.computed += 1
        for sequence, length in self.chunks:
            sequence.running_slot.computed += length
