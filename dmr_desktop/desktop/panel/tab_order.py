"""The order in which Tab goes through a window: that of its layouts, which is the order in which it is read.

Qt's own order is that in which the widgets were made, so what comes later (a banner's button, a message) would be last.
"""

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QStackedWidget, QWidget


def order_tabs(root: QWidget) -> None:
    """Of everything in ``root`` that is shown now."""
    for first, second in pairwise(list(_stops(root))):
        QWidget.setTabOrder(first, second)


def _stops(widget: QWidget) -> Iterator[QWidget]:
    if widget.isHidden():
        return
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    if isinstance(widget, QScrollArea):
        inner = [widget.widget()]
    elif isinstance(widget, QStackedWidget):
        inner = [widget.currentWidget()]
    else:
        inner = list(_laid_out(widget.layout()))
    for child in inner:
        yield from _stops(child)


def _laid_out(layout: QLayout | None) -> Iterator[QWidget]:
    for index in range(layout.count() if layout is not None else 0):
        item = layout.itemAt(index)
        if (widget := item.widget()) is not None:
            yield widget
        else:
            yield from _laid_out(item.layout())
