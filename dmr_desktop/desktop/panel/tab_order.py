"""The order in which Tab goes through a window: that of its layouts, which is the order in which it is read.

Qt's own order is that in which the widgets were made, so what comes later (a banner's button, a message) would be last.
"""

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QStackedWidget, QWidget


def order_tabs(root: QWidget | None) -> None:
    """Of everything in ``root`` that is shown now."""
    for first, second in pairwise(list(_stops(root))):
        QWidget.setTabOrder(first, second)


def _stops(widget: QWidget | None) -> Iterator[QWidget]:
    if widget is None or widget.isHidden():
        return
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    if isinstance(widget, QScrollArea):
        yield from _stops(widget.widget())
    elif isinstance(widget, QStackedWidget):
        yield from _stops(widget.currentWidget())
    else:
        for child in _laid_out(widget.layout()):
            yield from _stops(child)


def _laid_out(layout: QLayout | None) -> Iterator[QWidget]:
    for index in range(layout.count() if layout is not None else 0):
        item = layout.itemAt(index) if layout is not None else None
        widget = item.widget() if item is not None else None
        if widget is not None:
            yield widget
        elif item is not None:
            yield from _laid_out(item.layout())
