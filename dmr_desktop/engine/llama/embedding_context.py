"""A model's working memory for turning texts into vectors: many inputs a call, nothing kept between calls.

One thread owns it. An input's vector is only right when all its tokens are computed in one go, so the
batch is as large as the longest input allowed.
"""

import llama_cpp
import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.llama import library
from dmr_desktop.engine.llama.batch import Batch
from dmr_desktop.engine.llama.context import MAX_SEQUENCES, new_context
from dmr_desktop.engine.llama.model import Model, Pooling
from dmr_desktop.protocol.errors import RunnerError, RunnerStartFailed


class EmbeddingContext:
    """Up to ``num_sequences`` inputs and ``max_tokens`` tokens a call."""

    def __init__(self, model: Model, *, max_tokens: int, num_sequences: int, threads: int) -> None:
        """Models that do not say how to pool (most made for text) are pooled by mean."""
        if not 1 <= num_sequences <= MAX_SEQUENCES:
            raise RunnerStartFailed(f"The number of sequences must be from 1 to {MAX_SEQUENCES}, not {num_sequences}.")
        if min(max_tokens, threads) < 1:
            raise RunnerStartFailed("Context size and threads must be positive.")
        if model.pooling is Pooling.RANK:
            raise RunnerStartFailed(
                "This model ranks documents; it makes no embeddings.", hint="Choose a model made for embeddings."
            )
        self.num_sequences = num_sequences
        self.dimension = model.embedding_length
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = max_tokens
        params.n_seq_max = num_sequences
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = True
        params.pooling_type = model.pooling if model.has_pooling else Pooling.MEAN
        params.kv_unified = True
        params.no_perf = True
        self._handle = new_context(model, params)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self._compute = llama_cpp.llama_encode if model.has_encoder else llama_cpp.llama_decode
        self.max_tokens = max_tokens
        self._batch = Batch(max_tokens)
        self._batch.wanted[:] = 1

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_free(self._handle)
            self._handle = None
            self._memory = None

    def set_threads(self, count: int) -> None:
        llama_cpp.llama_set_n_threads(self._open(), count, count)

    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        """Vectors ``[len(inputs), dimension]`` as the model makes them, not normalised.

        All inputs together must fit ``max_tokens``; none may be empty.
        """
        count = sum(map(len, inputs))
        if not 1 <= len(inputs) <= self.num_sequences or count > self.max_tokens or not all(inputs):
            raise RunnerError(f"{len(inputs)} inputs of {count} tokens do not make an embedding batch.")
        handle = self._open()
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, False)
        batch, start = self._batch, 0
        for seq_id, tokens in enumerate(inputs):
            end = start + len(tokens)
            batch.tokens[start:end] = tokens
            batch.positions[start:end] = np.arange(len(tokens))
            batch.seq_ids[start:end] = seq_id
            start = end
        code = self._compute(handle, batch.struct(count))
        if code != 0:
            raise RunnerError(f"llama.cpp failed to compute embeddings (code {code}).", evidence=library.complaints())
        vectors = np.empty((len(inputs), self.dimension), np.float32)
        for seq_id in range(len(inputs)):
            pointer = llama_cpp.llama_get_embeddings_seq(handle, seq_id)
            if not pointer:
                raise RunnerError("llama.cpp brought no embedding.")
            vectors[seq_id] = np.ctypeslib.as_array(pointer, (self.dimension,))
        return vectors

    def _open(self) -> int:
        if self._handle is None:
            raise RunnerError("The context is closed.")
        return self._handle
