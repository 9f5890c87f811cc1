"""The stored models as a Qt table model: what to show, how to sort, which icon says the state."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.widgets import plain_tool_tip
from dmr_desktop.desktop.quantities import UNKNOWN, format_bytes, format_number
from dmr_desktop.desktop.sorting import natural, parameter_count
from dmr_desktop.desktop.state import DesktopState, ModelEntry
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import clock_time, runner_word
from dmr_desktop.protocol.runners import RunnerState, RunnerStatus

SORT_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    NAME = 0
    SIZE = 1
    PARAMETERS = 2
    QUANTIZATION = 3
    ARCHITECTURE = 4
    CONTEXT = 5
    USED = 6
    STATE = 7


class ModelTable(QAbstractTableModel):
    """Rows follow ``state.models``; the same models with other facts keep their rows and the selection."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[tuple[ModelEntry, RunnerStatus | None]] = []
        self._used: dict[str, float] = {}
        self._titles = {
            Column.NAME: self.tr("Model"),
            Column.SIZE: self.tr("Size"),
            Column.PARAMETERS: self.tr("Parameters"),
            Column.QUANTIZATION: self.tr("Quantization"),
            Column.ARCHITECTURE: self.tr("Architecture"),
            Column.CONTEXT: self.tr("Context"),
            Column.USED: self.tr("Last used"),
            Column.STATE: self.tr("State"),
        }
        self._text: dict[Column, Callable[[ModelEntry, RunnerStatus | None], str]] = {
            Column.NAME: lambda model, runner: model.name,
            Column.SIZE: lambda model, runner: format_bytes(model.size_bytes) if model.size_bytes else UNKNOWN,
            Column.PARAMETERS: lambda model, runner: printable(model.parameters, 40) or UNKNOWN,
            Column.QUANTIZATION: lambda model, runner: printable(model.quantization, 40) or UNKNOWN,
            Column.ARCHITECTURE: lambda model, runner: printable(model.architecture, 40) or UNKNOWN,
            Column.CONTEXT: lambda model, runner: format_number(model.context_size) if model.context_size else UNKNOWN,
            Column.USED: lambda model, runner: clock_time(self._used.get(model.id, 0.0)),
            Column.STATE: lambda model, runner: runner_word(runner),
        }
        self._numbers: dict[Column, Callable[[ModelEntry], float]] = {
            Column.SIZE: lambda model: float(model.size_bytes),
            Column.PARAMETERS: lambda model: parameter_count(model.parameters),
            Column.CONTEXT: lambda model: float(model.context_size or 0),
            Column.USED: lambda model: self._used.get(model.id, 0.0),
        }
        theme.changed.connect(self._repaint)

    def show_state(self, state: DesktopState) -> None:
        rows = [(model, state.runner_of(model)) for model in state.models]
        self._used = {model.id: state.last_used(model) for model in state.models}
        if [model.id for model, _ in rows] == [model.id for model, _ in self._rows]:
            if rows != self._rows:
                self._rows = rows
                self._repaint()
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def model_at(self, row: int) -> ModelEntry:
        return self._rows[row][0]

    def row_of(self, model_id: str) -> int | None:
        return next((row for row, (model, _) in enumerate(self._rows) if model.id == model_id), None)

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
        model, runner = self._rows[index.row()]
        column = Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text[column](model, runner)
        if role == Qt.ItemDataRole.ToolTipRole and column in (Column.NAME, Column.QUANTIZATION):
            return plain_tool_tip(self._text[column](model, runner))
        if role == SORT_ROLE:
            number = self._numbers.get(column)
            return number(model) if number else natural(self._text[column](model, runner))
        if role == Qt.ItemDataRole.DecorationRole and column is Column.STATE:
            return self._state_icon(runner)
        return None

    def _state_icon(self, runner: RunnerStatus | None) -> object:
        tokens = self._theme.tokens
        match runner.state if runner else RunnerState.STOPPED:
            case RunnerState.READY | RunnerState.BUSY:
                return panel_icon("dot-full", tokens.ok, 16)
            case RunnerState.STARTING | RunnerState.STOPPING:
                return panel_icon("dot-wait", tokens.warn, 16)
            case RunnerState.FAILED:
                return panel_icon("alert", tokens.error, 16)
        return panel_icon("dot-empty", tokens.dim, 16)

    def _repaint(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(Column) - 1))
