"""The Models page: what is stored, and what can be done with it."""

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QPoint, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.fit import Fit
from dmr_desktop.desktop.icons import panel_pixmap
from dmr_desktop.desktop.load_options import Configured
from dmr_desktop.desktop.panel.deletion_list import DeletionList
from dmr_desktop.desktop.panel.empty_state import EmptyState
from dmr_desktop.desktop.panel.fitting_table import FittingTable
from dmr_desktop.desktop.panel.load_dialog import LoadDialog
from dmr_desktop.desktop.panel.model_menu import ModelMenu
from dmr_desktop.desktop.panel.model_table import SORT_ROLE, Column, ModelTable
from dmr_desktop.desktop.panel.name_delegate import INDENT, NameDelegate, lines_of
from dmr_desktop.desktop.panel.pull_field import PullField
from dmr_desktop.desktop.panel.pull_list import PullList
from dmr_desktop.desktop.panel.widgets import Button, Card, Title, repolish, room_for
from dmr_desktop.desktop.quantities import format_bytes
from dmr_desktop.desktop.remote import Remote
from dmr_desktop.desktop.starters import starters_for
from dmr_desktop.desktop.state import DesktopState, ModelEntry, find_pull
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import runner_words
from dmr_desktop.protocol.runners import RunnerState

SAMPLES: dict[int, str] = {
    Column.SIZE: "999.9 MiB",
    Column.PARAMETERS: "999.99 M",
    Column.QUANTIZATION: "IQ2_XXS/Q4_K_M",
    Column.ARCHITECTURE: "nomic-bert",
    Column.CONTEXT: "131,072",
    Column.USED: "30 Nov, 14:05",
}
"""The longest usual values; the name gets the rest."""
ICON_ROOM = " " * 8
NAME_WIDTH, MAX_NAME_WIDTH = 185, 300
"""Room that a name takes from the less important columns, in pixels: what it needs, within these bounds."""

MANY = 15
"""More models than this and there is a filter; Ctrl+F always brings it."""


class ModelsPage(QWidget):
    """Table, pull field with what the registry says, and running pulls. Signals: ``chat_wanted(name)``."""

    chat_wanted = Signal(str)

    def __init__(self, commands: Commands, theme: Theme, fit: Fit, remote: Remote, configured: Configured) -> None:
        super().__init__()
        self._commands = commands
        self._fit = fit
        self._configured = configured
        self._theme = theme
        self._selected_id = ""
        self.field = PullField(commands, remote)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter by name"))
        self.filter.setAccessibleName(self.tr("Filter the models by name"))
        self.filter.setClearButtonEnabled(True)
        self.filter.hide()
        self.pulls = PullList(commands.pulls, commands.copy)
        self.deletions = DeletionList(commands.deletions)
        self.model = ModelTable(theme, self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.model)
        self._sorted.setSortRole(SORT_ROLE)
        self._sorted.setFilterKeyColumn(Column.NAME)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.table = self._make_table()
        self.load_button, self.unload_button = Button(self.tr("Load")), Button(self.tr("Unload"))
        self.options_button = Button(self.tr("Load with…"), name=self.tr("Choose how the model is loaded"))
        self.copy_button = Button("", name=self.tr("Copy name"))
        self.copy_button.setToolTip(self.copy_button.accessibleName())
        self.delete_button = Button(self.tr("Delete…"), kind="danger", name=self.tr("Delete the model"))
        self._lay_out()
        self._connect()
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        keep = self._selected_id
        bar = self.table.verticalScrollBar()
        place, was_empty = bar.value(), not self.model.rowCount()
        self.model.show_state(state)
        self._select(keep)
        if not was_empty:
            bar.setValue(place)  # whoever has scrolled away from the selected row stays there
        self._make_room(state)
        if len(state.models) > MANY:
            self.filter.show()
        self._stack.setCurrentIndex(0 if self._sorted.rowCount() else 1)
        self._render_empty(state)
        self.field.render_state(state)
        self.pulls.render_state(state)
        self._update_buttons()

    def _make_room(self, state: DesktopState) -> None:
        metrics = self.table.fontMetrics()
        longest = max((metrics.horizontalAdvance(lines_of(m.name, metrics, 0)[0]) for m in state.models), default=0)
        self.table.set_least_share(min(room_for(MAX_NAME_WIDTH, self), max(NAME_WIDTH, longest + 2 * INDENT + 1)))

    def _render_empty(self, state: DesktopState) -> None:
        if not state.is_connected:
            self.empty.say(self.tr("The models are shown when the service runs."))
            return
        if state.models:
            self.empty.say(self.tr("No model has such a name"))
            return
        offers = [
            (
                f"{starter.reference} · {format_bytes(starter.size_bytes)}",
                partial(self._commands.pull, starter.reference),
            )
            for starter in starters_for(state)[:2]
            if find_pull(state.pulls, starter.reference) is None
        ]
        advice = self.tr(
            "Type a name above and press Pull, or begin with one of these.\nNames of Hugging Face work too."
        )
        self.empty.say(self.tr("No models yet"), advice, offers)

    @property
    def selected(self) -> ModelEntry | None:
        rows = self.table.selectionModel().selectedRows()
        return self.model.model_at(self._sorted.mapToSource(rows[0]).row()) if rows else None

    def _make_table(self) -> FittingTable:
        expendable = (Column.USED, Column.ARCHITECTURE, Column.CONTEXT, Column.PARAMETERS, Column.QUANTIZATION)
        longest = max(runner_words(), key=len)
        samples = {**SAMPLES, Column.STATE: f"{ICON_ROOM}{longest}"}
        table = FittingTable(
            self._sorted, self.tr("Stored models"), samples, expendable, least_share=NAME_WIDTH, is_sortable=True
        )
        table.setItemDelegateForColumn(Column.NAME, NameDelegate(self._theme, table))
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.sortByColumn(Column.NAME, Qt.SortOrder.AscendingOrder)
        return table

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Title(self.tr("Models")))
        head.addStretch()
        head.addWidget(self.field, 4)
        head.addWidget(self.field.button)
        card = Card(margins=(1, 4, 1, 4))
        self.empty = EmptyState(self._theme, "models")
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        card.body.addLayout(self._stack)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        for button in (self.load_button, self.options_button, self.unload_button, self.copy_button):
            foot.addWidget(button)
        foot.addStretch()
        foot.addWidget(self.delete_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 14, 24, 20)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.field.known)
        column.addSpacing(2)
        column.addWidget(self.pulls)
        column.addWidget(self.deletions)
        column.addWidget(self.filter)
        column.addWidget(card, 1)
        column.addLayout(foot)

    def _connect(self) -> None:
        self.load_button.clicked.connect(self._load)
        self.options_button.clicked.connect(self.ask_options)
        self.unload_button.clicked.connect(self._unload)
        self.copy_button.clicked.connect(self._copy)
        self.delete_button.clicked.connect(self.ask_delete)
        self.table.customContextMenuRequested.connect(self._pop_menu_up)
        self.table.doubleClicked.connect(lambda: self.load_button.click())
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self._commands.pulls.changed.connect(lambda: self.pulls.render_state(self._commands.state))
        self._commands.deletions.changed.connect(self._update_buttons)
        self._theme.changed.connect(self._paint)
        self.filter.textChanged.connect(self._show_matching)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self).activated.connect(self._ask_filter)
        QShortcut(QKeySequence("Escape"), self.filter, context=Qt.ShortcutContext.WidgetShortcut).activated.connect(
            self._end_filter
        )
        delete = QAction(self.table)
        delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        delete.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        delete.triggered.connect(self.ask_delete)
        self.table.addAction(delete)

    def _ask_filter(self) -> None:
        self.filter.show()
        self.filter.setFocus()
        self.filter.selectAll()

    def _end_filter(self) -> None:
        self.filter.clear()
        self.filter.setVisible(len(self._commands.state.models) > MANY)
        self.table.setFocus()

    def _show_matching(self, text: str) -> None:
        self._sorted.setFilterFixedString(text.strip())
        self.render_state(self._commands.state)

    def _load(self) -> None:
        if (model := self.selected) is not None:
            self._commands.load(model)

    def ask_options(self) -> None:
        """Asks for context size and keep-alive; the answer comes later."""
        model = self.selected
        if model is not None:
            dialog = LoadDialog(model, self._fit, self._configured, self.window())
            dialog.chosen.connect(lambda options: self._commands.load_with(model, options))
            dialog.copied.connect(self._commands.copy)
            dialog.open()

    def _unload(self) -> None:
        if (model := self.selected) is not None:
            self._commands.unload(model.reference)

    def _copy(self) -> None:
        if (model := self.selected) is not None:
            self._commands.copy(model.name, model.name)

    def ask_delete(self) -> None:
        """Asks before a model goes; the answer comes later, nothing waits for it."""
        model = self.selected
        if model is None or not self.delete_button.isEnabled():
            return
        box = QMessageBox(self.window())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(self.tr("Delete model"))
        box.setIconPixmap(panel_pixmap("trash", self._theme.tokens.error, 28, self.devicePixelRatioF()))
        box.setText(self.tr("Delete {model}?").format(model=model.name))
        box.setInformativeText(self._consequences(model))
        delete = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        delete.setProperty("kind", "danger")
        repolish(delete)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        delete.clicked.connect(lambda: self._commands.deletions.want(model))
        box.open()

    def _consequences(self, model: ModelEntry) -> str:
        if len(model.tags) > 1:
            return self.tr("Only this name goes; the model stays under its other names.")
        sentences = [self.tr("This frees up to {size}.").format(size=format_bytes(model.size_bytes))]
        if any(runner.model_id == model.id for runner in self._commands.state.loaded):
            sentences.append(self.tr("The model is loaded and will be unloaded first."))
        return " ".join(sentences)

    def menu_for(self, model: ModelEntry) -> ModelMenu:
        """What can be done with the selected model."""
        buttons = (self.load_button, self.options_button, self.unload_button, self.copy_button, self.delete_button)
        return ModelMenu(self, self._commands, model, buttons, lambda: self.chat_wanted.emit(model.name))

    def _pop_menu_up(self, place: QPoint) -> None:
        model = self.selected
        if model is not None:
            menu = self.menu_for(model)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.table.viewport().mapToGlobal(place))

    def _on_selected(self) -> None:
        model = self.selected
        if model is not None:
            self._selected_id = model.id
        self._update_buttons()

    def _select(self, model_id: str) -> None:
        """Puts the selection back after a reset; the first row when the model is gone, or not shown."""
        if self.table.selectionModel().hasSelection() or not self._sorted.rowCount():
            return
        row = self.model.row_of(model_id)
        index = self._sorted.mapFromSource(self.model.index(-1 if row is None else row, 0))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(index if index.isValid() else self._sorted.index(0, 0), flags)

    def _update_buttons(self) -> None:
        model, state = self.selected, self._commands.state
        runner = state.runner_of(model) if model else None
        is_loaded = runner is not None and runner.state not in (RunnerState.FAILED, RunnerState.STOPPED)
        is_usable = model is not None and state.is_connected
        self.load_button.setEnabled(is_usable and not is_loaded)
        self.options_button.setEnabled(is_usable and (runner is None or not runner.active_requests))
        self.unload_button.setEnabled(
            runner is not None and runner.state in (RunnerState.READY, RunnerState.BUSY) and not runner.active_requests
        )
        self.copy_button.setEnabled(model is not None)
        is_going = model in self._commands.deletions.waiting
        self.delete_button.setEnabled(is_usable and not is_going and not (runner and runner.active_requests))

    def _paint(self) -> None:
        tokens = self._theme.tokens
        icons = (
            (self.load_button, "load"),
            (self.options_button, "options"),
            (self.unload_button, "unload"),
            (self.copy_button, "copy"),
        )
        for button, icon in icons:
            button.show_icon(icon, tokens.dim)
        self.delete_button.show_icon("trash", tokens.error)
