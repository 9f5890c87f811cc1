"""What DMREmbeddings sends and reads; the server is scripted."""

import asyncio
import base64
import copy
import pickle
import struct
from typing import Any

import pytest
from pydantic import ValidationError

from dmr_langchain import DMRContextOverflowError, DMREmbeddings
from tests.fakes.openai_server import Reply, fake_openai


def vectors(*values: list[float]) -> Reply:
    data = [
        {"object": "embedding", "index": index, "embedding": base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode()}
        for index, v in enumerate(values)
    ]
    return Reply(body={"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def test_texts_go_as_texts_in_batches_and_keep_their_order() -> None:
    with fake_openai(vectors([1.0, 0.0], [0.0, 1.0]), vectors([0.5, 0.5])) as fake:
        embeddings = DMREmbeddings(model="m", base_url=fake.url, chunk_size=2, document_prefix="d: ", dimensions=2)
        assert embeddings.embed_documents(["a", "b", "c"]) == [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
    assert [received.body["input"] for received in fake.received] == [["d: a", "d: b"], ["d: c"]]
    assert fake.received[0].body["dimensions"] == 2
    assert fake.received[0].path == "/engines/v1/embeddings"


def test_a_query_has_its_own_prefix_and_no_documents_need_no_request() -> None:
    with fake_openai(vectors([1.0])) as fake:
        embeddings = DMREmbeddings(model="m", base_url=fake.url, query_prefix="q: ")
        assert embeddings.embed_query("a") == [1.0]
        assert asyncio.run(embeddings.aembed_query("a")) == [1.0]
        assert embeddings.embed_documents([]) == []
    assert [received.body["input"] for received in fake.received] == [["q: a"], ["q: a"]]


@pytest.mark.parametrize("twin_of", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_work(twin_of: Any) -> None:
    with fake_openai(vectors([1.0])) as fake:
        assert twin_of(DMREmbeddings(model="m", base_url=fake.url)).embed_query("a") == [1.0]


@pytest.mark.parametrize("params", [{}, {"model": "m", "chunk_size": 0}, {"model": "m", "unknown": 1}])
def test_bad_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DMREmbeddings(**params)


OVERFLOW = Reply(
    400, {"error": {"message": "This model's maximum context length is 4 tokens", "code": "context_length_exceeded"}}
)


def counted(*tokens: int) -> Reply:
    return Reply(body={"tokens": [*tokens], "count": len(tokens), "max_model_len": 4})


def test_a_text_that_is_too_long_is_an_error_unless_its_end_may_go() -> None:
    with fake_openai(OVERFLOW) as fake, pytest.raises(DMRContextOverflowError):
        DMREmbeddings(model="m", base_url=fake.url).embed_query("a")
    replies = [OVERFLOW, counted(1, 5, 6, 7, 8, 2), counted(1, 5, 2), counted(1, 2), vectors([1.0], [0.0])]
    with fake_openai(*replies) as fake:
        embeddings = DMREmbeddings(model="m", base_url=fake.url, on_overflow="truncate")
        assert embeddings.embed_documents(["long", "short"]) == [[1.0], [0.0]]
    assert fake.received[1].body == {"model": "m", "prompt": "long", "mode": "embedding"}
    assert fake.received[-1].body["input"] == [[1, 5, 6, 2], [1, 5, 2]]
    with fake_openai(OVERFLOW, counted(5, 6, 7, 8, 9), counted(), vectors([1.0])) as fake:
        embeddings = DMREmbeddings(model="m", base_url=fake.url, on_overflow="truncate")
        assert asyncio.run(embeddings.aembed_query("long")) == [1.0]
    assert fake.received[-1].body["input"] == [[5, 6, 7, 8]]
