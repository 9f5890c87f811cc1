"""A model that is asked for what it is not for: one clear refusal in the caller's dialect, and nothing is started."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.protocol.runners import Mode
from tests.fakes.other_architectures import write_bert
from tests.fakes.ranking_models import CrossEncoder
from tests.fixtures_service import LiveInProcess

TEXT, VECTORS, RANKER = "test.local/text", "test.local/vectors", "test.local/ranker"
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("models")
    write_tiny_model(found / "text.gguf")
    write_bert(found / "vectors.gguf")
    CrossEncoder().write(found / "ranker.gguf")
    return found


@pytest_asyncio.fixture
async def every(live: LiveInProcess, folder: Path) -> LiveInProcess:
    """The service with a model of each kind."""
    for name in (TEXT, VECTORS, RANKER):
        file = folder / f"{name.rpartition('/')[2]}.gguf"
        answer = await live.http.post("/models/package", json={"gguf": str(file), "target": name})
        assert answer.status_code == 201, answer.text
    return live


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/embeddings", {"model": TEXT, "input": "x"}, "writes text; it makes no embeddings"),
        ("/v1/embeddings", {"model": RANKER, "input": "x"}, "ranks documents; it makes no embeddings"),
        ("/v1/chat/completions", {"model": VECTORS, "messages": MESSAGES}, "makes embeddings; it cannot generate"),
        ("/v1/completions", {"model": RANKER, "prompt": "x"}, "ranks documents; it cannot generate text"),
        ("/rerank", {"model": TEXT, "query": "q", "documents": ["a"]}, "no classifier head"),
        ("/score", {"model": VECTORS, "text_1": "q", "text_2": "a"}, "no classifier head"),
    ],
)
async def test_openais_dialect(every: LiveInProcess, path: str, body: dict[str, Any], says: str) -> None:
    for headers in ({}, {"X-Preload-Only": "true"}):
        answer = await every.http.post(path, json=body, headers=headers)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "wrong_mode", "model")
        assert says in error["message"]
        assert error["hint"].startswith("choose a")
    streamed = await every.http.post(path, json={**body, "stream": True})
    assert streamed.status_code == 400
    assert (every.script.launches, (await every.http.get("/engines/ps")).json()) == ([], [])


async def test_the_other_dialects(every: LiveInProcess) -> None:
    chat = {"model": VECTORS, "messages": MESSAGES, "max_tokens": 9}
    answer = await every.http.post("/anthropic/v1/messages", json=chat)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "makes embeddings" in answer.json()["error"]["message"]
    answer = await every.http.post("/v1/responses", json={"model": VECTORS, "input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "wrong_mode")
    for path, body in (("chat", chat), ("embed", {"model": TEXT, "input": "x"})):
        answer = await every.http.post(f"/api/{path}", json=body)
        assert answer.status_code == 400
        assert "choose a" in answer.json()["error"], "Ollama's object has room for one sentence: the step is in it"
    plain = await every.http.post("/v1/embeddings", json={"model": TEXT}, headers={"User-Agent": "docker-model-cli/1"})
    assert (plain.status_code, plain.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert every.script.launches == []


async def test_what_a_model_is_for_is_served(every: LiveInProcess) -> None:
    answers = [
        await every.http.post("/v1/chat/completions", json={"model": TEXT, "messages": MESSAGES}),
        await every.http.post("/v1/embeddings", json={"model": VECTORS, "input": "x"}),
        await every.http.post("/rerank", json={"model": RANKER, "query": "q", "documents": ["a"]}),
        await every.http.post("/tokenize", json={"model": VECTORS, "content": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_whoever_configures_a_mode_knows_better_as_far_as_it_is_possible(every: LiveInProcess) -> None:
    for name in (TEXT, RANKER):
        wish = {"model": name, "mode": "embedding"}
        assert (await every.http.post("/engines/_configure", json=wish)).status_code == 202
    assert (await every.http.post("/v1/embeddings", json={"model": TEXT, "input": "x"})).status_code == 200
    assert (await every.http.post("/v1/embeddings", json={"model": RANKER, "input": "x"})).status_code == 400
    assert {spec.mode for spec in every.script.launches} == {Mode.EMBEDDING}


async def test_the_demo_model_stands_in_for_an_embedding_model_and_for_no_ranker(every: LiveInProcess) -> None:
    demo = "dmr.local/demo"
    assert (await every.http.post("/v1/embeddings", json={"model": demo, "input": "x"})).status_code == 200
    refused = await every.http.post("/rerank", json={"model": demo, "query": "q", "documents": ["a"]})
    assert refused.status_code == 400
