"""Turning received bytes into progress lines at Docker Model Runner's cadence (section 5.1 of the HTTP contract)."""

import time
from collections.abc import Callable

from dmr_desktop.protocol.models import Progress, ProgressMode
from dmr_desktop.store.manifest import Descriptor

_EVERY_SECONDS = 0.1
_EVERY_BYTES = 1 << 20


class LayerProgress:
    """Reports one layer: at first, after 100 ms or 1 MiB, and at the end."""

    def __init__(
        self,
        layer: Descriptor,
        total: int,
        report: Callable[[Progress], None],
        verb: str,
        mode: ProgressMode = "pull",
    ) -> None:
        self._layer = layer
        self._total = total
        self._report = report
        self._verb = verb
        self._mode: ProgressMode = mode
        self._last_bytes: int | None = None
        self._last_time = 0.0

    def at(self, current: int) -> None:
        """``current`` bytes of the layer are here."""
        now = time.monotonic()
        if (
            self._last_bytes is None
            or current == self._layer.size
            or abs(current - self._last_bytes) >= _EVERY_BYTES
            or now - self._last_time >= _EVERY_SECONDS
        ):
            if current == self._last_bytes:
                return
            self._last_bytes, self._last_time = current, now
            message = f"{self._verb}: {current / (1 << 20):.2f} MB"
            layer = self._layer
            self._report(Progress("progress", message, self._total, layer.digest, layer.size, current, self._mode))
