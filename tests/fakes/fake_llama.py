"""llama.cpp without a model: a KV cache of real cells and a "model" that is a function of what they hold.

The next token depends on every token of the sequence as the cells have it. A cell that is missing, stale
or of another sequence therefore shows in the text, as it would in reality.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dmr_desktop.protocol.errors import RunnerError

VOCAB_SIZE = 300
BOS, END, HIDDEN, MARKER = 256, 257, 258, 259

NextToken = Callable[[Sequence[int]], int]


def hashed_letter(history: Sequence[int]) -> int:
    """A lower-case letter that depends on every token before it."""
    value = 17
    for token in history:
        value = (value * 31 + int(token) + 1) % 1_000_003
    return ord("a") + value % 26


def expected_text(prompt: Sequence[int], count: int, next_token: NextToken = hashed_letter) -> str:
    """What the fake model writes after a prompt."""
    history = list(prompt)
    for _ in range(count):
        history.append(next_token(history))
    return bytes(history[len(prompt) :]).decode()


def prompt(text: str) -> list[int]:
    return list(text.encode())


class FakeVocabulary:
    """One token a byte, then some control tokens; ``END`` ends a generation."""

    size = VOCAB_SIZE
    eos = END
    eog = frozenset({END})
    address = 0

    def tokenizer_without(self, avoided: Collection[int]) -> int:
        raise AssertionError("the fake has no C function")

    def piece(self, token: int, *, special: bool) -> bytes:
        if token < 256:
            return bytes([token])
        return f"<{token}>".encode() if special else b""

    def control_texts(self) -> dict[str, int]:
        return {f"<{token}>": token for token in range(256, VOCAB_SIZE)}

    def is_control(self, token: int) -> bool:
        return token >= 256


@dataclass(eq=False)
class Cell:
    token: int


class FakeBatch:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.tokens = np.zeros(capacity, np.int32)
        self.positions = np.zeros(capacity, np.int32)
        self.seq_ids = np.zeros(capacity, np.int32)
        self.wanted = np.zeros(capacity, np.int8)


@dataclass
class FakeContext:
    """A unified KV cache of ``pool_size`` cells. Refuses, as an error, whatever would abort llama.cpp.

    ``decoded`` notes the length of every batch computed. ``fail_with`` makes the next decode raise.
    ``is_recurrent``: no prefix can be kept or shared.
    """

    num_sequences: int = 4
    pool_size: int = 1000
    n_batch: int = 256
    next_token: NextToken = hashed_letter
    is_recurrent: bool = False
    cannot_cut: bool = False
    """Says that prefixes can be shared, and then cannot cut one."""
    saves_whole: bool = False
    """Cannot save a part of a sequence."""
    bytes_saved: int = 0
    fail_with: RunnerError | None = None
    poison: int | None = None
    """A sequence id whose logits are not numbers."""
    decoded: list[int] = field(default_factory=list)
    rows_seen: list[list[int]] = field(default_factory=list)
    """Sequence ids of each batch, in order, one entry a token."""
    saved: list[int] = field(default_factory=list)
    """Sequence ids that were asked to be saved."""
    threads: list[int] = field(default_factory=list)
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.batch = FakeBatch(self.n_batch)
        self.cells: list[list[Cell]] = [[] for _ in range(self.num_sequences)]
        self._logits = np.zeros((0, VOCAB_SIZE), np.float32)

    @property
    def can_share(self) -> bool:
        return not self.is_recurrent

    @property
    def can_save_parts(self) -> bool:
        return not self.is_recurrent and not self.saves_whole

    @property
    def cells_used(self) -> int:
        return len({id(cell) for cells in self.cells for cell in cells})

    def decode(self, count: int) -> bool:
        assert 0 < count <= self.n_batch
        if self.fail_with is not None:
            error, self.fail_with = self.fail_with, None
            raise error
        if self.cells_used + count > self.pool_size:
            return False
        batch, rows = self.batch, []
        for index in range(count):
            cells = self.cells[int(batch.seq_ids[index])]
            assert batch.positions[index] == len(cells), "a gap or an overlap in the positions"
            cells.append(Cell(int(batch.tokens[index])))
            if batch.wanted[index]:
                rows.append(self._row(int(batch.seq_ids[index])))
        assert len(rows) <= max(8, self.num_sequences)
        self._logits = np.array(rows, np.float32).reshape(len(rows), VOCAB_SIZE)
        self.decoded.append(count)
        self.rows_seen.append(batch.seq_ids[:count].tolist())
        return True

    def logits(self, rows: int) -> npt.NDArray[np.float32]:
        assert rows == len(self._logits)
        return self._logits

    def keep_prefix(self, seq_id: int, length: int) -> bool:
        if self.cannot_cut:
            self.clear(seq_id)
            return False
        del self.cells[seq_id][length:]
        return True

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        assert not self.is_recurrent
        assert not self.cells[target], "the target of a copy holds something"
        assert length <= len(self.cells[source])
        self.cells[target] = self.cells[source][:length]

    def save(self, seq_id: int, most_bytes: int, start: int) -> npt.NDArray[np.uint8] | None:
        assert not self.is_recurrent
        self.saved.append(seq_id)
        data = np.array([cell.token for cell in self.cells[seq_id][start:]], np.int32).view(np.uint8)
        if not 0 < data.nbytes <= most_bytes:
            return None
        self.bytes_saved += data.nbytes
        return data

    def restore(self, seq_id: int, data: npt.NDArray[np.uint8], start: int) -> bool:
        assert len(self.cells[seq_id]) == start, "a gap or an overlap in the positions"
        tokens = data.view(np.int32)
        if self.cells_used + len(tokens) > self.pool_size:
            return False
        self.cells[seq_id] = self.cells[seq_id] + [Cell(int(token)) for token in tokens]
        return True

    def has_prefix(self, seq_id: int, length: int) -> bool:
        return length <= len(self.cells[seq_id])

    def clear(self, seq_id: int) -> None:
        self.cells[seq_id] = []

    def set_threads(self, count: int) -> None:
        self.threads.append(count)

    def close(self) -> None:
        self.is_closed = True

    def _row(self, seq_id: int) -> npt.NDArray[np.float32]:
        row = np.zeros(VOCAB_SIZE, np.float32)
        if seq_id == self.poison:
            row[:] = np.nan
        else:
            row[self.next_token([cell.token for cell in self.cells[seq_id]])] = 20
        return row
