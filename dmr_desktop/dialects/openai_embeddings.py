"""``/embeddings``: texts or token ids in, vectors out."""

import base64
import math
import sys
from array import array
from dataclasses import dataclass

import orjson

from dmr_desktop.dialects.fields import Fields, refuse, refuse_type
from dmr_desktop.dialects.openai_completions import read_tokens
from dmr_desktop.dialects.openai_sampling import read_keep_alive, read_model
from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import InvalidRequest

MAX_INPUTS = 2048
MAX_DIMENSIONS = 2**20


@dataclass(frozen=True, slots=True)
class EmbeddingExchange:
    """One parsed request. ``dimensions`` None: the model's own."""

    model: str
    request: EmbeddingRequest
    is_base64: bool
    dimensions: int | None
    keep_alive_seconds: float | None


def parse(data: object) -> EmbeddingExchange:
    """Raises InvalidRequest."""
    body = Fields(data)
    return EmbeddingExchange(
        model=read_model(body),
        request=EmbeddingRequest(_read_inputs(body)),
        is_base64=body.choice("encoding_format", ("float", "base64")) == "base64",
        dimensions=body.integer("dimensions", 1, MAX_DIMENSIONS),
        keep_alive_seconds=read_keep_alive(body),
    )


def _read_inputs(body: Fields) -> tuple[str | tuple[int, ...], ...]:
    value = body.get("input")
    if value is None:
        body.missing("input")
    if isinstance(value, str):
        return (_read_text(value, "input"),)
    if not isinstance(value, list):
        refuse_type(value, "a string or an array", "input")
    items = body.items("input", at_least=1) or []
    if isinstance(items[0], int):
        return (read_tokens(items, "input"),)
    body.items("input", at_most=MAX_INPUTS)
    return tuple(_read_input(item, f"input[{index}]") for index, item in enumerate(items))


def _read_input(item: object, where: str) -> str | tuple[int, ...]:
    if isinstance(item, str):
        return _read_text(item, where)
    if not isinstance(item, list):
        refuse_type(item, "a string or an array of token ids", where)
    return read_tokens(item, where)


def _read_text(text: str, where: str) -> str:
    if not text:
        refuse("Input content cannot be empty", where)
    return text


def render(exchange: EmbeddingExchange, result: EmbeddingResult) -> bytes:
    """The list object. Raises InvalidRequest if more dimensions are asked for than the model has."""
    data = [
        {"object": "embedding", "index": index, "embedding": _encode(exchange, vector)}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": result.prompt_tokens, "total_tokens": result.prompt_tokens}
    return orjson.dumps({"object": "list", "data": data, "model": exchange.model, "usage": usage})


def _encode(exchange: EmbeddingExchange, vector: tuple[float, ...]) -> object:
    vector = resized(vector, exchange.dimensions)
    return _base64(vector) if exchange.is_base64 else vector


def resized(vector: tuple[float, ...], dimensions: int | None) -> tuple[float, ...]:
    """The first ``dimensions`` of it (None: all), brought back to length 1. Raises InvalidRequest if it has fewer."""
    if dimensions is None or dimensions == len(vector):
        return vector
    most = len(vector)
    if dimensions > most:
        raise InvalidRequest(
            f"Invalid 'dimensions': the model's vectors have {most} dimensions, but {dimensions} were asked for.",
            param="dimensions",
        )
    kept = vector[:dimensions]
    norm = math.sqrt(sum(value * value for value in kept))
    return tuple(value / norm for value in kept) if norm else kept


def _base64(vector: tuple[float, ...]) -> str:
    """Little-endian float32, as the OpenAI SDKs decode it."""
    values = array("f", vector)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
