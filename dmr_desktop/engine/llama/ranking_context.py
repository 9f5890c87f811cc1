"""A model's working memory for scoring how well a document answers a query."""

from dmr_desktop.engine.llama.model import Model, Pooling
from dmr_desktop.engine.llama.pooled_context import PooledContext


class RankingContext(PooledContext):
    """The numbers of the model's classifier head; the first is the score.

    The model must have such a head: llama.cpp cannot tell, and without one the numbers mean nothing.
    """

    def __init__(self, model: Model, *, max_tokens: int, num_sequences: int, threads: int) -> None:
        super().__init__(
            model,
            Pooling.RANK,
            model.num_classes,
            max_tokens=max_tokens,
            num_sequences=num_sequences,
            threads=threads,
        )
