"""A table of whole rows whose columns fit what they hold; the less important ones give way when it is narrow."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QAbstractItemModel, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.theme import scaled_font

PADDING, SORT_MARK = 36, 10
"""Both sides of a cell and of a title (see the style sheet), and the mark of the column that is sorted."""
LEAST_SHARE = 150
"""What a column without a width of its own needs to be of use, in pixels."""


class FittingTable(QTableView):
    """``samples``: the longest usual value of each column that has a width of its own; the others share what is left.

    ``expendable`` columns are hidden, in this order, until those others have ``least_share`` pixels each.
    """

    def __init__(
        self,
        model: QAbstractItemModel,
        name: str,
        samples: Mapping[int, str],
        expendable: Sequence[int] = (),
        row_height: int = 40,
        least_share: int = LEAST_SHARE,
        *,
        is_sortable: bool = False,
    ) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(QSize(16, 16))
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(is_sortable)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(row_height)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setFont(scaled_font(0.95))
        self._expendable = tuple(expendable)
        self._least_share = least_share
        self._widths: dict[int, int] = {}
        for column in range(model.columnCount()):
            if column not in samples:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
                continue
            title = str(model.headerData(column, Qt.Orientation.Horizontal))
            mark = SORT_MARK if is_sortable else 0
            texts = (
                header.fontMetrics().horizontalAdvance(title) + mark,
                self.fontMetrics().horizontalAdvance(samples[column]),
            )
            self._widths[column] = max(texts) + PADDING
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, self._widths[column])

    def set_least_share(self, pixels: int) -> None:
        """How much the columns without a width of their own need now."""
        if pixels != self._least_share:
            self._least_share = pixels
            self._fit(self.viewport().width())

    @qt_override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit(event.size().width())

    def _fit(self, width: int) -> None:
        hidden = self._to_hide(width)
        for column in self._expendable:
            if self.isColumnHidden(column) != (column in hidden):
                self.setColumnHidden(column, column in hidden)

    def _to_hide(self, width: int) -> set[int]:
        needed = {column: self._widths.get(column, self._least_share) for column in range(self.model().columnCount())}
        hidden: set[int] = set()
        for column in self._expendable:
            if sum(needed.values()) <= width:
                break
            hidden.add(column)
            del needed[column]
        return hidden
