"""What the formats layer needs to know of a model's vocabulary."""

from collections.abc import Mapping
from typing import Protocol


class Vocabulary(Protocol):
    """``bos_text`` and ``eos_text`` are empty where the model has no such token; ``add_bos`` is the model's wish."""

    @property
    def bos_text(self) -> str: ...

    @property
    def eos_text(self) -> str: ...

    @property
    def add_bos(self) -> bool: ...

    @property
    def fim(self) -> tuple[int, int, int] | None:
        """The tokens around the two texts beside a gap, see :mod:`.infill`; None for models that fill none."""
        ...

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        """Token ids of ``text``; with ``parse_special`` the text of a control token becomes that token."""
        ...

    def control_texts(self) -> Mapping[str, int]:
        """The text of every control, unknown and user-defined token, with its id."""
        ...

    def token_id(self, text: str) -> int | None:
        """The id of the token spelled exactly so, or None."""
        ...
