"""A model's working memory for turning texts into vectors."""

from dmr_desktop.engine.llama.model import Model, Pooling
from dmr_desktop.engine.llama.pooled_context import PooledContext
from dmr_desktop.protocol.errors import RunnerStartFailed


class EmbeddingContext(PooledContext):
    """Vectors of the model's embedding length, not normalised."""

    def __init__(self, model: Model, *, max_tokens: int, num_sequences: int, threads: int) -> None:
        """Models that do not say how to pool (most made for text) are pooled by mean."""
        if model.pooling is Pooling.RANK:
            raise RunnerStartFailed(
                "This model ranks documents; it makes no embeddings.",
                hint="Use it with /v1/rerank, or choose a model made for embeddings.",
            )
        super().__init__(
            model,
            model.pooling or Pooling.MEAN,
            model.embedding_length,
            max_tokens=max_tokens,
            num_sequences=num_sequences,
            threads=threads,
        )
