"""A model's working memory for turning each text into one row of numbers; nothing is kept between calls.

One thread owns it.
"""

import llama_cpp
import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.llama import library
from dmr_desktop.engine.llama.batch import Batch
from dmr_desktop.engine.llama.context import MAX_SEQUENCES, new_context
from dmr_desktop.engine.llama.model import Model, Pooling
from dmr_desktop.protocol.errors import RunnerError, RunnerStartFailed

_CHUNK_TOKENS = 512


class PooledContext:
    """Up to ``num_sequences`` inputs and ``max_tokens`` tokens a call; ``dimension`` numbers an input."""

    def __init__(
        self, model: Model, pooling: Pooling, dimension: int, *, max_tokens: int, num_sequences: int, threads: int
    ) -> None:
        """Raises :class:`RunnerStartFailed` when the memory cannot be had."""
        if not 1 <= num_sequences <= MAX_SEQUENCES:
            raise RunnerStartFailed(f"The number of sequences must be from 1 to {MAX_SEQUENCES}, not {num_sequences}.")
        if min(max_tokens, threads) < 1:
            raise RunnerStartFailed("Context size and threads must be positive.")
        self.num_sequences = num_sequences
        self.max_tokens = max_tokens
        self.dimension = dimension
        # A row that depends on all tokens is only right when they are computed in one go. One that is read off
        # the last token can be computed in pieces, which saves a table of logits for every token of a long text.
        is_read_off_last = pooling is Pooling.RANK and model.is_generative
        capacity = min(max_tokens, _CHUNK_TOKENS) if is_read_off_last else max_tokens
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = max_tokens
        params.n_batch = params.n_ubatch = capacity
        params.n_seq_max = num_sequences
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = True
        params.pooling_type = pooling
        params.kv_unified = True
        params.no_perf = True
        self._handle = new_context(model, params)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self._compute = llama_cpp.llama_encode if model.has_encoder else llama_cpp.llama_decode
        self._batch = Batch(capacity)
        self._batch.wanted[:] = 1

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_free(self._handle)
            self._handle = None
            self._memory = None

    def set_threads(self, count: int) -> None:
        llama_cpp.llama_set_n_threads(self._open(), count, count)

    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        """Rows ``[len(inputs), dimension]`` as the model makes them.

        All inputs together must fit ``max_tokens``; none may be empty.
        """
        lengths = [len(tokens) for tokens in inputs]
        count = sum(lengths)
        if not 1 <= len(inputs) <= self.num_sequences or count > self.max_tokens or not all(lengths):
            raise RunnerError(f"{len(inputs)} inputs of {count} tokens do not make a batch.")
        handle = self._open()
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, False)
        tokens = np.concatenate([np.asarray(one, np.int32) for one in inputs])
        positions = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
        seq_ids = np.repeat(np.arange(len(inputs), dtype=np.int32), lengths)
        ends = np.cumsum(lengths)
        rows = np.empty((len(inputs), self.dimension), np.float32)
        batch = self._batch
        for start in range(0, count, batch.capacity):
            stop = min(start + batch.capacity, count)
            batch.tokens[: stop - start] = tokens[start:stop]
            batch.positions[: stop - start] = positions[start:stop]
            batch.seq_ids[: stop - start] = seq_ids[start:stop]
            code = self._compute(handle, batch.struct(stop - start))
            if code != 0:
                raise RunnerError(f"llama.cpp failed to compute a batch (code {code}).", evidence=library.complaints())
            for seq_id in np.flatnonzero((ends > start) & (ends <= stop)):
                pointer = llama_cpp.llama_get_embeddings_seq(handle, int(seq_id))
                if not pointer:
                    raise RunnerError("llama.cpp brought no result for a text.")
                rows[seq_id] = np.ctypeslib.as_array(pointer, (self.dimension,))
        return rows

    def _open(self) -> int:
        if self._handle is None:
            raise RunnerError("The context is closed.")
        return self._handle
