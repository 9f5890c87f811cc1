"""Ranking and counting tokens with the real service and real models."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.ranking_models import CrossEncoder, write_yes_or_no
from tests.fixtures_live import LiveService

pytestmark = pytest.mark.slow

MODEL = "dmr.local/demo"
DOCUMENTS = ["the water", "other people", "time", "a little sound"]


def package(http: httpx.Client, path: Path, name: str) -> None:
    answer = http.post("/models/package", json={"gguf": str(path), "target": name})
    assert answer.status_code < 300, answer.text


def test_documents_are_ranked_as_docker_agent_asks(live_service: LiveService, tmp_path: Path) -> None:
    CrossEncoder().write(tmp_path / "ranker.gguf")
    with live_service.http() as http:
        package(http, tmp_path / "ranker.gguf", "test.local/ranker")
        try:
            body = {"model": "test.local/ranker", "query": "which water", "documents": DOCUMENTS}
            answer = http.post("/rerank", json=body).json()
            scores = [entry["relevance_score"] for entry in answer["results"]]
            assert scores == sorted(scores, reverse=True)
            assert sorted(entry["index"] for entry in answer["results"]) == [0, 1, 2, 3]
            assert answer["usage"]["prompt_tokens"] > len(DOCUMENTS)
            refused = http.post("/v1/embeddings", json={"model": "test.local/ranker", "input": "x"})
            assert refused.status_code == 400
            assert "ranks documents" in refused.text
        finally:
            http.delete("/models/test.local/ranker", params={"force": "true"})


def test_a_yes_or_no_model_scores_and_others_are_refused(live_service: LiveService, tmp_path: Path) -> None:
    write_yes_or_no(tmp_path / "qwen.gguf")
    with live_service.http() as http:
        package(http, tmp_path / "qwen.gguf", "test.local/yes-or-no")
        try:
            body = {"model": "test.local/yes-or-no", "text_1": "which water", "text_2": DOCUMENTS}
            answer = http.post("/v1/score", json=body).json()
            raw = http.post("/v1/score", json={**body, "use_activation": False}).json()
            assert [entry["score"] for entry in answer["data"]] == [entry["score"] for entry in raw["data"]]
            assert all(0 < entry["score"] < 1 for entry in answer["data"])
        finally:
            http.delete("/models/test.local/yes-or-no", params={"force": "true"})
        refused = http.post("/v1/rerank", json={"model": MODEL, "query": "q", "documents": ["a"]})
        assert refused.status_code == 400
        error = refused.json()["error"]
        assert "no classifier head" in error["message"]
        assert "reranking model" in error["hint"]


def test_the_service_counts_as_the_model_does(live_service: LiveService) -> None:
    with live_service.http() as http:

        def count(**fields: Any) -> int:
            return int(http.post("/v1/tokenize", json={"model": MODEL, **fields}).json()["count"])

        messages = [{"role": "user", "content": "How do I turn on TCP access?"}]
        answer = http.post("/v1/chat/completions", json={"model": MODEL, "messages": messages, "max_tokens": 1}).json()
        assert count(messages=messages) == answer["usage"]["prompt_tokens"]
        answer = http.post("/v1/completions", json={"model": MODEL, "prompt": "one two", "max_tokens": 1}).json()
        assert count(prompt="one two") == answer["usage"]["prompt_tokens"]
        assert count(content="") == 0
        assert 0 < count(content="one two") <= count(prompt="one two")
