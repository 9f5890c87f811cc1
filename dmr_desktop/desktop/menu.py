"""The menu of the tray icon; the panel shows the same one.

Actions are changed, not rebuilt, so that nothing moves under the pointer; only the list of loaded models
is rebuilt, when the set of models changes.
"""

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from dmr_desktop.desktop.access_wording import tcp_address
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.state import DesktopState, Link
from dmr_desktop.desktop.theme import Theme, ThemeChoice
from dmr_desktop.desktop.wording import runner_word, status_line
from dmr_desktop.protocol.runners import RunnerState, RunnerStatus

RunnerKeys = tuple[tuple[str, str, str, str], ...]


class TrayMenu(QMenu):
    """Shows ``DesktopState``; a toggle shows the service's answer, never the click."""

    def __init__(self, commands: Commands, theme: Theme, preferences: Preferences) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._preferences = preferences
        self._is_on_bus = False
        self._looks: list[tuple[ThemeChoice, QAction]] = []
        self._shown: RunnerKeys = ()
        self._submenus: list[QMenu] = []
        self.status = self.addAction("")
        self.status.setEnabled(False)
        self.open = self.addAction(self.tr("Open panel"))
        self.setDefaultAction(self.open)
        self.start = self.addAction(self.tr("Start service"))
        self.addSeparator()
        self.no_models = self.addAction(self.tr("No model loaded"))
        self.no_models.setEnabled(False)
        self._below_models = self.addSeparator()
        self.tcp = self.addAction("")
        self.tcp.setCheckable(True)
        self.copy_url = self.addAction(self.tr("Copy base URL"))
        self.addSeparator()
        self._add_appearance()
        self.addSeparator()
        self.quit = self.addAction(self.tr("Quit tray (keep service running)"))
        self.quit_all = self.addAction(self.tr("Quit and stop service"))
        self.open.triggered.connect(lambda: commands.open_panel())
        self.start.triggered.connect(commands.start_service)
        self.tcp.triggered.connect(self._toggle_tcp)
        self.copy_url.triggered.connect(commands.copy_base_url)
        self.quit.triggered.connect(commands.quit_desktop)
        self.quit_all.triggered.connect(commands.quit_everything)
        self.render_state(commands.state)

    def show_on_bus(self, is_on_bus: bool) -> None:
        """Whether a desktop's panel draws the menu, told over D-Bus: there ``_`` marks a shortcut."""
        self._is_on_bus = is_on_bus
        self.render_state(self._commands.state)

    def render_state(self, state: DesktopState) -> None:
        self.status.setText(self._plain(status_line(state)))
        self.start.setVisible(state.link in (Link.STOPPED, Link.FAILED))
        self._render_models(state)
        tcp = state.tcp
        text = self.tr("TCP host access ({address})").format(address=tcp_address(tcp))
        if tcp is not None and tcp.error:
            text += " – " + (self.tr("not open") if tcp.enabled else self.tr("off"))
        self.tcp.setText(text)
        self.tcp.setChecked(tcp is not None and tcp.enabled)
        self.tcp.setEnabled(tcp is not None)
        self.copy_url.setEnabled(state.base_url is not None)

    @property
    def model_menus(self) -> tuple[QMenu, ...]:
        """One submenu per loaded model, in the order shown."""
        return tuple(self._submenus)

    def _toggle_tcp(self) -> None:
        tcp = self._commands.state.tcp
        if tcp is not None:
            self.tcp.setChecked(tcp.enabled)  # undo Qt's own flip: the event will say what is true
            self._commands.set_tcp(not tcp.enabled)

    def _render_models(self, state: DesktopState) -> None:
        keys: RunnerKeys = tuple((r.backend, r.model_id, r.mode.value, state.runner_name(r)) for r in state.loaded)
        if keys != self._shown:
            self._shown = keys
            for menu in self._submenus:
                self.removeAction(menu.menuAction())
                menu.deleteLater()
            self._submenus = [self._model_menu(state.runner_name(runner), runner) for runner in state.loaded]
            self.no_models.setVisible(not keys)
        for menu, runner in zip(self._submenus, state.loaded, strict=True):
            menu.setTitle(self._plain(f"{state.runner_name(runner)} – {runner_word(runner)}"))
            is_idle = runner.state in (RunnerState.READY, RunnerState.BUSY) and not runner.active_requests
            menu.actions()[0].setEnabled(is_idle)

    def _model_menu(self, name: str, runner: RunnerStatus) -> QMenu:
        menu = QMenu(self)
        reference = runner.model_id
        unload = menu.addAction(self.tr("Unload"))
        unload.triggered.connect(lambda: self._commands.unload(reference))
        copy = menu.addAction(self.tr("Copy model name"))
        copy.triggered.connect(lambda: self._commands.copy(name, name))
        self.insertMenu(self._below_models, menu)
        return menu

    def _add_appearance(self) -> None:
        menu = self.addMenu(self.tr("Appearance"))
        group = QActionGroup(menu)
        choices: tuple[tuple[ThemeChoice, str], ...] = (
            ("system", self.tr("Like the system")),
            ("light", self.tr("Light")),
            ("dark", self.tr("Dark")),
            ("contrast", self.tr("High contrast")),
        )
        for choice, title in choices:
            action: QAction = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(choice == self._theme.choice)
            action.triggered.connect(lambda _checked=False, choice=choice: self._choose(choice))
            self._looks.append((choice, action))
            group.addAction(action)
        self._theme.changed.connect(self._show_look)

    def _show_look(self) -> None:
        """It may have been chosen in Settings, or in the other menu."""
        for choice, action in self._looks:
            action.setChecked(choice == self._theme.choice)

    def _choose(self, choice: ThemeChoice) -> None:
        self._preferences.theme = choice
        self._theme.choose(choice)

    def _plain(self, text: str) -> str:
        """``&`` would become a shortcut mark in a menu."""
        escaped = text.replace("&", "&&").replace("\n", " ")
        return escaped.replace("_", "__") if self._is_on_bus else escaped
