"""How a model's name is drawn in a table: a long one in two lines, its own part above the place that it is from."""

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.theme import Theme, scaled_font

INDENT = 17
"""Before the text of a cell, in pixels; see the style sheet."""


class NameDelegate(QStyledItemDelegate):
    """``hf.co/owner/Model:tag`` in one line while there is room for it, else ``Model:tag`` above ``hf.co/owner``."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    @qt_override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        lines = lines_of(str(index.data()), option.fontMetrics, option.rect.width() - 2 * INDENT)
        if len(lines) == 1:
            super().paint(painter, option, index)
            return
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        ground.text = ""
        ground.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, ground.widget)
        small = scaled_font(0.85)
        heights = option.fontMetrics.height(), QFontMetrics(small).height()
        top = option.rect.top() + (option.rect.height() - sum(heights)) // 2
        painter.save()
        for line, height, font, color in zip(
            lines, heights, (option.font, small), (self._theme.tokens.text, self._theme.tokens.dim), strict=True
        ):
            room = QRect(option.rect.left() + INDENT, top, option.rect.width() - 2 * INDENT, height)
            painter.setFont(font)
            painter.setPen(QColor(color))
            shown = QFontMetrics(font).elidedText(line, Qt.TextElideMode.ElideMiddle, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            top += height
        painter.restore()


def lines_of(name: str, metrics: QFontMetrics, width: int) -> tuple[str, ...]:
    """The name as one line or two, for a room of ``width`` pixels."""
    place, _, own = name.rpartition("/")
    return (name,) if not place or metrics.horizontalAdvance(name) <= width else (own, place)
