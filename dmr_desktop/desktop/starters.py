"""Models to begin with: small enough to be pulled in a minute or a few. Pure."""

from dataclasses import dataclass

from dmr_desktop.desktop.names import canonical
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.protocol.models import DEMO_REFERENCE

GIB = 1024**3
_SHARE = 0.6
"""A model to begin with takes no more than this share of the memory."""


@dataclass(frozen=True, slots=True)
class Starter:
    """``size_bytes`` of its files, about: the registry says exactly."""

    reference: str
    size_bytes: int


STARTERS = (
    Starter("ai/smollm2", GIB // 4),
    Starter("ai/llama3.2:1B-Q8_0", int(1.2 * GIB)),
    Starter("ai/gemma3:4B-Q4_K_M", int(2.3 * GIB)),
    Starter("ai/qwen3:8B-Q4_K_M", int(4.7 * GIB)),
)


def starters_for(state: DesktopState) -> tuple[Starter, ...]:
    """Those that this computer has the memory for, the smallest first; the smallest in any case."""
    if not state.telemetry:
        return STARTERS[:1]
    now = state.telemetry[-1]
    memory = max(now.memory_total_bytes, *(gpu.memory_total_bytes or 0 for gpu in now.gpus), 0)
    return STARTERS[:1] + tuple(starter for starter in STARTERS[1:] if starter.size_bytes <= _SHARE * memory)


def is_only_demo(state: DesktopState) -> bool:
    """Whether nobody has got a model yet besides the one that comes with the app."""
    return all(DEMO_REFERENCE in (canonical(tag) for tag in model.tags) for model in state.models)
