"""Ranking, counting, settings and the models of the machine, against the real service."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, SystemMessage, trim_messages

from dmr_langchain import (
    ChatDMR,
    DMRBadRequestError,
    DMRContextOverflowError,
    DMREmbeddings,
    DMRModelNotFoundError,
    DMRModels,
    DMRPullError,
    DMRReranker,
)
from tests.fakes.ranking_models import CrossEncoder
from tests.fixtures_live import LiveService
from tests.langchain.conftest import EMBEDDING_MODEL, packaged

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("found_service")]

DEMO = "dmr.local/demo"
RANKER = "test.local/ranker"


@pytest.fixture(scope="module")
def ranking_model(live_service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gguf: Path = tmp_path_factory.mktemp("ranker") / "ranker.gguf"
    CrossEncoder().write(gguf)
    with packaged(live_service, gguf, RANKER):
        yield RANKER


@pytest.mark.usefixtures("ranking_model")
def test_documents_are_ranked() -> None:
    documents = [Document(text) for text in ("the water", "other people", "time", "little sound")]
    reranker = DMRReranker(model=RANKER, top_n=3)
    best = reranker.compress_documents(documents, "which water")
    scores = [document.metadata["relevance_score"] for document in best]
    assert len(best) == 3
    assert scores == sorted(scores, reverse=True)
    again = asyncio.run(reranker.acompress_documents(documents, "which water"))
    assert [document.page_content for document in again] == [document.page_content for document in best]
    activated = DMRReranker(model=RANKER, use_activation=True).rerank(documents, "which water")
    assert all(0 < entry["relevance_score"] < 1 for entry in activated)
    with pytest.raises(DMRContextOverflowError, match="document 1"):
        reranker.rerank(["fine", "the water " * 400], "which water")
    cut = DMRReranker(model=RANKER, on_overflow="truncate")
    assert len(cut.rerank(["fine", "the water " * 400], "which water")) == 2


def test_a_chat_model_cannot_rank_and_the_error_says_what_can() -> None:
    with pytest.raises(DMRBadRequestError, match=r"no classifier head.*[Cc]hoose a reranking model"):
        DMRReranker(model=DEMO).rerank(["a"], "q")


def test_tokens_are_counted_as_the_service_bills_them() -> None:
    model = ChatDMR(model=DEMO, temperature=0, max_tokens=4)
    messages = [SystemMessage("Be brief."), HumanMessage("How do I turn on TCP access?")]
    usage = model.invoke(messages).usage_metadata
    assert usage is not None
    assert model.get_num_tokens_from_messages(messages) == usage["input_tokens"]
    assert len(model.get_token_ids("hello there")) == model.get_num_tokens("hello there") > 0
    assert model.get_num_tokens("") == 0
    kept = trim_messages([*messages] * 20, max_tokens=100, token_counter=model, strategy="last")
    assert 0 < model.get_num_tokens_from_messages(kept) <= 100


def test_a_repeated_prompt_is_taken_from_the_cache_and_timed() -> None:
    model = ChatDMR(model=DEMO, temperature=0, max_tokens=4)
    question = "Which models are on this machine, and how large are they? " * 8
    model.invoke(question)
    message = model.invoke(question)
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_token_details"]["cache_read"] > 0
    assert message.response_metadata["timings"]["predicted_n"] == 4


def test_a_batch_larger_than_the_queue_is_answered() -> None:
    assert len(ChatDMR(model=DEMO, temperature=0, max_tokens=2).batch(["hello"] * 100)) == 100


@pytest.mark.usefixtures("embedding_model")
def test_settings_reach_the_runner(live_service: LiveService) -> None:
    model = ChatDMR(
        model=EMBEDDING_MODEL,
        context_size=512,
        keep_alive="-1",
        runtime_flags=["--temp", "0.5"],
        thinking_budget="low",
        max_tokens=2,
    )
    model.invoke("the water")
    with live_service.http() as http:
        [shown] = http.get("/engines/_configure", params={"model": EMBEDDING_MODEL}).json()
    assert shown["Config"] == {
        "context-size": 512,
        "runtime-flags": ["--temp", "0.5"],
        "keep_alive": "-1",
        "llamacpp": {"reasoning-budget": 2048},
    }
    with pytest.raises(DMRContextOverflowError, match="512"):
        model.invoke("the water " * 1000)
    assert DMRModels().unload(EMBEDDING_MODEL) >= 1


def test_a_setting_that_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(DMRBadRequestError, match=r"--log-file"):
        ChatDMR(model=DEMO, runtime_flags=["--log-file", "x"]).invoke("hi")
    with pytest.raises(DMRBadRequestError, match="no draft models"):
        DMRModels().configure(DEMO, speculative_draft_model="ai/smollm2")


@pytest.mark.usefixtures("embedding_model")
def test_a_text_that_is_too_long_can_be_cut() -> None:
    long = "the water and the " * 6000
    with pytest.raises(DMRContextOverflowError):
        DMREmbeddings(model=EMBEDDING_MODEL).embed_query(long)
    cut = DMREmbeddings(model=EMBEDDING_MODEL, on_overflow="truncate")
    vectors = cut.embed_documents([long, "time"])
    assert [len(vector) for vector in vectors] == [256, 256]
    assert vectors[1] == pytest.approx(cut.embed_query("time"), abs=1e-3)


def test_the_models_of_this_machine() -> None:
    models = DMRModels()
    names = [model.name for model in models.list()]
    assert any(name.endswith("demo:latest") for name in names)
    assert models.inspect(DEMO).context_size
    ChatDMR(model=DEMO, max_tokens=1).invoke("hi")
    assert [loaded.mode for loaded in models.ps() if loaded.model.startswith(DEMO)] == ["completion"]
    assert asyncio.run(models.aunload(DEMO)) == 1
    with pytest.raises(DMRModelNotFoundError):
        models.inspect("ai/not-here")
    with pytest.raises(DMRModelNotFoundError):
        models.remove("ai/not-here")


def test_a_pull_from_nowhere_says_so() -> None:
    with pytest.raises(DMRPullError, match=r"127\.0\.0\.1:9/none/such"):
        DMRModels().pull("127.0.0.1:9/none/such")
    with pytest.raises(DMRPullError):
        ChatDMR(model="127.0.0.1:9/none/such", auto_pull=True).invoke("hi")


def test_the_constructor_may_ask_whether_the_model_is_there() -> None:
    profile = ChatDMR(model=DEMO, validate_model_on_init=True).profile
    assert profile is not None
    assert profile["max_input_tokens"] > 0
    with pytest.raises(DMRModelNotFoundError, match="dmr pull ai/not-here"):
        ChatDMR(model="ai/not-here", validate_model_on_init=True)
