"""A model's working memory for generating text: the KV cache, one batch and its logits.

One thread owns a context. Every argument is checked here first: a sequence id, a batch or a number of
logits rows out of range would abort the process or corrupt its memory.
"""

import ctypes
import mmap
import sys

import llama_cpp
import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.contracts import LEAST_ROWS
from dmr_desktop.engine.llama import library
from dmr_desktop.engine.llama.batch import Batch
from dmr_desktop.engine.llama.model import Model
from dmr_desktop.engine.llama.tuning import tune_context
from dmr_desktop.protocol.errors import RunnerError, RunnerStartFailed
from dmr_desktop.protocol.runners import AS_IT_IS, EngineTuning

MAX_SEQUENCES = 256
MAX_POOL_SIZE = 1 << 24
_FULL = 1


class Context:
    """``num_sequences`` sequences over one pool of at least ``pool_size`` KV cells that all of them share.

    A cell holds one token for any number of sequences, so a common prefix is stored once.
    """

    def __init__(
        self,
        model: Model,
        *,
        pool_size: int,
        num_sequences: int,
        n_batch: int,
        n_ubatch: int,
        threads: int,
        tuning: EngineTuning = AS_IT_IS,
    ) -> None:
        """Raises :class:`RunnerStartFailed` when the memory cannot be had or the model cannot generate."""
        if not 1 <= num_sequences <= MAX_SEQUENCES:
            raise RunnerStartFailed(f"The number of sequences must be from 1 to {MAX_SEQUENCES}, not {num_sequences}.")
        if min(pool_size, n_batch, n_ubatch, threads) < 1:
            raise RunnerStartFailed("Context size, batch sizes and threads must be positive.")
        if pool_size > MAX_POOL_SIZE:
            # llama.cpp would fill the machine's memory with the table of cells before it gives up.
            raise RunnerStartFailed(f"A context of {pool_size} tokens is too large.", hint=f"At most {MAX_POOL_SIZE}.")
        if not model.is_generative:
            raise RunnerStartFailed(
                "This model cannot generate text.", hint="Use it for embeddings, or choose a model made for chat."
            )
        self.num_sequences = num_sequences
        self.vocab_size = model.vocabulary.size
        self._model = model
        # One sequence more, to hold a part of another for a moment.
        self.can_save_parts = not model.is_recurrent and model.window == 0 and num_sequences < MAX_SEQUENCES
        self._max_rows = max(num_sequences + self.can_save_parts, LEAST_ROWS)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = pool_size
        params.n_batch = n_batch
        params.n_ubatch = min(n_ubatch, n_batch)
        params.n_seq_max = num_sequences + self.can_save_parts
        params.n_outputs_max = self._max_rows
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        params.swa_full = True
        params.no_perf = True
        tune_context(params, tuning)
        self._handle = new_context(model, params)
        memory = llama_cpp.llama_get_memory(self._handle)
        if not memory:
            llama_cpp.llama_free(self._handle)
            raise RunnerStartFailed("This model has no memory to generate from.", hint="Use it for embeddings.")
        self._memory: int | None = memory
        self.pool_size: int = llama_cpp.llama_n_ctx(self._handle)
        self.batch = Batch(llama_cpp.llama_n_batch(self._handle))
        self._unsigned_ids = self.batch.seq_ids.view(np.uint32)
        self._logits_address = 0
        self._logits = np.empty((0, self.vocab_size), np.float32)

    @property
    def can_share(self) -> bool:
        """Whether any prefix of a sequence can be kept or given to another one."""
        return not self._model.is_recurrent

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_free(self._handle)
            self._handle = None
            self._memory = None

    def set_threads(self, count: int) -> None:
        llama_cpp.llama_set_n_threads(self._open(), count, count)

    def decode(self, count: int) -> bool:
        """Computes the first ``count`` tokens of :attr:`batch`.

        False: the pool has no room for them, nothing has changed. Raises :class:`RunnerError` when the
        computation failed; what the sequences of the batch hold is then unknown.
        """
        if not 1 <= count <= self.batch.capacity:
            raise RunnerError(f"A batch of {count} tokens cannot be decoded (limit {self.batch.capacity}).")
        rows = int(np.count_nonzero(self.batch.wanted[:count]))
        if rows > self._max_rows:
            raise RunnerError(f"A batch cannot bring {rows} rows of logits (limit {self._max_rows}).")
        # A negative id is a very large one here.
        if self._unsigned_ids[:count].max() >= self.num_sequences:
            raise RunnerError("A batch names a sequence that does not exist.")
        code = llama_cpp.llama_decode(self._open(), self.batch.struct(count))
        if code in (0, _FULL):
            return bool(code == 0)
        raise RunnerError(f"llama.cpp failed to compute a batch (code {code}).", evidence=library.complaints())

    def logits(self, rows: int) -> npt.NDArray[np.float32]:
        """Logits ``[rows, vocab_size]`` of the last :meth:`decode` in batch order: a view, valid until the next.

        ``rows`` is how many were wanted. The rows may be written to.
        """
        pointer = llama_cpp.llama_get_logits(self._open())
        if not pointer:
            raise RunnerError("llama.cpp brought no logits.")
        address = ctypes.addressof(pointer.contents)
        if address != self._logits_address:
            self._logits = np.ctypeslib.as_array(pointer, (self._max_rows, self.vocab_size))
            self._logits_address = address
        return self._logits[:rows]

    def keep_prefix(self, seq_id: int, length: int) -> bool:
        """Forgets all of a sequence from position ``length`` on. False: the model cannot, and nothing is kept."""
        memory = self._checked(seq_id)
        if length <= 0 or not llama_cpp.llama_memory_seq_rm(memory, seq_id, length, -1):
            self.clear(seq_id)
            return length <= 0
        return True

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        """Lets the empty sequence ``target`` share the first ``length`` cells of ``source``. Copies no data."""
        memory = self._checked(source)
        self._checked(target)
        if not self.can_share:
            raise RunnerError("This model's memory cannot be shared between sequences.")
        llama_cpp.llama_memory_seq_cp(memory, source, target, 0, length)

    def clear(self, seq_id: int) -> None:
        llama_cpp.llama_memory_seq_rm(self._checked(seq_id), seq_id, -1, -1)

    def save(self, seq_id: int, most_bytes: int, start: int = 0) -> npt.NDArray[np.uint8] | None:
        """A copy of what is held for a sequence from position ``start`` on, which is 0 unless :attr:`can_save_parts`.

        None if that would be more than ``most_bytes``, or nothing. Cells shared with others are copied too; windows may
        leave out what they no longer look at.
        """
        memory = self._checked(seq_id)
        if start == 0:
            return self._copy_of(seq_id, most_bytes)
        spare = self._spare()
        llama_cpp.llama_memory_seq_cp(memory, seq_id, spare, start, -1)
        try:
            return self._copy_of(spare, most_bytes)
        finally:
            llama_cpp.llama_memory_seq_rm(memory, spare, -1, -1)

    def restore(self, seq_id: int, data: npt.NDArray[np.uint8], start: int = 0) -> bool:
        """Gives a sequence that holds ``start`` tokens what :meth:`save` took from there on.

        False: there is no room, and it stays as it is.
        """
        memory = self._checked(seq_id)
        target = self._spare() if start else seq_id
        is_done = bool(llama_cpp.llama_state_seq_set_data(self._open(), _bytes_of(data), data.nbytes, target))
        if is_done and start:
            llama_cpp.llama_memory_seq_cp(memory, target, seq_id, -1, -1)
        if start or not is_done:
            llama_cpp.llama_memory_seq_rm(memory, target, -1, -1)
        return is_done

    def has_prefix(self, seq_id: int, length: int) -> bool:
        """Whether computing can go on at position ``length``: sliding windows may have dropped older cells."""
        window = self._model.window
        if window == 0:
            return True
        oldest = int(llama_cpp.llama_memory_seq_pos_min(self._checked(seq_id), seq_id))
        return oldest == 0 or 0 < oldest < length - window

    def _copy_of(self, seq_id: int, most_bytes: int) -> npt.NDArray[np.uint8] | None:
        size = int(llama_cpp.llama_state_seq_get_size(self._open(), seq_id))
        if not 0 < size <= most_bytes:
            return None
        try:
            data = np.frombuffer(_own_memory(size), np.uint8)
        except OSError:
            return None
        written = int(llama_cpp.llama_state_seq_get_data(self._open(), _bytes_of(data), size, seq_id))
        return data if written == size else None

    def _spare(self) -> int:
        """The id of the sequence that nobody else has; it is empty."""
        if not self.can_save_parts:
            raise RunnerError("This model's memory cannot be saved in parts.")
        return self.num_sequences

    def _open(self) -> int:
        if self._handle is None:
            raise RunnerError("The context is closed.")
        return self._handle

    def _checked(self, seq_id: int) -> int:
        if self._memory is None:
            raise RunnerError("The context is closed.")
        if not 0 <= seq_id < self.num_sequences:
            raise RunnerError(f"There is no sequence {seq_id} (there are {self.num_sequences}).")
        return self._memory


def _own_memory(size: int) -> mmap.mmap:
    """``size`` bytes that are counted as this process's own. Raises OSError if they cannot be had.

    Not numpy's memory: it asks for huge pages, and to clear those takes longer than all the copying.
    """
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _bytes_of(data: npt.NDArray[np.uint8]) -> "ctypes._Pointer[ctypes.c_uint8]":
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def new_context(model: Model, params: llama_cpp.llama_context_params) -> int | None:
    """A C context. Raises :class:`RunnerStartFailed` with llama.cpp's own words as evidence."""
    library.forget_complaints()
    handle: int | None = llama_cpp.llama_init_from_model(model.handle, params)
    if not handle:
        raise RunnerStartFailed(
            f"No room for a context of {params.n_ctx} tokens.",
            hint="Configure a smaller context size.",
            evidence=library.complaints(),
        )
    return handle
