"""The loaded models, one row each with Unload."""

import time

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.widgets import Button, Card, ElidedLabel, Label, Paragraph
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import as_sentence, runner_details, runner_facts
from dmr_desktop.protocol.runners import RunnerState, RunnerStatus

MAX_NOTE_CHARS = 300


class LoadedRow(Card):
    """One runner, and what its user should know of it."""

    def __init__(self, commands: Commands, theme: Theme, name: str, runner: RunnerStatus) -> None:
        super().__init__(row=True, margins=(16, 10, 16, 10))
        self._theme = theme
        self._details = Paragraph(tone="dim")
        self._notes = Paragraph(tone="dim")
        self.unload = Button(self.tr("Unload"), name=self.tr("Unload {model}").format(model=name))
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(ElidedLabel(name, bold=True))
        texts.addWidget(self._details)
        texts.addWidget(self._notes)
        self.body.addLayout(texts, 1)
        self.body.addWidget(self.unload)
        self.copy_name = QAction(self.tr("Copy model name"), self)
        self.copy_name.triggered.connect(lambda: commands.copy(name, name))
        self.addAction(self.copy_name)
        command = terminal.unload_command_of(name)
        self.as_command = QAction(self.tr("Copy as command"), self)
        self.as_command.triggered.connect(lambda: commands.copy(command, command))
        self.addAction(self.as_command)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        reference = runner.model_id
        self.unload.clicked.connect(lambda: commands.unload(reference))
        theme.changed.connect(self._paint)
        self._paint()

    def render_runner(self, runner: RunnerStatus) -> None:
        parts = runner_facts(runner), runner_details(runner, time.time())
        self._details.setText(as_sentence(" · ".join(part for part in parts if part)))
        notes = runner.facts.notes if runner.facts is not None else ()
        self._notes.setText("\n".join(in_own_words(note, MAX_NOTE_CHARS) for note in notes))
        self._notes.setVisible(bool(notes))
        self.unload.setEnabled(runner.state in (RunnerState.READY, RunnerState.BUSY) and not runner.active_requests)
        self.unload.setToolTip(self.tr("It is answering a request.") if runner.active_requests else "")

    def _paint(self) -> None:
        self.unload.show_icon("unload", self._theme.tokens.dim)


class LoadedList(QWidget):
    """Rows are kept while their runner lives, so that a button does not go away under the pointer."""

    def __init__(self, commands: Commands, theme: Theme) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._rows: dict[tuple[str, str, str], LoadedRow] = {}
        self._empty = Card(margins=(16, 14, 16, 14))
        self._hint = Label(tone="dim")
        self._hint.setWordWrap(True)
        self._empty.body.addWidget(self._hint)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self._empty)

    def render_state(self, state: DesktopState) -> None:
        alive = {(runner.backend, runner.model_id, runner.mode.value): runner for runner in state.loaded}
        for key in self._rows.keys() - alive.keys():
            row = self._rows.pop(key)
            row.hide()
            row.deleteLater()
        for key, runner in alive.items():
            if key not in self._rows:
                self._rows[key] = LoadedRow(self._commands, self._theme, state.runner_name(runner), runner)
                self._column.addWidget(self._rows[key])
            self._rows[key].render_runner(runner)
        self._empty.setVisible(not alive)
        if state.models or not state.is_connected:
            self._hint.setText(self.tr("None. A model is loaded by its first request, or from the Models page."))
        else:
            self._hint.setText(self.tr("None yet. Pull a model first, e.g. ai/smollm2."))

    @property
    def rows(self) -> tuple[LoadedRow, ...]:
        return tuple(self._rows.values())
