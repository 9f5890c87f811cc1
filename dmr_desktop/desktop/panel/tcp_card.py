"""The TCP host access switch with its sentence and the address to copy."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.access_wording import tcp_sentence
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.widgets import Button, Card, Label, Paragraph, Switch, repolish
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import as_sentence


class TcpCard(Card):
    """Shows ``state.tcp``; a click asks the service and waits for its event."""

    def __init__(self, commands: Commands, theme: Theme, title: str = "") -> None:
        super().__init__(row=True)
        self._commands = commands
        self._theme = theme
        self._is_pending = False
        self.switch = Switch(theme, self.tr("TCP host access"))
        self.sentence = Paragraph(tone="dim")
        self.copy_button = Button(self.tr("Copy URL"), name=self.tr("Copy the base URL"))
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(title or self.tr("TCP host access"), bold=True))
        texts.addWidget(self.sentence)
        self.body.addLayout(texts, 1)
        self.body.addLayout(self.end_with(self.copy_button, self.switch))
        self.switch.clicked.connect(self._toggle)
        self.copy_button.clicked.connect(commands.copy_base_url)
        # The menu of the whole card, also by the keyboard from the switch.
        self.as_command = QAction(self.tr("Copy as command"), self)
        self.as_command.triggered.connect(self._copy_command)
        self.addAction(self.as_command)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        theme.changed.connect(self._paint)
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        tcp = state.tcp
        self.switch.setChecked(tcp is not None and tcp.enabled)
        self.switch.setEnabled(tcp is not None and not self._is_pending)
        self.sentence.setText(as_sentence(tcp_sentence(state)))
        self.copy_button.setEnabled(state.base_url is not None)
        self.as_command.setEnabled(tcp is not None)
        tone = "error" if tcp is not None and tcp.error else "dim"
        if self.sentence.property("tone") != tone:
            self.sentence.setProperty("tone", tone)
            repolish(self.sentence)

    def _toggle(self) -> None:
        tcp = self._commands.state.tcp
        if tcp is None:
            return
        self._is_pending = True
        self.switch.setEnabled(False)
        self._commands.set_tcp(not tcp.enabled).ended.connect(self._on_ended)

    def _copy_command(self) -> None:
        """What the switch would do now."""
        tcp = self._commands.state.tcp
        if tcp is not None:
            command = terminal.tcp_command(tcp, not tcp.enabled)
            self._commands.copy(command, command)

    def _on_ended(self, ok: bool) -> None:
        self._is_pending = False
        self.render_state(self._commands.state)

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.dim)
