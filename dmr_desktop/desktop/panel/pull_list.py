"""Pulls that run or pause, one row each: how far, how fast, how long still.

Pause and Cancel are there for those asked for here.
"""

from collections.abc import Callable
from typing import TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.names import canonical, familiar
from dmr_desktop.desktop.panel.widgets import Button, Card, ElidedLabel, Paragraph
from dmr_desktop.desktop.pulls import Pulls
from dmr_desktop.desktop.state import DesktopState, find_pull
from dmr_desktop.desktop.wording import pull_details
from dmr_desktop.protocol.notices import PullStatus

Copy: TypeAlias = Callable[[str, str], None]
"""Takes a text for the clipboard, and what to say of it."""
STEPS = 1000
"""Progress bars count in thousandths: Qt's are 32 bits wide and models are not."""


class PullRow(Card):
    """One pull. Without buttons when another program asked for it. Its menu hands the command to ``copy``."""

    def __init__(self, pulls: Pulls, reference: str, copy: Copy) -> None:
        super().__init__(row=True, margins=(16, 12, 16, 14))
        self._pulls = pulls
        self._reference = reference
        self._is_paused = False
        self.details = Paragraph(tone="dim", size=0.95)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        name = self._name = familiar(reference)
        self.bar.setAccessibleName(self.tr("Progress of {model}").format(model=name))
        self.cancel = Button(self.tr("Cancel"), name=self.tr("Cancel pulling {model}").format(model=name))
        self.cancel.clicked.connect(lambda: pulls.cancel(reference))
        self.pause = Button(self.tr("Pause"))
        self.pause.clicked.connect(self._toggle)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(ElidedLabel(self.tr("Pulling {model}").format(model=name), bold=True))
        column.addWidget(self.bar)
        column.addWidget(self.details)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.pause)
        buttons.addWidget(self.cancel)
        self.body.addLayout(column, 1)
        self.body.addLayout(buttons)
        command = terminal.pull_command(name)
        self.as_command = QAction(self.tr("Copy as command"), self)
        self.as_command.triggered.connect(lambda: copy(command, command))
        self.addAction(self.as_command)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def render_pull(self, pull: PullStatus, *, is_owned: bool) -> None:
        self._is_paused = False
        self.pause.setText(self.tr("Pause"))
        self.pause.setAccessibleName(self.tr("Pause pulling {model}").format(model=self._name))
        self.pause.setVisible(is_owned)
        self.details.setText(pull_details(pull))
        self.cancel.setVisible(is_owned)
        if pull.total_bytes:
            self.bar.setRange(0, STEPS)
            self.bar.setValue(min(STEPS, STEPS * pull.current_bytes // pull.total_bytes))
        else:
            self.bar.setRange(0, 0)

    def render_paused(self) -> None:
        """The bar stays where it was."""
        self._is_paused = True
        self.pause.setText(self.tr("Resume"))
        self.pause.setAccessibleName(self.tr("Go on pulling {model}").format(model=self._name))
        self.details.setText(self.tr("Paused"))
        for button in (self.pause, self.cancel):
            button.show()
        if self.bar.maximum() == 0:
            self.bar.setRange(0, STEPS)  # a bar without a range would go on moving

    def _toggle(self) -> None:
        if self._is_paused:
            self._pulls.start(self._reference)
        else:
            self._pulls.pause(self._reference)


class PullList(QWidget):
    """Follows the service's pulls; one just asked for shows up before the service speaks of it."""

    def __init__(self, pulls: Pulls, copy: Copy) -> None:
        super().__init__()
        self._pulls = pulls
        self._copy = copy
        self._rows: dict[str, PullRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)

    @property
    def rows(self) -> tuple[PullRow, ...]:
        return tuple(self._rows.values())

    def render_state(self, state: DesktopState) -> None:
        shown = {canonical(pull.reference): pull for pull in state.pulls}
        for reference in self._pulls.references:
            if find_pull(state.pulls, reference) is None:
                shown[canonical(reference)] = PullStatus(reference, "running")
        paused = {
            canonical(reference): reference for reference in self._pulls.paused if canonical(reference) not in shown
        }
        for key in self._rows.keys() - shown.keys() - paused.keys():
            row = self._rows.pop(key)
            row.hide()
            row.deleteLater()
        for key, pull in shown.items():
            if key not in self._rows:
                self._rows[key] = PullRow(self._pulls, pull.reference, self._copy)
                self._column.addWidget(self._rows[key])
            self._rows[key].render_pull(pull, is_owned=self._pulls.owns(pull.reference))
        for key, reference in paused.items():
            if key not in self._rows:
                self._rows[key] = PullRow(self._pulls, reference, self._copy)
                self._column.addWidget(self._rows[key])
            self._rows[key].render_paused()
        self.setVisible(bool(self._rows))
