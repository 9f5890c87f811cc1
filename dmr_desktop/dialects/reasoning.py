"""How many tokens a model may think, by the names that clients know."""

from dmr_desktop.dialects.fields import Fields

_MAX_BUDGET = 2**31 - 1
_NAMES = ("reasoning_budget", "thinking_budget_tokens", "thinking_token_budget")
"""llama.cpp's flag (what is configured comes by it), its field of requests, and vLLM's."""


def read_reasoning_budget(body: Fields) -> int | None:
    """Tokens; None: as many as the model likes, which -1 says too."""
    for name in reversed(_NAMES):
        budget = body.integer(name, -1, _MAX_BUDGET)
        if budget is not None:
            return None if budget < 0 else budget
    return None
