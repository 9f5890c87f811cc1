"""A request for vectors and its answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """``inputs``: texts, or token ids used as they are. At least one; none empty."""

    inputs: tuple[str | tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """One L2-normalised vector an input, in order; all of the model's embedding length."""

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int
