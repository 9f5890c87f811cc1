"""The state of a pull or push as the user sees it: a bar a layer, rate and time left. Pure: the clock is given."""

from collections import deque
from dataclasses import dataclass, field

from dmr_desktop.cli.quantities import clock, decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.table import cut
from dmr_desktop.protocol.models import Progress

_WINDOW_SECONDS = 5.0
_QUIET_SECONDS = 3.0
_MIN_BAR, _MAX_BAR = 10, 40


@dataclass(slots=True)
class Layer:
    size_bytes: int
    current_bytes: int
    resumed_bytes: int
    """What was there before this pull."""


@dataclass(slots=True)
class Transfer:
    """Fold progress lines in with ``apply``; ``now`` is any monotonic clock, in seconds."""

    layers: dict[str, Layer] = field(default_factory=dict)
    note: str = ""
    """What is going on when no layer moves, e.g. ``Fetching file list...``."""
    announced_bytes: int = 0
    is_upload: bool = False
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def apply(self, progress: Progress, now: float) -> None:
        self.is_upload = progress.mode == "push"
        if progress.layer_id:
            seen = self.layers.get(progress.layer_id)
            resumed = progress.layer_current if seen is None else seen.resumed_bytes
            self.layers[progress.layer_id] = Layer(progress.layer_size, progress.layer_current, resumed)
            self.note = ""
        elif progress.type == "progress":
            self.note = progress.message
        elif progress.type == "success":
            self.note = ""
        self.announced_bytes = max(self.announced_bytes, progress.total)
        received = sum(layer.current_bytes - layer.resumed_bytes for layer in self.layers.values())
        self._samples.append((now, received))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def current_bytes(self) -> int:
        return sum(layer.current_bytes for layer in self.layers.values())

    @property
    def total_bytes(self) -> int:
        """Never less than what the layers seen so far add up to."""
        return max(self.announced_bytes, sum(layer.size_bytes for layer in self.layers.values()))

    @property
    def bytes_per_second(self) -> float:
        """Over the last seconds; 0 until two moments are known."""
        if len(self._samples) < 2:
            return 0.0
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (end - start)) if end > start else 0.0

    @property
    def _has_history(self) -> bool:
        """Whether it has gone on for long enough to say that it stands still."""
        return len(self._samples) > 1 and self._samples[-1][0] - self._samples[0][0] >= _QUIET_SECONDS

    def plain_line(self) -> str:
        """What DMR prints when nobody looks at a terminal."""
        done = "Uploaded" if self.is_upload else "Downloaded"
        return f"{done} {decimal_size(self.current_bytes)} of {decimal_size(self.total_bytes)}"

    def bars(self, columns: int) -> list[str]:
        """Lines no wider than ``columns``: one for each layer, then the sum."""
        lines = [_bar_line(_layer_name(name), layer, columns) for name, layer in self.layers.items()]
        if self.note:
            lines.append(safe_line(self.note))
        if self.layers:
            lines.append(self._sum_line())
        return [cut(line, columns) for line in lines]

    def _sum_line(self) -> str:
        rate = self.bytes_per_second
        text = f"{decimal_size(self.current_bytes)} of {decimal_size(self.total_bytes)}"
        if rate > 0:
            left = self.total_bytes - self.current_bytes
            text += f"  {decimal_size(rate)}/s"
            text += f"  {clock(left / rate)} left" if left > 0 else ""
        elif self._has_history and self.current_bytes < self.total_bytes:
            text += "  nothing arrives at the moment" if not self.is_upload else "  nothing is taken at the moment"
        return text


def _layer_name(layer_id: str) -> str:
    return safe_line(layer_id.removeprefix("sha256:")[:12])


def _bar_line(name: str, layer: Layer, columns: int) -> str:
    sizes = f"{decimal_size(layer.current_bytes)}/{decimal_size(layer.size_bytes)}"
    room = columns - 1 - len(name) - len(sizes) - 5
    if room < _MIN_BAR:
        return f"{name}  {sizes}"
    width = min(room, _MAX_BAR)
    share = min(1.0, layer.current_bytes / layer.size_bytes) if layer.size_bytes > 0 else 0.0
    filled = int(share * width)
    bar = "=" * filled + (">" if filled < width else "")
    return f"{name}  [{bar:<{width}}] {sizes}"
