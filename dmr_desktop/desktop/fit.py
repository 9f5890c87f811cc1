"""What a model will need at a context size, as the service estimates it: asked for while somebody chooses."""

from dataclasses import dataclass
from urllib.parse import quote

from PySide6.QtCore import QObject

from dmr_desktop.desktop.lookup import Lookup
from dmr_desktop.desktop.transport import Transport


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes. ``max_context`` is the largest context that fits, None if none does."""

    total_bytes: int
    available_bytes: int
    fits: bool
    max_context: int | None = None


def read_estimate(answer: object) -> Estimate | None:
    """The answer of ``GET /models/{name}/fit``; None if it is not one."""
    if not isinstance(answer, dict):
        return None
    total, available, fits = answer.get("total_bytes"), answer.get("available_bytes"), answer.get("fits")
    if not isinstance(total, int) or not isinstance(available, int) or not isinstance(fits, bool):
        return None
    most = answer.get("max_context_that_fits")
    return Estimate(total, available, fits, most if isinstance(most, int) and most > 0 else None)


class Fit(Lookup):
    """Answers with an :class:`Estimate`."""

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(transport, read_estimate, parent)

    def ask(self, reference: str, context_size: int | None) -> None:
        """``context_size`` None: the model's own."""
        query = "" if context_size is None else f"?context_size={context_size}"
        self.get(f"/models/{quote(reference, safe='/:@')}/fit{query}")
