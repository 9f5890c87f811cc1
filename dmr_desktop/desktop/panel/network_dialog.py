"""Asks before the local network is let in, or before its key is replaced, and says what that means."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.access_wording import network_address
from dmr_desktop.desktop.network_addresses import NetworkAddresses
from dmr_desktop.desktop.panel.widgets import Label, Paragraph, fit_height, room_for
from dmr_desktop.protocol.notices import TcpStatus


class NetworkDialog(QDialog):
    """Signals: ``copied(text, what)``; Qt's ``accepted`` is the yes."""

    copied = Signal(str, str)

    def __init__(
        self, tcp: TcpStatus, addresses: NetworkAddresses, *, is_new_key: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._port = tcp.port
        self._command = terminal.network_command(True, is_new_key=is_new_key)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = self.tr("Make a new API key?") if is_new_key else self.tr("Let the local network in?")
        self.setWindowTitle(title)
        self.where = Paragraph(self.tr("Looking for the addresses of this computer…"))
        self.buttons = QDialogButtonBox()
        yes = self.tr("Make new key") if is_new_key else self.tr("Let it in")
        self.yes_button = self.buttons.addButton(yes, QDialogButtonBox.ButtonRole.AcceptRole)
        self.yes_button.setProperty("kind", "primary")
        self.no_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.command_button = self.buttons.addButton(self.tr("Copy as command"), QDialogButtonBox.ButtonRole.ResetRole)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(Label(title, size=1.2, bold=True))
        if is_new_key:
            column.addWidget(Paragraph(self.tr("The key so far stops working at once, for every program that has it.")))
        else:
            column.addWidget(self.where)
            self._say_meaning(column)
        column.addWidget(Paragraph(self._key_sentence(tcp, is_new_key)))
        column.addWidget(self.buttons)
        fit_height(self, room_for(520, self))
        self.no_button.setDefault(True)
        self.no_button.setFocus()
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.command_button.clicked.connect(lambda: self.copied.emit(self._command, self._command))
        if not is_new_key:
            addresses.answered.connect(self.show_addresses)
            self.finished.connect(addresses.cancel)
            addresses.ask()

    def show_addresses(self, found: tuple[str, ...] | None) -> None:
        """Where this computer would be reached; None: the service did not say."""
        if found:
            where = " · ".join(network_address(address, self._port) for address in found)
            self.where.setText(self.tr("Other machines will reach this computer at:") + f"\n{where}")
        elif found is None:
            self.where.setText(self.tr("At which addresses this computer is reached cannot be told."))
        else:
            self.where.setText(
                self.tr("This computer is in no local network at the moment. It lets one in as soon as it is in one.")
            )
        fit_height(self, self.width())

    def _say_meaning(self, column: QVBoxLayout) -> None:
        column.addWidget(
            Paragraph(
                self.tr(
                    "Who has the API key can use, pull and delete models, change settings, and read requests and logs."
                    " Without the key nobody gets in; programs on this computer go on without one."
                )
            )
        )
        column.addWidget(
            Paragraph(
                self.tr(
                    "Nothing is encrypted, the key neither: do this only in a network that you trust."
                    " A firewall on this computer may have to let the port in."
                ),
                tone="dim",
            )
        )

    def _key_sentence(self, tcp: TcpStatus, is_new_key: bool) -> str:
        if tcp.network.key == "settings":
            return self.tr("The key is the one of your settings (api_key).")
        if tcp.network.key == "stored" and not is_new_key:
            return self.tr("The key that was made before is still the one that works.")
        return self.tr("A key is made and shown to you once.")
