"""The place of one sequence in the KV cache."""

from dataclasses import dataclass, field

import numpy as np

from dmr_desktop.engine.parked import Tokens, common_length
from dmr_desktop.engine.sequence import Sequence

NO_TOKENS: Tokens = np.empty(0, np.int32)


@dataclass(slots=True, eq=False)
class Slot:
    """``tokens[:computed]`` is what the KV cache holds for sequence id ``id``.

    ``sequence`` is set while one runs here. Of its tokens ``borrowed`` came from another slot. ``paused`` is the one
    that ran here and had to make way.
    """

    id: int
    tokens: Tokens = field(default_factory=lambda: NO_TOKENS)
    computed: int = 0
    borrowed: int = 0
    sequence: Sequence | None = None
    paused: Sequence | None = None
    last_used: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits who is sure to use what it holds."""
        return self.paused is not None and self.paused.slot is None and self.paused.finish is None


def shared_length(slot: Slot, others: list[Slot]) -> int:
    held = slot.tokens[: slot.computed]
    known = (other.tokens[: other.computed] for other in others if other is not slot)
    return max((common_length(held, tokens) for tokens in known), default=0)
