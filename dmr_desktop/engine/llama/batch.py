"""The tokens of one ``llama_decode`` call, as numpy arrays that the C struct points into.

Filling slices of them costs microseconds for any number of tokens; the struct is set up once.
"""

import ctypes
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as raw
import numpy as np


class Batch:
    """Arrays of ``capacity`` elements: token ids, positions, sequence ids, and whether logits are wanted."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.tokens = np.zeros(capacity, np.int32)
        self.positions = np.zeros(capacity, np.int32)
        self.seq_ids = np.zeros(capacity, np.int32)
        self.wanted = np.zeros(capacity, np.int8)
        # Every token belongs to exactly one sequence: pointer i points at seq_ids[i].
        self._seq_counts = np.ones(capacity, np.int32)
        self._seq_pointers = (self.seq_ids.ctypes.data + 4 * np.arange(capacity)).astype(np.uint64)
        self._struct = llama_cpp.llama_batch()
        self._point("token", self.tokens, raw.llama_token)
        self._point("pos", self.positions, raw.llama_pos)
        self._point("n_seq_id", self._seq_counts, ctypes.c_int32)
        self._point("seq_id", self._seq_pointers, ctypes.POINTER(raw.llama_seq_id))
        self._point("logits", self.wanted, ctypes.c_int8)

    def struct(self, count: int) -> Any:
        """The C struct holding the first ``count`` tokens."""
        self._struct.n_tokens = count
        return self._struct

    def _point(self, field: str, array: "np.ndarray[Any, Any]", kind: Any) -> None:
        setattr(self._struct, field, ctypes.cast(array.ctypes.data, ctypes.POINTER(kind)))
