"""Turning token lists into vectors, many in one call of llama.cpp. Owned by one thread; nothing is kept."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.cores import FreeCores, default_threads
from dmr_desktop.engine.llama import EmbeddingContext, Model
from dmr_desktop.engine.pooled import INPUTS_AT_ONCE, PooledEngine
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import RunnerError

MAX_CONTEXT_SIZE = 8192


class EmbeddingEngine(PooledEngine):
    """Vectors of length 1 (L2), one an input."""

    @classmethod
    def open(cls, model: Model, *, context_size: int | None = None, threads: int | None = None) -> "EmbeddingEngine":
        """``context_size`` tokens are the longest input; None: what the model was trained for, at most 8192.

        Never more than it was trained for: beyond that many embedding models have no positions.
        Raises :class:`RunnerStartFailed` for models that make no embeddings or when memory is short.
        """
        most = min(context_size or MAX_CONTEXT_SIZE, model.train_context_size)
        adaptive = AdaptiveThreads(threads or default_threads(), FreeCores())
        context = EmbeddingContext(model, max_tokens=most, num_sequences=INPUTS_AT_ONCE, threads=adaptive.start())
        return cls(context, cls.facts_of(model, context), adaptive)

    def embed(self, inputs: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Float32 ``[len(inputs), embedding_length]``. Computes until all are done.

        Raises :class:`ContextOverflow` for an input that is too long, :class:`InvalidRequest` for an empty one
        or token ids that the vocabulary lacks; then nothing is computed. :class:`RunnerError` if the model gives
        something that is no number.
        """
        vectors = self._rows(inputs)
        if not np.isfinite(vectors).all():
            raise RunnerError("The model's vectors are not numbers.", hint="The file may be damaged: pull it again.")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors
