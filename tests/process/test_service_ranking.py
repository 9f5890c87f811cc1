"""Ranking and counting tokens through the service with a scripted backend, and ranking in the real runner."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dmr_desktop.backends.llamacpp import LlamaCpp, LlamaCppRunner
from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import ContextOverflow, DMRError, InvalidRequest, WrongMode
from dmr_desktop.protocol.generation import TextPrompt
from dmr_desktop.protocol.rerank import RerankRequest
from dmr_desktop.protocol.runners import LaunchSpec, Mode
from tests.fakes.ranking_models import CrossEncoder
from tests.fixtures_service import LiveInProcess

MODEL = "dmr.local/demo"
RANKER = "test.local/ranker"
BASES = ("", "/engines", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp")
DOCUMENTS = ["the water", "other people", "time", "a little sound"]


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> tuple[CrossEncoder, Path]:
    encoder, path = CrossEncoder(), tmp_path_factory.mktemp("ranker") / "ranker.gguf"
    encoder.write(path)
    return encoder, path


# ---- every path and refusal, with a scripted backend -------------------------------------------


@pytest_asyncio.fixture
async def ranking(live: LiveInProcess, ranker: tuple[CrossEncoder, Path]) -> LiveInProcess:
    """The service with a model in its store that could rank."""
    answer = await live.http.post("/models/package", json={"gguf": str(ranker[1]), "target": RANKER})
    assert answer.status_code == 201, answer.text
    return live


@pytest.mark.parametrize("base", BASES)
async def test_every_base(ranking: LiveInProcess, base: str) -> None:
    answer = await ranking.http.post(f"{base}/rerank", json={"model": RANKER, "query": "q", "documents": ["aaa", "b"]})
    assert [entry["relevance_score"] for entry in answer.json()["results"]] == [3.0, 1.0]
    answer = await ranking.http.post(f"{base}/score", json={"model": RANKER, "text_1": "q", "text_2": "b"})
    assert len(answer.json()["data"]) == 1
    assert {spec.mode for spec in ranking.script.launches} == {Mode.RERANKING}
    shown = (await ranking.http.get("/engines/ps")).json()
    assert [runner["mode"] for runner in shown] == ["reranking"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"query": "q", "documents": ["a"]}, 400, "model is required"),
        ({"model": "ai/none", "query": "q", "documents": ["a"]}, 404, "model not found"),
        ({"model": MODEL, "documents": ["a"]}, 400, "'query'"),
        ({"model": MODEL, "query": "q", "documents": []}, 400, "'documents'"),
        ({"model": MODEL, "query": "q", "documents": ["a"]}, 400, "no classifier head"),
    ],
)
async def test_refusals_are_openai_s_errors_and_start_nothing(
    live: LiveInProcess, body: dict[str, Any], status: int, message: str
) -> None:
    answer = await live.http.post("/rerank", json=body)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]
    assert (await live.http.get("/v1/rerank")).status_code == 405
    assert live.script.launches == []


async def test_tokens_on_every_base(live: LiveInProcess) -> None:
    for base in ("", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp"):
        answer = await live.http.post(f"{base}/tokenize", json={"model": MODEL, "prompt": "x"})
        assert answer.json() == {"tokens": [1, 2, 3], "count": 3, "max_model_len": 4096}


# ---- the real runner ---------------------------------------------------------------------------


@pytest_asyncio.fixture
async def runner(ranker: tuple[CrossEncoder, Path], tmp_path: Path) -> AsyncIterator[LlamaCppRunner]:
    started = await LlamaCpp(tmp_path).start(LaunchSpec(str(ranker[1]), Mode.RERANKING), lambda line: None)
    try:
        yield started
    finally:
        await started.stop()


@pytest.mark.slow
async def test_the_runner_ranks(runner: LlamaCppRunner) -> None:
    result = await runner.rerank(RerankRequest(("which water",), tuple(DOCUMENTS)))
    assert len(set(result.scores)) == len(DOCUMENTS)
    assert not result.are_probabilities
    both = RerankRequest(("which water", "time"), (DOCUMENTS[0], DOCUMENTS[1]))
    together = await asyncio.gather(
        runner.rerank(RerankRequest(("which water",), tuple(DOCUMENTS))),
        runner.rerank(RerankRequest(("which water",), tuple(DOCUMENTS) * 40)),
        runner.rerank(both),
    )
    assert together[0].scores == pytest.approx(result.scores, abs=0.1)
    assert together[1].scores[-4:] == pytest.approx(result.scores, abs=0.1)
    assert together[2].scores[0] == pytest.approx(result.scores[0], abs=0.1)
    assert together[2].scores[1] != pytest.approx(result.scores[1], abs=0.01), "another query, another score"
    results = await asyncio.gather(
        runner.rerank(RerankRequest(("which water",), ("fine",))),
        runner.rerank(RerankRequest(("which water",), ("fine", "the water " * 400))),
        runner.rerank(RerankRequest(("the water " * 400,), ("fine",))),
        runner.rerank(RerankRequest(("a", "b"), ("c", "d", "e"))),
        runner.embed(EmbeddingRequest(("x",))),
        return_exceptions=True,
    )
    assert not isinstance(results[0], BaseException)
    assert isinstance(results[1], ContextOverflow) and "document 1" in results[1].message
    assert isinstance(results[2], ContextOverflow) and "the query alone" in results[2].message
    assert isinstance(results[3], InvalidRequest)
    cut = await runner.rerank(RerankRequest(("which water",), ("fine", "the water " * 400), truncate=True))
    assert cut.scores[0] == pytest.approx(results[0].scores[0], abs=0.1)
    assert 480 <= cut.prompt_tokens - results[0].prompt_tokens <= 512
    assert isinstance(results[4], DMRError) and "/v1/rerank" in results[4].message
    assert await runner.tokenize(TextPrompt("the water"))
    assert (await runner.stats())["waiting"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["chat", "headless"])
async def test_a_model_without_a_head_is_refused(ranker: tuple[CrossEncoder, Path], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    if kind == "chat":
        write_tiny_model(path)
    else:
        ranker[0].write(path, has_head=False)
    with pytest.raises(WrongMode, match="no classifier head") as caught:
        await LlamaCpp(tmp_path).start(LaunchSpec(str(path), Mode.RERANKING), lambda line: None)
    assert "reranking model" in caught.value.hint
