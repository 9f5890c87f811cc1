"""What scrolls when the window is too low for it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from dmr_desktop.desktop.overrides import qt_override

MARGIN = 24
"""Between a page's contents and the sides of the window, in pixels."""


class ScrollPage(QScrollArea):
    """A column whose right edge stays where it is when the scroll bar comes: the bar stands in the margin."""

    def __init__(self, *, left: int = MARGIN, top: int = 14, bottom: int = 20) -> None:
        super().__init__()
        page = QWidget()
        page.setObjectName("page")
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(left, top, MARGIN, bottom)
        self.column.setSpacing(12)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @qt_override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margins = self.column.contentsMargins()
        margins.setRight(max(0, MARGIN - (self.width() - self.viewport().width())))
        self.column.setContentsMargins(margins)
