"""``/rerank`` (the form of Jina and Cohere) and ``/score`` (vLLM's): texts in, scores out."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from dmr_desktop.dialects.fields import Fields, refuse, refuse_type
from dmr_desktop.dialects.openai_sampling import read_keep_alive, read_model
from dmr_desktop.dialects.openai_usage import new_head
from dmr_desktop.protocol.rerank import RerankRequest, RerankResult

MAX_DOCUMENTS = 2048
MAX_PAIR_CHARS = 10 * 1024 * 1024
"""Of all pairs together: the query is read again with every document."""


@dataclass(frozen=True, slots=True)
class RerankExchange:
    """One parsed request, and how its answer is written."""

    model: str
    request: RerankRequest
    render: Callable[[RerankResult], bytes]
    keep_alive_seconds: float | None


def parse_rerank(data: object) -> RerankExchange:
    """Scores are the model's own (logits), unless ``use_activation`` asks for 0 to 1. Raises InvalidRequest."""
    body = Fields(data)
    model = read_model(body)
    query = _checked(body.required_text("query"), "query")
    if body.items("documents", at_least=1, at_most=MAX_DOCUMENTS) is None:
        body.missing("documents")
    documents = _read_texts(body, "documents")
    top_n = body.integer("top_n", 1, 2**31 - 1)
    shown = documents if body.flag("return_documents") else None
    is_activated = body.flag("use_activation")
    head = new_head("rerank", model)

    def render(result: RerankResult) -> bytes:
        scores = _activated(result) if is_activated else result.scores
        best = sorted(range(len(scores)), key=lambda index: -scores[index])[:top_n]
        answer = {
            "id": head.id,
            "object": "list",
            "model": model,
            "results": [_result(index, scores[index], shown) for index in best],
            "usage": _usage(result),
        }
        return orjson.dumps(answer)

    return RerankExchange(model, _request(body, (query,), documents), render, read_keep_alive(body))


def parse_score(data: object) -> RerankExchange:
    """One text with one or many, or pair by pair. Scores are from 0 to 1, unless ``use_activation`` is false.

    Raises InvalidRequest.
    """
    body = Fields(data)
    model = read_model(body)
    first, second = _read_one_or_more(body, "text_1"), _read_one_or_more(body, "text_2")
    if len(first) not in (1, len(second)):
        body.refuse(
            "text_1",
            f"Invalid 'text_1': one text, or as many as in 'text_2', but got {len(first)} and {len(second)} instead.",
        )
    is_activated = body.flag("use_activation", default=True)
    head = new_head("score", model)

    def render(result: RerankResult) -> bytes:
        scores = _activated(result) if is_activated else result.scores
        answer = {
            "id": head.id,
            "object": "list",
            "created": head.created,
            "model": model,
            "data": [{"index": index, "object": "score", "score": score} for index, score in enumerate(scores)],
            "usage": _usage(result),
        }
        return orjson.dumps(answer)

    return RerankExchange(model, _request(body, first, second), render, read_keep_alive(body))


def _read_one_or_more(body: Fields, name: str) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        body.missing(name)
    if isinstance(value, str):
        return (_checked(value, name),)
    if not isinstance(value, list):
        refuse_type(value, "a string or an array of strings", name)
    body.items(name, at_least=1, at_most=MAX_DOCUMENTS)
    return _read_texts(body, name)


def _read_texts(body: Fields, name: str) -> tuple[str, ...]:
    """Strings, or objects with a ``text``."""
    return tuple(_read_text(item, f"{name}[{index}]") for index, item in enumerate(body.items(name) or []))


def _read_text(item: object, where: str) -> str:
    if isinstance(item, dict):
        return _checked(Fields(item, where).required_text("text"), f"{where}.text")
    if not isinstance(item, str):
        refuse_type(item, "a string or an object with a 'text'", where)
    return _checked(item, where)


def _checked(text: str, where: str) -> str:
    if not text.strip():
        refuse("Input content cannot be empty", where)
    return text


def _request(body: Fields, queries: tuple[str, ...], documents: tuple[str, ...]) -> RerankRequest:
    """``truncate`` is the name that Hugging Face's server gives it."""
    repeats = len(documents) if len(queries) == 1 else 1
    chars = repeats * sum(map(len, queries)) + sum(map(len, documents))
    if chars > MAX_PAIR_CHARS:
        refuse(
            f"The query and the documents have {chars} characters together, the query counted once for each "
            f"document; at most {MAX_PAIR_CHARS} are ranked in one request. Please send fewer documents at once.",
            "documents",
        )
    return RerankRequest(queries, documents, truncate=body.flag("truncate"))


def _result(index: int, score: float, documents: tuple[str, ...] | None) -> dict[str, object]:
    result: dict[str, object] = {"index": index, "relevance_score": score}
    if documents is not None:
        result["document"] = {"text": documents[index]}
    return result


def _activated(result: RerankResult) -> tuple[float, ...]:
    return result.scores if result.are_probabilities else tuple(map(_sigmoid, result.scores))


def _sigmoid(score: float) -> float:
    # Written so that no exponential overflows.
    return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))


def _usage(result: RerankResult) -> dict[str, int]:
    return {"prompt_tokens": result.prompt_tokens, "total_tokens": result.prompt_tokens}
