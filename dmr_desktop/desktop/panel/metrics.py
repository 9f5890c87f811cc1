"""What the computer is doing: GPU, GPU memory, CPU, memory, and how it came to it. Unknown is "–", never 0."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.history import Span
from dmr_desktop.desktop.panel.widgets import Card, ElidedLabel, Label, Tabs
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.quantities import UNKNOWN, format_percent, format_share
from dmr_desktop.desktop.sparkline import Sparkline
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import activity_line, gpu_line, gpu_note, memory_line, vram_line
from dmr_desktop.protocol.notices import TelemetrySample

PERIOD_SECONDS, HISTORY_PERIOD_SECONDS = 1.0, 15.0


class MetricCard(Card):
    """A name, a large value, its history and a line of detail. ``token`` names its colour."""

    def __init__(self, theme: Theme, title: str, token: str) -> None:
        super().__init__()
        self._theme = theme
        self._token = token
        self._title = title
        self._value = Label(UNKNOWN, size=1.4, bold=True)
        self._detail = ElidedLabel(tone="dim", size=0.95)
        self.chart = Sparkline(getattr(theme.tokens, token))
        self.chart.setAccessibleName(self.tr("History of {metric}").format(metric=title))
        head = QHBoxLayout()
        head.addWidget(Label(title, tone="dim", bold=True))
        head.addStretch()
        head.addWidget(self._value)
        self.body.addLayout(head)
        self.body.addWidget(self.chart)
        self.body.addWidget(self._detail)
        theme.changed.connect(self._recolor)

    @property
    def value(self) -> str:
        return self._value.text()

    @property
    def detail(self) -> str:
        return self._detail.accessibleName()

    def show_metric(
        self, value: str, detail: str, history: Sequence[float | None] = (), period_seconds: float = PERIOD_SECONDS
    ) -> None:
        """``history`` as shares 0..1, oldest first."""
        self._value.setText(value)
        self._detail.setText(detail)
        self.chart.set_values(history, period_seconds)
        self.chart.setAccessibleDescription(f"{self._title}: {value}")

    def _recolor(self) -> None:
        self.chart.set_color(getattr(self._theme.tokens, self._token))


class Metrics(QWidget):
    """The cards, two by two, and the choice of how far back their curves go."""

    def __init__(self, theme: Theme, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences
        self._state = DesktopState()
        self.gpu = MetricCard(theme, self.tr("GPU"), "accent")
        self.vram = MetricCard(theme, self.tr("GPU memory"), "ok")
        self.cpu = MetricCard(theme, self.tr("CPU"), "warn")
        self.memory = MetricCard(theme, self.tr("Memory"), "violet")
        self.span = Tabs(self.tr("How far back the curves go"), self.tr("2 minutes"), self.tr("30 minutes"))
        self.span.setCurrentIndex(int(preferences.shows_half_hour))
        self.span.currentChanged.connect(self._choose_span)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(Label(self.tr("This computer"), tone="dim", bold=True))
        self.no_gpu = ElidedLabel(tone="dim")
        head.addWidget(self.no_gpu, 1)
        head.addWidget(self.span)
        grid = QGridLayout()
        grid.setSpacing(12)
        for index, card in enumerate((self.gpu, self.vram, self.cpu, self.memory)):
            grid.addWidget(card, index // 2, index % 2)
            grid.setColumnStretch(index % 2, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(grid)

    def render_state(self, state: DesktopState) -> None:
        self._state = state
        samples = state.telemetry
        if not samples:
            for card in (self.gpu, self.vram, self.cpu, self.memory):
                card.show_metric(UNKNOWN, "")
            return
        now = samples[-1]
        has_gpu = bool(now.gpus)
        for widget in (self.gpu, self.vram):
            widget.setVisible(has_gpu)
        self.no_gpu.setText(gpu_note(state))
        self._render_gpu(state)
        self._show(
            self.cpu, format_percent(now.cpu_percent), activity_line(state), lambda sample: sample.cpu_percent / 100
        )
        self._show(
            self.memory,
            format_share(now.memory_used_bytes, now.memory_total_bytes),
            memory_line(now.runners_memory_bytes),
            lambda sample: share(sample.memory_used_bytes, sample.memory_total_bytes),
        )

    def _render_gpu(self, state: DesktopState) -> None:
        now = state.telemetry[-1]
        if not now.gpus:
            self.gpu.show_metric(UNKNOWN, "")
            self.vram.show_metric(UNKNOWN, "")
            return

        def busy(sample: TelemetrySample) -> float | None:
            value = busiest(sample)
            return None if value is None else value / 100

        self._show(self.gpu, format_percent(busiest(now)), gpu_line(now), busy)
        self._show(self.vram, format_share(*vram(now)), vram_line(state), lambda sample: share(*vram(sample)))

    def _show(
        self, card: MetricCard, value: str, detail: str, level: Callable[[TelemetrySample], float | None]
    ) -> None:
        if self._preferences.shows_half_hour:
            span = Span(self._state.history, HISTORY_PERIOD_SECONDS)
        else:
            span = Span(self._state.telemetry, PERIOD_SECONDS)
        levels = [None if point is None else level(point) for point in span.points()]
        card.show_metric(value, detail, levels, span.period_seconds)

    def _choose_span(self, index: int) -> None:
        self._preferences.shows_half_hour = index == 1
        self.render_state(self._state)


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
