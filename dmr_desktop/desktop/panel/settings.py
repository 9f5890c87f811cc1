"""The Settings page: look, start, network, places. What the service owns is shown as it says."""

import os
import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from dmr_desktop import __version__
from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.access_wording import containers_sentence, origins_sentence
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.entry import EntryPaths, install_entry, start_with_session, starts_with_session
from dmr_desktop.desktop.language import LANGUAGES
from dmr_desktop.desktop.network_addresses import NetworkAddresses
from dmr_desktop.desktop.panel.network_row import NetworkRow
from dmr_desktop.desktop.panel.row import Row
from dmr_desktop.desktop.panel.scroll_page import ScrollPage
from dmr_desktop.desktop.panel.tcp_card import TcpCard
from dmr_desktop.desktop.panel.widgets import Button, Card, ChoiceBox, ElidedLabel, Label, Paragraph, Switch, Title
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.quantities import UNKNOWN, format_bytes
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.settings import DEFAULT_PORT

MAX_PORT = 65535
CHOICE_WIDTH = 160
"""Of a box with a few choices, in pixels: all of them end and begin alike."""


class SettingsPage(ScrollPage):
    """One card a matter, in sections."""

    def __init__(self, commands: Commands, theme: Theme, preferences: Preferences, addresses: NetworkAddresses) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._commands = commands
        self._theme = theme
        self._preferences = preferences
        self._allowed: tuple[str, ...] | None = None
        self._paths = EntryPaths.from_environment(os.environ)
        self.look = ChoiceBox()
        self.look.setAccessibleName(self.tr("Appearance"))
        self.look.addItem(self.tr("Like the system"), "system")
        self.look.addItem(self.tr("Light"), "light")
        self.look.addItem(self.tr("Dark"), "dark")
        self.look.addItem(self.tr("High contrast"), "contrast")
        self.language = ChoiceBox()
        self.language.setAccessibleName(self.tr("Language"))
        self.language.addItem(self.tr("Like the system"), "system")
        for code, name in LANGUAGES.items():
            self.language.addItem(name, code)
        self.autostart = Switch(theme, self.tr("Start with my session"))
        self.entry_button = Button(self.tr("Add to menu"), name=self.tr("Add DMR Desktop to the applications menu"))
        self.tcp = TcpCard(commands, theme)
        self.network = NetworkRow(self.tr("Reachable from"), commands, theme, addresses)
        self.origins = ChoiceBox()
        self.origins.setAccessibleName(self.tr("Web pages that may use the models"))
        self.origins.addItem(self.tr("None"), "none")
        self.origins.addItem(self.tr("These"), "list")
        self.origins.addItem(self.tr("All"), "all")
        self.origin_list = QLineEdit()
        self.origin_list.setAccessibleName(self.tr("Addresses of the web pages"))
        self.origin_list.setPlaceholderText("https://app.example.com")
        self.origin_button = Button(self.tr("Allow"), name=self.tr("Allow these web pages"))
        self.origins_sentence = Paragraph(tone="dim")
        self.containers = Switch(theme, self.tr("Container access"))
        self.containers_sentence = Paragraph(tone="dim")
        self.port = QLineEdit()
        self.port.setValidator(QIntValidator(1, MAX_PORT, self.port))
        self.port.setFixedWidth(90)
        self.port.setAccessibleName(self.tr("TCP port"))
        self.port_button = Button(self.tr("Apply"), name=self.tr("Use this port"))
        self.models_path = ElidedLabel(tone="dim")
        self.models_size = Label(tone="dim")
        self.copy_path = Button(self.tr("Copy path"), name=self.tr("Copy the path of the models"))
        self.socket = ElidedLabel(tone="dim")
        self.copy_socket = Button(self.tr("Copy path"), name=self.tr("Copy the path of the socket"))
        self._lay_out()
        self._connect()
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        self.look.setCurrentIndex(max(0, self.look.findData(self._theme.choice)))
        self.language.setCurrentIndex(max(0, self.language.findData(self._preferences.language)))
        self.autostart.setChecked(starts_with_session(self._paths))
        self.tcp.render_state(state)
        self.network.render_state(state)
        self.containers.setChecked(state.containers is not None and state.containers.enabled)
        self.containers.setEnabled(state.containers is not None)
        self.containers_sentence.setText(containers_sentence(state.containers))
        tcp = state.tcp
        if not self.port.hasFocus():
            self.port.setText(str(tcp.port if tcp else DEFAULT_PORT))
        self.port.setEnabled(tcp is not None)
        self._update_port_button()
        self._render_origins(tcp)
        self.models_path.setText(state.models_path or UNKNOWN)
        size = sum(model.size_bytes for model in state.models)
        text = self.tr("1 model") if len(state.models) == 1 else self.tr("{count} models")
        self.models_size.setText(f"{text.format(count=len(state.models))} · {format_bytes(size)}" if size else "")
        self.copy_path.setEnabled(bool(state.models_path))
        self.socket.setText(state.socket_path or UNKNOWN)
        self.copy_socket.setEnabled(bool(state.socket_path))

    def _connect(self) -> None:
        self.look.activated.connect(self._choose_look)
        self.language.activated.connect(self._choose_language)
        self.autostart.clicked.connect(self._toggle_autostart)
        self.entry_button.clicked.connect(self._install_entry)
        self.origins.activated.connect(self._choose_origins)
        self.origin_list.textChanged.connect(self._update_origins)
        self.origin_list.returnPressed.connect(self._allow_list)
        self.origin_button.clicked.connect(self._allow_list)
        self.containers.clicked.connect(self._toggle_containers)
        self.port.textChanged.connect(self._update_port_button)
        self.port.returnPressed.connect(self._use_port)
        self.port_button.clicked.connect(self._use_port)
        self.copy_path.clicked.connect(lambda: self._commands.copy(self._commands.state.models_path, self.tr("Path")))
        self.copy_socket.clicked.connect(lambda: self._commands.copy(self._commands.state.socket_path, self.tr("Path")))
        self._theme.changed.connect(self._paint)

    def _choose_look(self) -> None:
        choice = self.look.currentData()
        self._preferences.theme = choice
        self._theme.choose(choice)

    def _choose_language(self) -> None:
        self._preferences.language = self.language.currentData()

    def _toggle_autostart(self) -> None:
        try:
            start_with_session(self._paths, not starts_with_session(self._paths))
        except OSError as error:
            self._report(self.tr("Could not change what starts with the session"), error)
        self.autostart.setChecked(starts_with_session(self._paths))

    def _install_entry(self) -> None:
        try:
            install_entry(self._paths)
        except OSError as error:
            self._report(self.tr("Could not add the app to the menu"), error)
        else:
            self._commands.said.emit(self.tr("DMR Desktop is in the applications menu"))

    def _report(self, title: str, error: OSError) -> None:
        message = f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
        self._commands.problem.emit(Problem(title, message, self.tr("Check who may write there.")))

    def _render_origins(self, tcp: TcpStatus | None) -> None:
        allowed = tcp.origins if tcp else ()
        is_editing = self.origins.currentData() == "list" and self.origin_list.hasFocus()
        if not is_editing and allowed != self._allowed:
            self._allowed = allowed
            kind = "all" if "*" in allowed else "list" if allowed else "none"
            self.origins.setCurrentIndex(self.origins.findData(kind))
            self.origin_list.setText(", ".join(allowed) if kind == "list" else "")
        self.origins.setEnabled(tcp is not None)
        self.origins_sentence.setText(origins_sentence(allowed))
        self._update_origins()

    def _choose_origins(self) -> None:
        kind = self.origins.currentData()
        if kind == "list":
            self._listed.show()
            self.origin_list.setFocus()
        else:
            self._commands.set_origins(("*",) if kind == "all" else ())
        self._update_origins()

    def _allow_list(self) -> None:
        if self.origin_button.isEnabled():
            self._commands.set_origins(origins_of(self.origin_list.text()))
            self.origins.setFocus()

    def _update_origins(self) -> None:
        is_list = self.origins.currentData() == "list"
        self._listed.setVisible(is_list)
        typed = origins_of(self.origin_list.text())
        self.origin_button.setEnabled(self.origins.isEnabled() and bool(typed) and typed != self._allowed)

    def _toggle_containers(self) -> None:
        containers = self._commands.state.containers
        if containers is not None:
            self._commands.set_containers(not containers.enabled)

    # What a click would do now, for a terminal.

    def _copy_port_command(self) -> None:
        self._copy_command(terminal.tcp_command(TcpStatus(False, False, int(self.port.text() or DEFAULT_PORT)), True))

    def _copy_origins_command(self) -> None:
        kind = self.origins.currentData()
        origins = origins_of(self.origin_list.text()) if kind == "list" else ("*",) if kind == "all" else ()
        self._copy_command(terminal.origins_command(origins))

    def _copy_containers_command(self) -> None:
        containers = self._commands.state.containers
        self._copy_command(terminal.containers_command(containers is None or not containers.enabled))

    def _copy_command(self, command: str) -> None:
        self._commands.copy(command, command)

    def _use_port(self) -> None:
        tcp = self._commands.state.tcp
        if tcp is not None and self.port_button.isEnabled():
            self._commands.set_tcp(tcp.enabled, int(self.port.text()))

    def _update_port_button(self) -> None:
        tcp = self._commands.state.tcp
        is_new = self.port.hasAcceptableInput() and tcp is not None and int(self.port.text()) != tcp.port
        self.port_button.setEnabled(is_new)

    def _lay_out(self) -> None:
        for box in (self.look, self.language, self.network.reach, self.origins):
            box.setMinimumWidth(CHOICE_WIDTH)
        self.column.addWidget(Title(self.tr("Settings")))
        self.column.addSpacing(2)
        look = self.tr("Light, dark or high contrast")
        cards = [
            Row(self.tr("Appearance"), look, self.look),
            Row(self.tr("Language"), self.tr("From the next start on"), self.language),
        ]
        if sys.platform.startswith("linux"):
            start = self.tr("In the tray, without a window. Off until you turn it on.")
            cards.append(Row(self.tr("Start with my session"), start, self.entry_button, self.autostart))
        self._add_section(self.tr("This app"), *cards)
        as_command = self.tr("Copy as command")
        origins = Row(self.tr("Web pages"), self.origins_sentence, self.origins)
        self._listed = QWidget()
        listed = QHBoxLayout(self._listed)
        listed.setContentsMargins(0, 4, 0, 0)
        listed.setSpacing(10)
        listed.addWidget(self.origin_list, 1)
        listed.addWidget(self.origin_button)
        origins.below.addWidget(self._listed)
        port = self.tr("Programs made for Docker Model Runner expect 12434.")
        port_row = Row(self.tr("TCP port"), port, self.port, self.port_button)
        containers = Row(self.tr("Container access"), self.containers_sentence, self.containers)
        self.port_as_command = port_row.offer_command(as_command, self._copy_port_command)
        self.origins_as_command = origins.offer_command(as_command, self._copy_origins_command)
        self.containers_as_command = containers.offer_command(as_command, self._copy_containers_command)
        self._add_section(
            self.tr("Who can use the models"),
            self.tcp,
            self.network,
            port_row,
            origins,
            containers,
            Row(self.tr("Unix socket"), self.socket, self.copy_socket),
        )
        about = self.tr("Version {version}. Apache License 2.0. Uses Qt under the LGPL. No telemetry.")
        self._add_section(
            self.tr("Storage and version"),
            Row(self.tr("Models"), self.models_path, self.models_size, self.copy_path),
            Row(self.tr("About"), about.format(version=__version__)),
        )
        self.column.addStretch()

    def _add_section(self, title: str, *cards: Card) -> None:
        section = QVBoxLayout()
        section.setSpacing(8)
        section.addWidget(Label(title, tone="dim", bold=True))
        for card in cards:
            section.addWidget(card)
        self.column.addLayout(section)
        self.column.addSpacing(6)

    def _paint(self) -> None:
        for button in (self.copy_path, self.copy_socket):
            button.show_icon("copy", self._theme.tokens.dim)


def origins_of(text: str) -> tuple[str, ...]:
    """Web origins with commas or blanks between them."""
    return tuple(text.replace(",", " ").split())
