"""llama.cpp behind typed objects: the only importer of ``llama_cpp``.

Misuse of its C interface aborts the process instead of raising. Every call here checks in Python what
the C code would assert, and turns every failure that comes back into an error of the protocol.
"""

from dmr_desktop.engine.llama.context import Context
from dmr_desktop.engine.llama.embedding_context import EmbeddingContext
from dmr_desktop.engine.llama.model import Model, Pooling
from dmr_desktop.engine.llama.ranking_context import RankingContext
from dmr_desktop.engine.llama.vocabulary import Vocabulary

__all__ = ["Context", "EmbeddingContext", "Model", "Pooling", "RankingContext", "Vocabulary"]
