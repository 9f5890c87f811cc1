"""A request to rank documents and its answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """Query ``i`` is compared with document ``i``; a single query with every document. No list is empty.

    ``truncate``: what does not fit at the end of a document is left out, instead of being an error.
    """

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    truncate: bool = False


@dataclass(frozen=True, slots=True)
class RerankResult:
    """One score a document, in order: the higher, the more relevant.

    Scores are what the model's head gives, of any size (logits), or, with ``are_probabilities``, from 0 to 1
    for models whose head ends so.
    """

    scores: tuple[float, ...]
    are_probabilities: bool
    prompt_tokens: int
