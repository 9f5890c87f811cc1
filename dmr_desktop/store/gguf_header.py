"""What the header of a GGUF file says, read from the file (:mod:`.gguf`) or from metadata that was kept of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dmr_desktop.store.gguf_types import FILE_TYPES, ValueType

TOKENS = "tokenizer.ggml.tokens"
MAX_SHOWN_ITEMS = 50
"""Longer arrays are left out of the metadata, as in Docker Model Runner."""
_INTEGER = re.compile(r"-?\d{1,18}")

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """``metadata`` holds every key but long arrays, in the file's order, as text; ``values`` the scalars and strings.

    ``array_lengths`` and ``array_types`` are those of all arrays, ``numbers`` the content of short ones of integers.
    ``num_elements`` and ``tensor_bytes`` are sums over the tensors.
    ``has_ranking_head``: a tensor of it turns a text into scores, as in models that rank documents.
    """

    version: int
    values: dict[str, Value]
    metadata: dict[str, str]
    array_lengths: dict[str, int]
    array_types: dict[str, ValueType]
    numbers: dict[str, tuple[int, ...]]
    num_tensors: int
    num_elements: int
    tensor_bytes: int
    has_ranking_head: bool = False

    @property
    def architecture(self) -> str:
        found = self.values.get("general.architecture", "")
        return found.strip() if isinstance(found, str) else ""

    @property
    def quantization(self) -> str:
        found = self.values.get("general.file_type")
        return FILE_TYPES.get(found, "Unknown") if isinstance(found, int) else "Unknown"

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None when the file does not say."""
        found = self.number("context_length")
        return found if found is not None and found > 0 else None

    @property
    def num_shards(self) -> int:
        found = self.values.get("split.count")
        return found if isinstance(found, int) and found > 0 else 1

    def number(self, name: str) -> int | None:
        """The whole number at ``<architecture>.<name>``."""
        found = self.values.get(f"{self.architecture}.{name}")
        return found if isinstance(found, int) and not isinstance(found, bool) else None


def header_of_metadata(metadata: Mapping[str, str]) -> GGUFHeader:
    """The header of which only :attr:`GGUFHeader.metadata` is known: numbers are read back from their texts."""
    values: dict[str, Value] = {}
    numbers: dict[str, tuple[int, ...]] = {}
    for key, text in metadata.items():
        found = _integers(text)
        if len(found) == 1:
            values[key] = found[0]
        elif found:
            numbers[key] = found
        else:
            values[key] = text
    architecture = values.get("general.architecture")
    vocabulary = values.get(f"{architecture}.vocab_size")
    lengths = {TOKENS: vocabulary} if isinstance(vocabulary, int) else {}
    return GGUFHeader(3, values, dict(metadata), lengths, {}, numbers, 0, 0, 0)


def _integers(text: str) -> tuple[int, ...]:
    """The whole numbers of ``1, 2, 3``; () if it is something else."""
    parts = text.split(", ")
    if len(parts) > MAX_SHOWN_ITEMS or not all(_INTEGER.fullmatch(part) for part in parts):
        return ()
    return tuple(int(part) for part in parts)


def shown(value: Value) -> str:
    """As it stands in the metadata."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:f}"
    return str(value)
