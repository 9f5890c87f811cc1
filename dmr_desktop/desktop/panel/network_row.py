"""Who reaches the TCP door: this computer only, or the local network too."""

from PySide6.QtWidgets import QHBoxLayout, QWidget

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.access_wording import network_sentence
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.network_addresses import NetworkAddresses
from dmr_desktop.desktop.panel.key_dialog import KeyDialog
from dmr_desktop.desktop.panel.network_dialog import NetworkDialog
from dmr_desktop.desktop.panel.row import Row
from dmr_desktop.desktop.panel.widgets import Button, ChoiceBox, Paragraph, repolish
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import as_sentence


class NetworkRow(Row):
    """Shows ``state.tcp.network``; opening asks first, closing does not. A new key is shown once."""

    def __init__(self, title: str, commands: Commands, theme: Theme, addresses: NetworkAddresses) -> None:
        self.reach = ChoiceBox()
        self.sentence = Paragraph(tone="dim")
        super().__init__(title, self.sentence, self.reach)
        self._commands = commands
        self._theme = theme
        self._addresses = addresses
        self._is_pending = False
        self.reach.setAccessibleName(title)
        self.reach.addItem(self.tr("This computer"), False)
        self.reach.addItem(self.tr("Local network"), True)
        self.key_button = Button(self.tr("New API key…"))
        self.copy_button = Button(self.tr("Copy URL"), name=self.tr("Copy the base URL for the local network"))
        self._more = QWidget()
        more = QHBoxLayout(self._more)
        more.setContentsMargins(0, 4, 0, 0)
        more.setSpacing(10)
        more.addStretch()
        more.addWidget(self.copy_button)
        more.addWidget(self.key_button)
        self.below.addWidget(self._more)
        self.as_command = self.offer_command(self.tr("Copy as command"), self._copy_command)
        self.reach.activated.connect(self._choose)
        self.key_button.clicked.connect(lambda: self._ask(is_new_key=True))
        self.copy_button.clicked.connect(self._copy_url)
        theme.changed.connect(self._paint)
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        tcp = state.tcp
        is_on = tcp is not None and tcp.network.enabled
        self.reach.setCurrentIndex(self.reach.findData(is_on))
        self.reach.setEnabled(tcp is not None and tcp.listening and not self._is_pending)
        self.sentence.setText(as_sentence(network_sentence(tcp)))
        tone = "error" if tcp is not None and tcp.network.error else "dim"
        if self.sentence.property("tone") != tone:
            self.sentence.setProperty("tone", tone)
            repolish(self.sentence)
        self._more.setVisible(is_on)
        self.copy_button.setEnabled(state.network_url is not None)
        self.key_button.setEnabled(tcp is not None and tcp.network.key != "settings" and not self._is_pending)
        self.as_command.setEnabled(tcp is not None)

    def _choose(self) -> None:
        tcp = self._commands.state.tcp
        wanted = bool(self.reach.currentData())
        if tcp is None or wanted == tcp.network.enabled:
            return
        if wanted:
            self.reach.setCurrentIndex(self.reach.findData(False))  # until the service says otherwise
            self._ask(is_new_key=False)
        else:
            self._set(False, is_new_key=False)

    def _ask(self, *, is_new_key: bool) -> None:
        tcp = self._commands.state.tcp
        if tcp is None:
            return
        dialog = NetworkDialog(tcp, self._addresses, is_new_key=is_new_key, parent=self.window())
        dialog.accepted.connect(lambda: self._set(True, is_new_key=is_new_key or tcp.network.key == "none"))
        dialog.copied.connect(self._commands.copy)
        dialog.open()

    def _set(self, wanted: bool, *, is_new_key: bool) -> None:
        self._is_pending = True
        call = self._commands.set_network(wanted, is_new_key)
        call.ended.connect(lambda _ok: self._on_ended(call.answer))
        self.render_state(self._commands.state)

    def _on_ended(self, answer: object) -> None:
        self._is_pending = False
        self.render_state(self._commands.state)
        key = answer.get("api_key") if isinstance(answer, dict) else None
        if isinstance(key, str):
            dialog = KeyDialog(key, self._theme, self.window())
            dialog.copied.connect(self._commands.copy)
            dialog.open()

    def _copy_url(self) -> None:
        if (url := self._commands.state.network_url) is not None:
            self._commands.copy(url, url)

    def _copy_command(self) -> None:
        """What the other choice would do now."""
        tcp = self._commands.state.tcp
        if tcp is not None:
            command = terminal.network_command(not tcp.network.enabled)
            self._commands.copy(command, command)

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.dim)
