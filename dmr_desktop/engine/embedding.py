"""Turning token lists into vectors, many in one call of llama.cpp. Owned by one thread; nothing is kept."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.api import EngineFacts
from dmr_desktop.engine.cores import FreeCores, default_threads
from dmr_desktop.engine.llama import EmbeddingContext, Model
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest

MAX_CONTEXT_SIZE = 8192
_INPUTS_AT_ONCE = 64


class VectorContext(Protocol):
    """All of :class:`.llama.EmbeddingContext` that is used here."""

    @property
    def num_sequences(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]: ...
    def set_threads(self, count: int) -> None: ...
    def close(self) -> None: ...


class EmbeddingEngine:
    """Vectors of length 1 (L2), one an input."""

    def __init__(self, context: VectorContext, facts: EngineFacts, threads: AdaptiveThreads) -> None:
        self.facts = facts
        self._context = context
        self._threads = threads

    @classmethod
    def open(cls, model: Model, *, context_size: int | None = None, threads: int | None = None) -> "EmbeddingEngine":
        """``context_size`` tokens are the longest input; None: what the model was trained for, at most 8192.

        Never more than it was trained for: beyond that many embedding models have no positions.
        Raises :class:`RunnerStartFailed` for models that make no embeddings or when memory is short.
        """
        most = min(context_size or MAX_CONTEXT_SIZE, model.train_context_size)
        adaptive = AdaptiveThreads(threads or default_threads(), free_cores=FreeCores())
        context = EmbeddingContext(model, max_tokens=most, num_sequences=_INPUTS_AT_ONCE, threads=adaptive.start())
        facts = EngineFacts(
            context_size=most,
            train_context_size=model.train_context_size,
            num_sequences=_INPUTS_AT_ONCE,
            vocab_size=model.vocabulary.size,
            embedding_length=context.dimension,
        )
        return cls(context, facts, adaptive)

    def embed(self, inputs: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Float32 ``[len(inputs), embedding_length]``. Computes until all are done.

        Raises :class:`ContextOverflow` for an input that is too long, :class:`InvalidRequest` for an empty one
        or token ids that the vocabulary lacks; then nothing is computed.
        """
        for number, tokens in enumerate(inputs):
            self._check(number, tokens)
        vectors = np.zeros((len(inputs), self.facts.embedding_length), np.float32)
        for batch in self._batches(inputs):
            vectors[batch] = self._compute([list(inputs[number]) for number in batch])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def close(self) -> None:
        """Frees the context. The model stays with its owner."""
        self._context.close()

    def _compute(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        before = perf_counter()
        vectors = self._context.embed(inputs)
        count = sum(map(len, inputs))
        # Batches of about the same length are one kind of step.
        if self._threads.observe(count.bit_length(), (perf_counter() - before) / count):
            self._context.set_threads(self._threads.count)
        return vectors

    def _check(self, number: int, tokens: Sequence[int]) -> None:
        if not tokens:
            raise InvalidRequest(f"Input {number} is empty.", hint="Leave empty inputs out.", param="input")
        most = self._context.max_tokens
        if len(tokens) > most:
            raise ContextOverflow(
                f"This model's maximum context length is {most} tokens, however you requested {len(tokens)} tokens "
                f"in input {number}. Please reduce your input.",
                hint="Split the text into shorter pieces.",
                param="input",
            )
        if min(tokens) < 0 or max(tokens) >= self.facts.vocab_size:
            raise InvalidRequest(
                f"Input {number} has token ids outside 0 to {self.facts.vocab_size - 1}.", param="input"
            )

    def _batches(self, inputs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Numbers of the inputs that go together, in order, as many as fit."""
        batch: list[int] = []
        count = 0
        for number, tokens in enumerate(inputs):
            if batch and (count + len(tokens) > self._context.max_tokens or len(batch) == self._context.num_sequences):
                yield batch
                batch, count = [], 0
            batch.append(number)
            count += len(tokens)
        if batch:
            yield batch
