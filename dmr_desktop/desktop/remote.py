"""What a registry says of a model that somebody is about to pull, and whether this computer is large enough for it."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote

from PySide6.QtCore import QObject

from dmr_desktop.desktop.fit import Estimate, read_estimate
from dmr_desktop.desktop.lookup import Lookup
from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.transport import Transport

DISK_RESERVE_BYTES = 2 * 1024**3
"""A disk that is full to the brim breaks other programs."""
OVERHEAD = 1.15
"""Memory for context and computing, as a factor of the weights; the true need depends on the context."""

Verdict: TypeAlias = Literal["fits", "tight", "memory", "disk"]
_POWERS: dict[str, int] = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([KMGT]?)(i?)B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """``size_bytes`` 0: not said. ``estimate`` is the service's own, for ``context_size`` tokens."""

    parameters: str
    quantization: str
    size_bytes: int
    estimate: Estimate | None = None
    context_size: int = 0


def read_remote(answer: object) -> RemoteModel | None:
    """The answer of ``GET /models/{name}/fit?remote=true``; None if it is not one."""
    config = answer.get("config") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(config, dict):
        return None

    def text(name: str) -> str:
        return printable(str(config.get(name) or ""), 40)

    size, context = answer.get("size_bytes"), answer.get("context_size")
    return RemoteModel(
        text("parameters"),
        text("quantization"),
        size if isinstance(size, int) and size > 0 else size_of(text("size")),
        read_estimate(answer),
        context if isinstance(context, int) else 0,
    )


def size_of(text: str) -> int:
    """``256.35 MiB`` and ``1.9GB`` in bytes, 0 for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return 0
    number, prefix, binary = match.groups()
    step = 1024.0 if binary else 1000.0
    return round(float(number) * step ** _POWERS[prefix.upper()])


def judge(model: RemoteModel, free_bytes: int | None, state: DesktopState) -> Verdict | None:
    """Whether a model can be kept and loaded here; None when sizes are not known.

    ``tight``: only with what other programs hold now. Weights may lie on a graphics card or in memory. Where the
    registry does not tell what the model needs, its size must do.
    """
    size_bytes = model.size_bytes
    if not size_bytes:
        return None
    if free_bytes is not None and size_bytes + DISK_RESERVE_BYTES > free_bytes:
        return "disk"
    if model.estimate is not None and model.estimate.fits:
        return "fits"
    if not state.telemetry:
        return None if model.estimate is None else "tight"
    now, need = state.telemetry[-1], model.estimate.total_bytes if model.estimate else size_bytes * OVERHEAD
    cards = sum(gpu.memory_total_bytes or 0 for gpu in now.gpus)
    if need > now.memory_total_bytes + cards:
        return "memory"
    if model.estimate is not None:
        return "tight"
    free = now.memory_total_bytes - now.memory_used_bytes + now.runners_memory_bytes
    return "fits" if need <= max(free, cards) else "tight"


class Remote(Lookup):
    """Answers with a :class:`RemoteModel`."""

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(transport, read_remote, parent)

    def ask(self, reference: str) -> None:
        self.get(f"/models/{quote(reference, safe='/:@')}/fit?remote=true")
