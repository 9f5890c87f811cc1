"""``/api/embed`` and the older ``/api/embeddings``: texts in, vectors of length 1 out."""

from dataclasses import dataclass

import orjson

from dmr_desktop.dialects.fields import Fields, refuse, refuse_type
from dmr_desktop.dialects.ollama_answer import elapsed_ns
from dmr_desktop.dialects.ollama_fields import read_model
from dmr_desktop.dialects.openai_embeddings import MAX_DIMENSIONS, MAX_INPUTS, resized
from dmr_desktop.dialects.openai_sampling import read_keep_alive
from dmr_desktop.protocol.embedding import EmbeddingResult


@dataclass(frozen=True, slots=True)
class OllamaEmbedding:
    """One parsed request. No ``texts``: the model is only loaded, or unloaded with ``keep_alive_seconds`` 0.

    ``truncates``: a text that is too long is cut, not refused. ``dimensions`` None: the model's own. ``is_older``:
    answered in the form of ``/api/embeddings``, one vector.
    """

    model: str
    texts: tuple[str, ...]
    truncates: bool
    dimensions: int | None
    keep_alive_seconds: float | None
    is_older: bool = False


def parse(data: object) -> OllamaEmbedding:
    """Raises InvalidRequest."""
    body = Fields(data)
    return OllamaEmbedding(
        model=read_model(body),
        texts=_read_inputs(body),
        truncates=body.flag("truncate", default=True),
        dimensions=body.integer("dimensions", 1, MAX_DIMENSIONS),
        keep_alive_seconds=read_keep_alive(body),
    )


def parse_older(data: object) -> OllamaEmbedding:
    """Raises InvalidRequest."""
    body = Fields(data)
    text = body.text("prompt")
    return OllamaEmbedding(
        model=read_model(body),
        texts=(text,) if text else (),
        truncates=True,
        dimensions=None,
        keep_alive_seconds=read_keep_alive(body),
        is_older=True,
    )


def _read_inputs(body: Fields) -> tuple[str, ...]:
    value = body.get("input")
    if isinstance(value, str) or value is None:
        return (value,) if value else ()
    texts = []
    for index, item in enumerate(body.items("input", at_most=MAX_INPUTS) or []):
        where = body.path(f"input[{index}]")
        if not isinstance(item, str):
            refuse_type(item, "a string", where)
        if not item:
            refuse(f"Invalid '{where}': the text is empty.", where)
        texts.append(item)
    return tuple(texts)


def render(request: OllamaEmbedding, result: EmbeddingResult, began: float, loaded: float) -> bytes:
    """``began`` and ``loaded``: monotonic seconds. Raises InvalidRequest for more dimensions than the model has."""
    vectors = [resized(vector, request.dimensions) for vector in result.vectors]
    if request.is_older:
        return orjson.dumps({"embedding": vectors[0] if vectors else []})
    return orjson.dumps(
        {
            "model": request.model,
            "embeddings": vectors,
            "total_duration": elapsed_ns(began),
            "load_duration": elapsed_ns(began, loaded),
            "prompt_eval_count": result.prompt_tokens,
        }
    )
