"""Whether a model's files can rank documents. Blocking: reads their headers."""

from collections.abc import Sequence
from pathlib import Path

from dmr_desktop.protocol.errors import StoreError, UnsupportedModel
from dmr_desktop.store.gguf import read_header


def check_can_rank(parts: Sequence[Path]) -> None:
    """Raises :class:`UnsupportedModel` for a model without a head: llama.cpp would rank with it, and give nonsense.

    StoreError if a file cannot be read.
    """
    try:
        if any(read_header(path).has_ranking_head for path in parts):
            return
    except OSError as error:
        raise StoreError(f"the model cannot be read: {error.strerror}", hint="pull the model again") from error
    raise UnsupportedModel(
        "this model cannot rank documents: it has no classifier head",
        hint="choose a reranking model (a cross-encoder, such as bge-reranker), or compare embeddings instead",
    )
