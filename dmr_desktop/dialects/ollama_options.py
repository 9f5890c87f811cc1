"""``options`` of a request: sampling, limits and stop strings in Ollama's names.

What speaks of Ollama's own engine (``num_gpu``, ``num_batch``, ``use_mmap``, ``mirostat`` ...) is accepted without an
effect, as newer versions of Ollama do with what they no longer know.
"""

from dataclasses import dataclass

from dmr_desktop.dialects.exchange import Defaults
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.openai_sampling import MAX_TOKENS_LIMIT, read_sampling, read_stop
from dmr_desktop.dialects.reasoning import read_reasoning_budget
from dmr_desktop.protocol.generation import SamplingParams

MAX_CONTEXT = 2**31 - 1
_WHOLE = ("num_ctx", "num_predict", "repeat_last_n", "seed", "top_k")


@dataclass(frozen=True, slots=True)
class Options:
    """``max_tokens`` None: until the model stops or its context is full."""

    sampling: SamplingParams
    max_tokens: int | None
    stop: tuple[str, ...]
    reasoning_budget: int | None


def read_options(body: Fields, defaults: Defaults) -> Options:
    options = Fields({**defaults, **_given(body)}, body.path("options"))
    # Both -1 (no limit) and -2 (until the context is full) mean what happens without a limit.
    limit = options.integer("num_predict", -MAX_TOKENS_LIMIT, MAX_TOKENS_LIMIT)
    if limit is None:
        limit = options.integer("max_tokens", 1, MAX_TOKENS_LIMIT)
    return Options(
        sampling=read_sampling(options),
        max_tokens=limit if limit is not None and limit > 0 else None,
        stop=read_stop(options),
        reasoning_budget=_read_budget(body, options),
    )


def _read_budget(body: Fields, options: Fields) -> int | None:
    """A number in ``options`` goes before what ``think`` says, and that before what was configured."""
    think = body.get("think")
    if think is None or think == "" or read_reasoning_budget(Fields(_given(body), options.where)) is not None:
        return read_reasoning_budget(options)
    return 0 if think is False else None


def read_num_ctx(body: Fields) -> int | None:
    """Tokens of context that the client wants at least."""
    return Fields(_given(body), body.path("options")).integer("num_ctx", 0, MAX_CONTEXT) or None


def _given(body: Fields) -> dict[str, object]:
    """What is set. Some clients keep all their numbers as decimals; Ollama takes ``40.0`` for 40, and so does this."""
    return {
        name: int(value) if name in _WHOLE and isinstance(value, float) and value.is_integer() else value
        for name, value in (body.mapping("options") or {}).items()
        if value is not None
    }
