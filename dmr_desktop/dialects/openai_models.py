"""``/models`` below the OpenAI bases: stored models as OpenAI lists them, with Docker Model Runner's ``dmr`` member."""

from collections.abc import Sequence

import orjson

from dmr_desktop.protocol.models import Model

_CONTEXT_LENGTH = ".context_length"
_MOST_TOKENS = 2**31 - 1
_DIGITS = len(str(_MOST_TOKENS))


def model_object(model: Model) -> dict[str, object]:
    """``id`` is the first tag, or the model's digest when it has none. All of ``dmr`` is optional."""
    config = model.config
    details: dict[str, object] = {}
    context = context_window(model)
    if context is not None:
        details["context_window"] = context
    for name in ("architecture", "parameters", "quantization", "size"):
        value = getattr(config, name)
        if value:
            details[name] = value
    return {
        "id": model.tags[0] if model.tags else model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "docker",
        "dmr": details,
    }


def context_window(model: Model) -> int | None:
    """Tokens: the model's own setting, else what its GGUF metadata says. Clients read it into 32 bits."""
    if model.config.context_size is not None:
        return model.config.context_size
    for key, value in model.config.gguf.items():
        if key.endswith(_CONTEXT_LENGTH) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
            tokens = int(value)
            return tokens if tokens <= _MOST_TOKENS else None
    return None


def render_list(models: Sequence[Model]) -> bytes:
    return orjson.dumps({"object": "list", "data": [model_object(model) for model in models]})


def render_one(model: Model) -> bytes:
    return orjson.dumps(model_object(model))
