"""Embeddings on the real llama.cpp: an encoder (BERT) and a text model without pooling of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.protocol.errors import ContextOverflow
from tests.fakes.other_architectures import BERT_CONTEXT, write_bert

TEXTS = [[300], [301, 302, 303], [400] * 50, [304, 305], list(range(320, 400))] * 10


@pytest.fixture(scope="module", params=[write_bert, write_tiny_model], ids=["bert", "llama"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddingEngine]:
    write: Callable[[Path], None] = request.param
    path = tmp_path_factory.mktemp("embedding") / "model.gguf"
    write(path)
    model = Model.load(path, gpu_layers=0)
    made = EmbeddingEngine.open(model, context_size=BERT_CONTEXT, threads=1)
    yield made
    made.close()
    model.close()


def test_vectors_have_length_one_and_the_model_s_dimension(engine: EmbeddingEngine) -> None:
    vectors = engine.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), engine.facts.embedding_length)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_company_changes_nothing(engine: EmbeddingEngine) -> None:
    together = engine.embed(TEXTS)
    for number in range(5):
        # Other batch shapes take other kernels: equal to about three digits, not to the last bit.
        alone = engine.embed([TEXTS[number]])[0]
        assert float(alone @ together[number]) > 0.999
        assert together[number + 5] == pytest.approx(together[number], abs=0.02)


def test_different_texts_have_different_vectors(engine: EmbeddingEngine) -> None:
    vectors = engine.embed(TEXTS[:5])
    likeness = vectors @ vectors.T
    assert (likeness[~np.eye(5, dtype=bool)] < 0.99).all()


def test_the_longest_input_fits_and_one_more_token_does_not(engine: EmbeddingEngine) -> None:
    assert engine.embed([[300] * BERT_CONTEXT]).shape[0] == 1
    with pytest.raises(ContextOverflow, match=f"{BERT_CONTEXT} tokens"):
        engine.embed([[300] * (BERT_CONTEXT + 1)])


def test_no_longer_than_trained_for(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert.gguf")
    model = Model.load(tmp_path / "bert.gguf", gpu_layers=0)
    engine = EmbeddingEngine.open(model, context_size=10_000, threads=1)
    assert engine.facts.context_size == BERT_CONTEXT
    engine.close()
    model.close()
