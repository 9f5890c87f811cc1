"""A small history chart, painted by hand: newest value at the right edge, gaps where nothing was known.

The pen is one pixel wide: Qt's wide anti-aliased polylines cost a hundred times as much to paint.
"""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from dmr_desktop.desktop.history import POINTS
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.quantities import format_percent, format_seconds


class Sparkline(QWidget):
    """Shows up to ``POINTS`` values, each 0..1 or None for unknown."""

    def __init__(self, color: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QColor(color)
        self._values: tuple[float | None, ...] = ()
        self._period_seconds = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_color(self, color: str) -> None:
        self._color = QColor(color)
        self.update()

    def set_values(self, values: Sequence[float | None], period_seconds: float = 1.0) -> None:
        """``period_seconds`` lie between a value and the next."""
        newest = tuple(values[-POINTS:])
        self._period_seconds = period_seconds
        if newest != self._values:
            self._values = newest
            self.update()

    @qt_override
    def sizeHint(self) -> QSize:
        return QSize(200, 48)

    def runs(self) -> list[list[QPointF]]:
        """The connected pieces of the curve in widget coordinates; a lone value is drawn two pixels wide."""
        width, height = self.width(), self.height() - 2
        step = width / (POINTS - 1)
        first = width - step * (len(self._values) - 1)
        pieces: list[list[QPointF]] = [[]]
        for index, value in enumerate(self._values):
            if value is None:
                pieces.append([])
                continue
            level = min(max(value, 0.0), 1.0)
            pieces[-1].append(QPointF(first + index * step, 1 + height * (1 - level)))
        for piece in pieces:
            if len(piece) == 1:
                piece.append(piece[0] - QPointF(2, 0))
        return [piece for piece in pieces if piece]

    def text_at(self, x: float) -> str:
        """What the curve shows at that place, e.g. ``37 % · 45 s ago``; "" where nothing is known."""
        step = self.width() / (POINTS - 1)
        ago = max(0, round((self.width() - x) / step))
        value = self._values[-1 - ago] if ago < len(self._values) else None
        if value is None:
            return ""
        time = format_seconds(ago * self._period_seconds)
        return self.tr("{value} · {time} ago").format(value=format_percent(100 * value), time=time)

    @qt_override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos().x()), self)
            return True
        return super().event(event)

    @qt_override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base = self.height() - 0.5
        faint = QColor(self._color)
        faint.setAlpha(60)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(QPointF(0, base), QPointF(self.width(), base))
        fill = QLinearGradient(0, 0, 0, self.height())
        for position, alpha in ((0.0, 80), (1.0, 10)):
            tint = QColor(self._color)
            tint.setAlpha(alpha)
            fill.setColorAt(position, tint)
        for run in self.runs():
            area = QPolygonF([*run, QPointF(run[-1].x(), base), QPointF(run[0].x(), base)])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(area)
            painter.setPen(QPen(self._color, 1))
            painter.drawPolyline(QPolygonF(run))
        painter.end()
