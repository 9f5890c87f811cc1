"""LangChain's standard suite for embeddings, the part that needs no service."""

from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_tests.unit_tests import EmbeddingsUnitTests

from dmr_langchain import DMREmbeddings


class TestDMREmbeddingsStandard(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DMREmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "ai/mxbai-embed-large", "base_url": "http://localhost:12434"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ({"DMR_API_KEY": "secret"}, {"model": "ai/mxbai-embed-large"}, {"api_key": "secret"})
