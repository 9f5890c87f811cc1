"""What a model's maker recommends for sampling: GGUF's ``general.sampling.*`` keys, as llama.cpp names them.

They are defaults of a request: what was configured goes before them, what the client sends before both.
"""

from collections.abc import Callable
from math import isfinite

from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import ModelConfig

_FIELDS: dict[str, tuple[str, Callable[[str], float], float, float]] = {
    "general.sampling.temp": ("temperature", float, 0, 2),
    "general.sampling.top_p": ("top_p", float, 0, 1),
    "general.sampling.min_p": ("min_p", float, 0, 1),
    "general.sampling.top_k": ("top_k", int, -1, 2**31 - 1),
    "general.sampling.penalty_repeat": ("repeat_penalty", float, 0, 100),
    "general.sampling.penalty_last_n": ("repeat_last_n", int, -1, 2**31 - 1),
}


def recommended_sampling(config: ModelConfig) -> dict[str, JSON]:
    """Fields of OpenAI's request body. What is no number or out of range was not recommended."""
    found: dict[str, JSON] = {}
    for key, (field, parse, lowest, highest) in _FIELDS.items():
        text = config.gguf.get(key)
        if text is None:
            continue
        try:
            value = parse(text)
        except ValueError:
            continue
        if isfinite(value) and lowest <= value <= highest:
            found[field] = value
    return found
