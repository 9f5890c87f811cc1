"""The four cards of what the computer is doing: GPU, GPU memory, CPU, memory. Unknown is "–", never 0."""

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from dmr_desktop.desktop.panel.widgets import Card, ElidedLabel, Label
from dmr_desktop.desktop.quantities import UNKNOWN, format_bytes, format_percent, format_share
from dmr_desktop.desktop.sparkline import Sparkline
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import activity_line, memory_line
from dmr_desktop.protocol.notices import TelemetrySample


class MetricCard(Card):
    """A name, a large value, two minutes of history and a line of detail. ``token`` names its colour."""

    def __init__(self, theme: Theme, title: str, token: str) -> None:
        super().__init__()
        self._theme = theme
        self._token = token
        self._title = title
        self._value = Label(UNKNOWN, size=1.55, bold=True)
        self._detail = ElidedLabel(tone="dim", size=0.95)
        self._chart = Sparkline(getattr(theme.tokens, token))
        self._chart.setAccessibleName(self.tr("{metric}, last two minutes").format(metric=title))
        head = QHBoxLayout()
        head.addWidget(Label(title, tone="dim", bold=True))
        head.addStretch()
        head.addWidget(self._value)
        self.body.addLayout(head)
        self.body.addWidget(self._chart)
        self.body.addWidget(self._detail)
        theme.changed.connect(self._recolor)

    @property
    def value(self) -> str:
        return self._value.text()

    @property
    def detail(self) -> str:
        return self._detail.accessibleName()

    def show_metric(self, value: str, detail: str, history: Sequence[float | None]) -> None:
        """``history`` as shares 0..1, oldest first."""
        self._value.setText(value)
        self._detail.setText(detail)
        self._chart.set_values(history)
        self._chart.setAccessibleDescription(f"{self._title}: {value}")

    def _recolor(self) -> None:
        self._chart.set_color(getattr(self._theme.tokens, self._token))


class Metrics(QWidget):
    """The cards, two by two."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.gpu = MetricCard(theme, self.tr("GPU"), "accent")
        self.vram = MetricCard(theme, self.tr("GPU memory"), "ok")
        self.cpu = MetricCard(theme, self.tr("CPU"), "warn")
        self.memory = MetricCard(theme, self.tr("Memory"), "violet")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        for index, card in enumerate((self.gpu, self.vram, self.cpu, self.memory)):
            grid.addWidget(card, index // 2, index % 2)
            grid.setColumnStretch(index % 2, 1)

    def render_state(self, state: DesktopState) -> None:
        samples = state.telemetry
        if not samples:
            for card in (self.gpu, self.vram, self.cpu, self.memory):
                card.show_metric(UNKNOWN, "", ())
            return
        now = samples[-1]
        self._render_gpu(samples)
        self.cpu.show_metric(
            format_percent(now.cpu_percent), activity_line(state), [sample.cpu_percent / 100 for sample in samples]
        )
        self.memory.show_metric(
            format_share(now.memory_used_bytes, now.memory_total_bytes),
            memory_line(now.runners_memory_bytes),
            [share(sample.memory_used_bytes, sample.memory_total_bytes) for sample in samples],
        )

    def _render_gpu(self, samples: tuple[TelemetrySample, ...]) -> None:
        gpus = samples[-1].gpus
        if not gpus:
            self.gpu.show_metric(UNKNOWN, self.tr("No GPU found: models run on the CPU"), ())
            self.vram.show_metric(UNKNOWN, "", ())
            return
        name = gpus[0].name if len(gpus) == 1 else self.tr("{count} GPUs, the busiest shown").format(count=len(gpus))
        used, total = vram(samples[-1])
        self.gpu.show_metric(
            format_percent(busiest(samples[-1])),
            name,
            [None if (value := busiest(sample)) is None else value / 100 for sample in samples],
        )
        free = None if used is None or total is None else total - used
        detail = "" if free is None else self.tr("{size} free").format(size=format_bytes(free))
        self.vram.show_metric(format_share(used, total), detail, [share(*vram(sample)) for sample in samples])


def busiest(sample: TelemetrySample) -> float | None:
    """The highest known utilisation, percent."""
    return max((gpu.utilization for gpu in sample.gpus if gpu.utilization is not None), default=None)


def vram(sample: TelemetrySample) -> tuple[int | None, int | None]:
    """Used and total bytes over all GPUs; None unless every GPU says."""
    used = [gpu.memory_used_bytes for gpu in sample.gpus]
    total = [gpu.memory_total_bytes for gpu in sample.gpus]
    return _sum(used), _sum(total)


def share(used: int | None, total: int | None) -> float | None:
    return None if used is None or not total else used / total


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
