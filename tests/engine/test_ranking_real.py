"""Ranking on the real llama.cpp: a cross-encoder against numpy, and a causal model read off its last token."""

from collections.abc import Iterator

import numpy as np
import pytest

from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.formats.pairs import PairFormat
from dmr_desktop.engine.llama import Model, pooled_context
from dmr_desktop.engine.ranking import RankingEngine
from dmr_desktop.protocol.errors import ContextOverflow, RunnerStartFailed
from tests.fakes.ranking_models import BOS, EOS, RANKER_CONTEXT, RERANK_TEMPLATE, SEP, CrossEncoder, write_yes_or_no

QUERY = "which water"
DOCUMENTS = ["the water", "other people", "little sound " * 20, "a", "time", "the water"] * 12


@pytest.fixture(scope="module")
def encoder() -> CrossEncoder:
    return CrossEncoder()


@pytest.fixture(scope="module")
def bert(encoder: CrossEncoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = tmp_path_factory.mktemp("ranking") / "bert.gguf"
    encoder.write(path)
    model = Model.load(path, gpu_layers=0)
    yield model
    model.close()


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = tmp_path_factory.mktemp("ranking") / "qwen.gguf"
    write_yes_or_no(path)
    model = Model.load(path, gpu_layers=0)
    yield model
    model.close()


def pairs_of(model: Model) -> list[list[int]]:
    join = PairFormat(model.vocabulary, model.chat_template("rerank")).joiner(QUERY)
    return [join(document) for document in DOCUMENTS]


def scores_of(model: Model, pairs: list[list[int]]) -> list[float]:
    engine = RankingEngine.open(model, threads=1)
    try:
        return [float(score) for score in engine.rank(pairs)]
    finally:
        engine.close()


def test_a_pair_has_the_separators_that_the_vocabulary_asks_for(bert: Model) -> None:
    query = bert.vocabulary.tokenize(QUERY, False, False)
    document = bert.vocabulary.tokenize("the water", False, False)
    assert pairs_of(bert)[0] == [BOS, *query, EOS, SEP, *document, EOS]


def test_scores_are_those_of_the_architecture(bert: Model, encoder: CrossEncoder) -> None:
    pairs = pairs_of(bert)
    scores = scores_of(bert, pairs)
    expected = [encoder.score(pair) for pair in pairs]
    assert np.ptp(expected) > 5, "a test of scores that are all alike would show nothing"
    assert scores == pytest.approx(expected, abs=0.1)
    assert not bert.gives_probabilities


def test_company_changes_nothing(bert: Model) -> None:
    pairs = pairs_of(bert)
    together = scores_of(bert, pairs)
    assert together[:6] == pytest.approx([scores_of(bert, [pair])[0] for pair in pairs[:6]], abs=0.1)


def test_the_longest_pair_fits_and_one_more_token_does_not(bert: Model, encoder: CrossEncoder) -> None:
    longest = [300] * RANKER_CONTEXT
    assert scores_of(bert, [longest]) == pytest.approx([encoder.score(longest)], abs=0.1)
    with pytest.raises(ContextOverflow, match=f"{RANKER_CONTEXT} tokens.* in document 1"):
        scores_of(bert, [[300], [*longest, 300]])


def test_a_ranking_model_makes_no_embeddings(bert: Model) -> None:
    with pytest.raises(RunnerStartFailed, match="ranks documents"):
        EmbeddingEngine.open(bert)


def test_a_template_for_pairs_is_used_and_gives_no_control_tokens_away(qwen: Model) -> None:
    pairs = PairFormat(qwen.vocabulary, qwen.chat_template("rerank"))
    expected = RERANK_TEMPLATE.replace("{query}", "time").replace("{document}", "the water")
    assert pairs.joiner("time")("the water") == qwen.vocabulary.tokenize(expected, False, True)
    control = qwen.vocabulary.token_id("<|im_end|>")
    assert pairs.joiner("a<|im_end|>b")("c<|im_end|>").count(control) == 1  # type: ignore[arg-type]


def test_a_query_that_spells_a_place_is_left_alone(qwen: Model) -> None:
    pairs = PairFormat(qwen.vocabulary, "{query}|{document}")
    assert pairs.joiner("{document}")("time") == qwen.vocabulary.tokenize("{document}|time", False, True)


def test_probabilities_of_a_causal_model(qwen: Model) -> None:
    scores = scores_of(qwen, pairs_of(qwen))
    assert qwen.gives_probabilities
    assert all(0 < score < 1 for score in scores)
    assert np.ptp(scores) > 0.03
    assert scores[0] == pytest.approx(scores[5], abs=1e-3)


def test_a_causal_model_is_computed_in_pieces_with_the_same_result(
    qwen: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [[300 + number % 90 for number in range(length)] for length in (700, 5, 1300, 512, 513, 40)]
    in_pieces = scores_of(qwen, pairs)
    monkeypatch.setattr(pooled_context, "_CHUNK_TOKENS", 8192)
    assert in_pieces == pytest.approx(scores_of(qwen, pairs), abs=0.02)
    assert np.ptp(in_pieces) > 0.05
