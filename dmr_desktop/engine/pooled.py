"""Turning token lists into rows of numbers, many in one call of llama.cpp. Owned by one thread; nothing is kept."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.api import EngineFacts
from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest

INPUTS_AT_ONCE = 64
_LEAST_TOGETHER = 256
_LOGITS_BYTES = 512 * 1024 * 1024


def tokens_together(vocab_size: int) -> int:
    """How many tokens of several texts one call should compute.

    llama.cpp keeps a row of logits for each of them, though nobody asked for it: with a vocabulary of 250 000
    a token costs a megabyte.
    """
    return max(_LEAST_TOGETHER, _LOGITS_BYTES // (4 * vocab_size))


class RowContext(Protocol):
    """All of :class:`.llama.pooled_context.PooledContext` that is used here."""

    @property
    def dimension(self) -> int: ...
    @property
    def num_sequences(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]: ...
    def set_threads(self, count: int) -> None: ...
    def close(self) -> None: ...


class PooledEngine:
    """One row of ``facts.embedding_length`` numbers an input. The other three word the refusals."""

    noun = "input"
    param = "input"
    too_long = "Split the text into shorter pieces."

    @staticmethod
    def facts_of(model: Model, context: RowContext) -> EngineFacts:
        """What there is to say of an engine on this model with this context."""
        return EngineFacts(
            context_size=context.max_tokens,
            train_context_size=model.train_context_size,
            num_sequences=context.num_sequences,
            vocab_size=model.vocabulary.size,
            embedding_length=context.dimension,
        )

    def __init__(self, context: RowContext, facts: EngineFacts, threads: AdaptiveThreads) -> None:
        self.facts = facts
        self._context = context
        self._threads = threads
        self._together = tokens_together(facts.vocab_size)

    def close(self) -> None:
        """Frees the context. The model stays with its owner."""
        self._context.close()

    def _rows(self, inputs: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Float32 ``[len(inputs), embedding_length]``. Computes until all are done.

        Raises :class:`ContextOverflow` for an input that is too long, :class:`InvalidRequest` for an empty one
        or token ids that the vocabulary lacks; then nothing is computed.
        """
        for number, tokens in enumerate(inputs):
            self._check(number, tokens)
        rows = np.zeros((len(inputs), self.facts.embedding_length), np.float32)
        for batch in self._batches(inputs):
            rows[batch] = self._compute([list(inputs[number]) for number in batch])
        return rows

    def _compute(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        before = perf_counter()
        rows = self._context.embed(inputs)
        if self._threads.adapt(perf_counter() - before):
            self._context.set_threads(self._threads.count)
        return rows

    def _check(self, number: int, tokens: Sequence[int]) -> None:
        if not tokens:
            raise InvalidRequest(
                f"{self.noun.capitalize()} {number} is empty.", hint="Leave empty inputs out.", param=self.param
            )
        most = self._context.max_tokens
        if len(tokens) > most:
            raise ContextOverflow(
                f"This model's maximum context length is {most} tokens, however you requested {len(tokens)} tokens "
                f"in {self.noun} {number}. Please reduce your input.",
                hint=self.too_long,
                param=self.param,
            )
        if min(tokens) < 0 or max(tokens) >= self.facts.vocab_size:
            raise InvalidRequest(
                f"{self.noun.capitalize()} {number} has token ids outside 0 to {self.facts.vocab_size - 1}.",
                param=self.param,
            )

    def _batches(self, inputs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Numbers of the inputs that go together, in order, as many as fit."""
        most = min(self._context.max_tokens, self._together)
        batch: list[int] = []
        count = 0
        for number, tokens in enumerate(inputs):
            if batch and (count + len(tokens) > most or len(batch) == self._context.num_sequences):
                yield batch
                batch, count = [], 0
            batch.append(number)
            count += len(tokens)
        if batch:
            yield batch
