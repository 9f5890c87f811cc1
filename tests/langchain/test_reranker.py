"""What DMRReranker sends and reads; the server is scripted."""

import asyncio
import copy
import pickle
from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError

from dmr_langchain import DMRModelNotFoundError, DMRReranker
from tests.fakes.openai_server import Reply, fake_openai

DOCUMENTS = [Document(text, metadata={"source": text}) for text in "abc"]


def ranked(*scores: float) -> Reply:
    results = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    return Reply(body={"object": "list", "model": "m", "results": results, "usage": {"total_tokens": 1}})


def test_the_best_documents_come_first_with_their_scores() -> None:
    with fake_openai(ranked(-1.0, 3.0, 0.5)) as fake:
        reranker = DMRReranker(model="m", base_url=fake.url, top_n=2)
        best = reranker.compress_documents(DOCUMENTS, "q")
        assert asyncio.run(reranker.acompress_documents(DOCUMENTS, "q")) == best
    assert [document.page_content for document in best] == ["b", "c"]
    assert best[0].metadata == {"source": "b", "relevance_score": 3.0}
    assert DOCUMENTS[1].metadata == {"source": "b"}, "the caller's documents stay as they are"
    assert fake.received[0].path == "/engines/rerank"
    assert fake.received[0].body == {"model": "m", "query": "q", "documents": ["a", "b", "c"]}


def test_many_documents_go_in_several_requests() -> None:
    with fake_openai(ranked(1.0, 2.0), ranked(3.0)) as fake:
        reranker = DMRReranker(model="m", base_url=fake.url, chunk_size=2, use_activation=True)
        assert reranker.rerank(["a", DOCUMENTS[1], "c"], "q", top_n=2) == [
            {"index": 2, "relevance_score": 3.0},
            {"index": 1, "relevance_score": 2.0},
        ]
        assert reranker.rerank([], "q") == []
    assert [received.body["documents"] for received in fake.received] == [["a", "b"], ["c"]]
    assert fake.received[0].body["use_activation"] is True


@pytest.mark.parametrize(
    ("base", "path"),
    [("", "/engines/rerank"), ("/v1", "/rerank"), ("/engines/llama.cpp/v1", "/engines/llama.cpp/rerank")],
)
def test_the_route_is_docker_model_runners(base: str, path: str) -> None:
    with fake_openai(ranked(1.0)) as fake:
        DMRReranker(model="m", base_url=fake.url.removesuffix("/engines/v1") + base).rerank(["a"], "q")
    assert fake.received[0].path == path


def test_a_missing_model_says_how_to_get_it() -> None:
    missing = Reply(404, {"error": {"message": "model not found", "code": "model_not_found"}})
    with fake_openai(missing) as fake, pytest.raises(DMRModelNotFoundError, match="dmr pull m"):
        DMRReranker(model="m", base_url=fake.url).rerank(["a"], "q")


@pytest.mark.parametrize("twin_of", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_work(twin_of: Any) -> None:
    with fake_openai(ranked(1.0)) as fake:
        assert len(twin_of(DMRReranker(model="m", base_url=fake.url)).rerank(["a"], "q")) == 1


@pytest.mark.parametrize("params", [{}, {"model": "m", "top_n": 0}, {"model": "m", "unknown": 1}])
def test_bad_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DMRReranker(**params)
