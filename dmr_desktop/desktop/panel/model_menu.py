"""What can be done with a stored model, as a menu: the buttons below the table, and commands for a terminal."""

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.widgets import Button
from dmr_desktop.desktop.state import ModelEntry


class ModelMenu(QMenu):
    """For one model. ``buttons`` are those that do the same: an entry is on where its button is."""

    def __init__(
        self,
        parent: QWidget,
        commands: Commands,
        model: ModelEntry,
        buttons: tuple[Button, ...],
        chat: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._commands = commands
        for button in buttons:
            entry = self.addAction(button.text() or button.accessibleName())
            entry.setEnabled(button.isEnabled())
            entry.triggered.connect(button.click)
        self.addSeparator()
        self.chat = self.addAction(self.tr("Open in chat"))
        self.chat.triggered.connect(chat)
        self.as_command = self.addMenu(self.tr("Copy as command"))
        for title, command in (
            (self.tr("Load"), terminal.load_command(model)),
            (self.tr("Unload"), terminal.unload_command(model)),
            (self.tr("Chat"), terminal.chat_command(model)),
            (self.tr("Delete"), terminal.delete_command(model)),
        ):
            entry = self.as_command.addAction(f"{title}: {command}")
            entry.triggered.connect(lambda _checked=False, command=command: self._commands.copy(command, command))
