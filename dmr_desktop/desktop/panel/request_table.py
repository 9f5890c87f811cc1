"""The last inference requests as a Qt table model: running, done, failed and cancelled ones."""

import time
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.names import familiar, printable
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.widgets import plain_tool_tip
from dmr_desktop.desktop.quantities import UNKNOWN
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import client_word, day_and_time, endpoint_word, request_duration, request_word
from dmr_desktop.protocol.notices import RequestNotice

Index = QModelIndex | QPersistentModelIndex
ID_ROLE = Qt.ItemDataRole.UserRole + 1


class Column(IntEnum):
    TIME = 0
    MODEL = 1
    PATH = 2
    STATE = 3
    TOKENS = 4
    DURATION = 5
    CLIENT = 6


def tokens_of(notice: RequestNotice) -> str:
    """``12 → 80``: of the prompt and of the answer."""
    if not notice.prompt_tokens and not notice.completion_tokens:
        return UNKNOWN
    return f"{notice.prompt_tokens or UNKNOWN} → {notice.completion_tokens}"


class RequestTable(QAbstractTableModel):
    """Newest first. Rows keep their place while a request runs and ends."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[RequestNotice, ...] = ()
        self._titles = {
            Column.TIME: self.tr("Time"),
            Column.MODEL: self.tr("Model"),
            Column.PATH: self.tr("Endpoint"),
            Column.STATE: self.tr("State"),
            Column.TOKENS: self.tr("Tokens"),
            Column.DURATION: self.tr("Duration"),
            Column.CLIENT: self.tr("Program"),
        }
        self._text: dict[Column, Callable[[RequestNotice], str]] = {
            Column.TIME: lambda notice: datetime.fromtimestamp(notice.started_at).strftime("%H:%M:%S"),
            Column.MODEL: lambda notice: familiar(notice.model),
            Column.PATH: lambda notice: endpoint_word(notice.path),
            Column.STATE: lambda notice: request_word(notice.state),
            Column.TOKENS: tokens_of,
            Column.DURATION: lambda notice: request_duration(notice, time.time()),
            Column.CLIENT: lambda notice: client_word(notice.client),
        }
        theme.changed.connect(self._repaint)

    def show_requests(self, requests: tuple[RequestNotice, ...]) -> None:
        if requests == self._rows:
            return
        if [notice.id for notice in requests] == [notice.id for notice in self._rows]:
            self._rows = requests
            self._repaint()
            return
        known = {notice.id for notice in self._rows}
        num_new = next((row for row, notice in enumerate(requests) if notice.id in known), 0)
        num_kept = len(requests) - num_new
        if num_new and [notice.id for notice in requests[num_new:]] == [notice.id for notice in self._rows[:num_kept]]:
            self._put_on_top(requests, num_new)
            return
        self.beginResetModel()
        self._rows = requests
        self.endResetModel()

    def _put_on_top(self, requests: tuple[RequestNotice, ...], num_new: int) -> None:
        """The first ``num_new`` are new, the others were there; what does not follow them any more is gone."""
        nowhere, num_kept = QModelIndex(), len(requests) - num_new
        if num_kept < len(self._rows):
            self.beginRemoveRows(nowhere, num_kept, len(self._rows) - 1)
            self._rows = self._rows[:num_kept]
            self.endRemoveRows()
        self.beginInsertRows(nowhere, 0, num_new - 1)
        self._rows = requests
        self.endInsertRows()
        self._repaint()

    @property
    def has_running(self) -> bool:
        return any(notice.state == "running" for notice in self._rows)

    def tick(self) -> None:
        """Time has passed for those that run."""
        for row, notice in enumerate(self._rows):
            if notice.state == "running":
                cell = self.index(row, Column.DURATION)
                self.dataChanged.emit(cell, cell)

    def notice_at(self, row: int) -> RequestNotice:
        return self._rows[row]

    def row_of(self, request_id: str) -> int | None:
        return next((row for row, notice in enumerate(self._rows) if notice.id == request_id), None)

    @qt_override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    @qt_override
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(Column)

    @qt_override
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[Column(section)]
        return None

    @qt_override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        notice, column = self._rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text[column](notice)
        if role == Qt.ItemDataRole.DecorationRole and column is Column.STATE:
            tokens = self._theme.tokens
            icon, color = {
                "running": ("dot-wait", tokens.accent_text),
                "done": ("dot-full", tokens.ok),
                "failed": ("alert", tokens.error),
                "cancelled": ("dot-empty", tokens.dim),
            }[notice.state]
            return panel_icon(icon, color, 16)
        if role == ID_ROLE:
            return notice.id
        if role == Qt.ItemDataRole.ToolTipRole and column is Column.TIME:
            return day_and_time(notice.started_at)
        if role == Qt.ItemDataRole.ToolTipRole and column in (Column.MODEL, Column.PATH, Column.CLIENT):
            whole = {Column.MODEL: notice.model, Column.PATH: notice.path, Column.CLIENT: notice.client}
            return plain_tool_tip(printable(whole[column], 200))
        return None

    def _repaint(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(Column) - 1))
