import json
from typing import Any

import pytest

from dmr_desktop.dialects.rerank import MAX_PAIR_CHARS, parse_rerank, parse_score
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.rerank import RerankResult

BODY: dict[str, Any] = {"model": "m", "query": "q", "documents": ["a", {"text": "b", "more": 1}, "c"]}
RESULT = RerankResult((-1.0, 2000.0, 0.0), are_probabilities=False, prompt_tokens=9)


def ranked(result: RerankResult = RESULT, **fields: Any) -> Any:
    return json.loads(parse_rerank({**BODY, **fields}).render(result))


def scored(result: RerankResult = RESULT, **fields: Any) -> Any:
    body = {"model": "m", "text_1": "q", "text_2": ["a", "b", "c"], **fields}
    return json.loads(parse_score(body).render(result))


def test_documents_may_be_texts_or_objects() -> None:
    exchange = parse_rerank({**BODY, "keep_alive": "10s"})
    assert (exchange.request.queries, exchange.request.documents) == (("q",), ("a", "b", "c"))
    assert exchange.keep_alive_seconds == 10
    assert not exchange.request.truncate
    assert parse_rerank({**BODY, "truncate": True}).request.truncate


def test_the_best_come_first_with_the_model_s_own_scores() -> None:
    answer = ranked()
    assert answer["results"] == [
        {"index": 1, "relevance_score": 2000.0},
        {"index": 2, "relevance_score": 0.0},
        {"index": 0, "relevance_score": -1.0},
    ]
    assert answer["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert (answer["object"], answer["model"]) == ("list", "m")


def test_ties_keep_the_order_of_the_request() -> None:
    assert [entry["index"] for entry in ranked(RerankResult((1.0, 1.0, 1.0), False, 1))["results"]] == [0, 1, 2]


def test_only_so_many_and_with_their_texts() -> None:
    assert ranked(top_n=1, return_documents=True)["results"] == [
        {"index": 1, "relevance_score": 2000.0, "document": {"text": "b"}}
    ]
    assert len(ranked(top_n=99)["results"]) == 3


def test_activation_squeezes_logits_but_not_probabilities() -> None:
    assert [entry["relevance_score"] for entry in ranked(use_activation=True)["results"]] == pytest.approx(
        [1.0, 0.5, 0.268941], abs=1e-5
    )
    probabilities = RerankResult((0.2, 0.9, 0.5), are_probabilities=True, prompt_tokens=1)
    assert [entry["relevance_score"] for entry in ranked(probabilities, use_activation=True)["results"]] == [
        0.9,
        0.5,
        0.2,
    ]


def test_scores_stay_in_the_order_of_the_texts() -> None:
    answer = scored()
    assert [entry["index"] for entry in answer["data"]] == [0, 1, 2]
    assert [entry["score"] for entry in answer["data"]] == pytest.approx([0.268941, 1.0, 0.5], abs=1e-5)
    assert {entry["object"] for entry in answer["data"]} == {"score"}
    assert [entry["score"] for entry in scored(use_activation=False)["data"]] == [-1.0, 2000.0, 0.0]


@pytest.mark.parametrize(
    ("first", "second", "queries", "documents"),
    [
        ("a", "b", ("a",), ("b",)),
        ("a", ["b", "c"], ("a",), ("b", "c")),
        (["a"], ["b", "c"], ("a",), ("b", "c")),
        (["a", "b"], ["c", "d"], ("a", "b"), ("c", "d")),
    ],
)
def test_pairs_of_scores(first: object, second: object, queries: object, documents: object) -> None:
    request = parse_score({"model": "m", "text_1": first, "text_2": second}).request
    assert (request.queries, request.documents) == (queries, documents)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": None}, "query"),
        ({"query": " "}, "query"),
        ({"query": ["q"]}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": ["a", ""]}, "documents[1]"),
        ({"documents": ["a", 5]}, "documents[1]"),
        ({"documents": [{"title": "a"}]}, "documents[0].text"),
        ({"documents": ["a"] * 2049}, "documents"),
        ({"query": "q" * (MAX_PAIR_CHARS // 3)}, "documents"),
        ({"top_n": 0}, "top_n"),
        ({"return_documents": "yes"}, "return_documents"),
    ],
)
def test_refusals_of_rerank(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_rerank({**BODY, **fields})
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"text_1": None}, "text_1"),
        ({"text_1": 5}, "text_1"),
        ({"text_1": ["a", "b"]}, "text_1"),
        ({"text_2": []}, "text_2"),
        ({"text_2": ["a", ""]}, "text_2[1]"),
    ],
)
def test_refusals_of_score(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_score({"model": "m", "text_1": "q", "text_2": ["a", "b", "c"], **fields})
    assert caught.value.param == param
