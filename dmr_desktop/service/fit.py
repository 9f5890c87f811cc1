"""Whether a model would fit on this machine, and with how much context: placement's own estimate, for who asks."""

from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import Mode, RunnerConfig
from dmr_desktop.service.placement import context_tokens, load_of
from dmr_desktop.store.estimate import ModelShape, estimate, largest_context

_MOST_TOKENS = 1 << 24


def fit(shape: ModelShape, configured: int | None, config: RunnerConfig, available_bytes: int) -> dict[str, JSON]:
    """The parts of the estimate for a chat, in bytes. ``configured`` as for :func:`.placement.context_tokens`."""
    tokens = context_tokens(configured, shape, available_bytes)
    load = load_of(config, Mode.COMPLETION, tokens)
    found = estimate(shape, load)
    return {
        "context_size": tokens,
        "weights_bytes": found.weights_bytes,
        "kv_bytes": found.kv_bytes,
        "compute_bytes": found.compute_bytes,
        "total_bytes": found.total_bytes,
        "available_bytes": available_bytes,
        "fits": found.total_bytes <= available_bytes,
        "max_context_that_fits": largest_context(shape, load, available_bytes, shape.train_context or _MOST_TOKENS),
    }
