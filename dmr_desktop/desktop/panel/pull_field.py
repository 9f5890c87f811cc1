"""The field for a model to pull, its button, and what the registry says of the name while it is being typed."""

import shutil

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.widgets import Button, Paragraph
from dmr_desktop.desktop.remote import Remote, RemoteModel, judge
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.wording import remote_line
from dmr_desktop.protocol.pasted_names import pasted_name

TYPING_MS = 700
"""A name that was not changed for this long is looked up."""


class PullField(QLineEdit):
    """``button`` pulls, as Enter does; ``known`` is the line about the name. The page places them."""

    def __init__(self, commands: Commands, remote: Remote) -> None:
        super().__init__()
        self._commands = commands
        self._remote = remote
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self.known = Paragraph(tone="dim")
        self.known.hide()
        self.button = Button(self.tr("Pull"), kind="primary")
        self.setPlaceholderText(self.tr("Pull a model, e.g. ai/smollm2"))
        self.setAccessibleName(self.tr("Model to pull"))
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(240)
        self.setMaximumWidth(420)
        self.button.clicked.connect(self._pull)
        self.returnPressed.connect(self._pull)
        self.textChanged.connect(self._on_changed)
        self.textEdited.connect(self._on_typed)
        self._typing.timeout.connect(self._look_up)
        remote.answered.connect(self._on_known)

    def render_state(self, state: DesktopState) -> None:
        self.setEnabled(state.is_connected)
        self._update_button()

    def correct(self, reference: str) -> None:
        """A name that was not found is there to be corrected, unless another one is being typed."""
        if not self.text():
            self.setText(reference)

    def _pull(self) -> None:
        reference = pasted_name(self.text())
        if reference and self._commands.state.is_connected:
            self.clear()
            self._commands.pull(reference)

    def _on_changed(self, text: str) -> None:
        if not text:
            self._forget_known()
        self._update_button()

    def _on_typed(self) -> None:
        self._forget_known()
        if len(self.text().strip()) > 2:
            self._typing.start()

    def _look_up(self) -> None:
        """Says what is known before the pull; the pull itself never waits for it."""
        if self._commands.state.is_connected:
            self.known.setText(self.tr("Asking the registry…"))
            self.known.show()
            self._remote.ask(pasted_name(self.text()))

    def _on_known(self, model: RemoteModel | None) -> None:
        state = self._commands.state
        try:
            free = shutil.disk_usage(state.models_path).free
        except OSError:
            free = None
        self.known.setText(remote_line(model, judge(model, free, state) if model else None, free))

    def _forget_known(self) -> None:
        self._typing.stop()
        self._remote.cancel()
        self.known.hide()

    def _update_button(self) -> None:
        self.button.setEnabled(self._commands.state.is_connected and bool(self.text().strip()))
