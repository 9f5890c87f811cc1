"""LangChain's standard integration suite for embeddings against the real service."""

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from dmr_langchain import DMREmbeddings
from tests.langchain.conftest import EMBEDDING_MODEL

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("found_service", "embedding_model")
class TestDMREmbeddingsLive(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DMREmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": EMBEDDING_MODEL}


@pytest.mark.usefixtures("found_service", "embedding_model")
def test_vectors_are_of_unit_length_and_belong_to_their_texts() -> None:
    embeddings = DMREmbeddings(model=EMBEDDING_MODEL, chunk_size=2)
    texts = ["first text", "a second text", "and a third one"]
    vectors = embeddings.embed_documents(texts)
    for text, vector in zip(texts, vectors, strict=True):
        assert sum(value * value for value in vector) == pytest.approx(1.0, abs=1e-4)
        assert embeddings.embed_query(text) == pytest.approx(vector, abs=1e-3)
    assert vectors[0] != pytest.approx(vectors[1], abs=1e-2)
