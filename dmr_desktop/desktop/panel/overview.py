"""The first page: state, TCP switch, the computer's load, loaded models; at the very first, what to do first."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.loaded_list import LoadedList
from dmr_desktop.desktop.panel.metrics import Metrics
from dmr_desktop.desktop.panel.scroll_page import ScrollPage
from dmr_desktop.desktop.panel.tcp_card import TcpCard
from dmr_desktop.desktop.panel.welcome import Welcome
from dmr_desktop.desktop.panel.widgets import Button, ElidedLabel, Label, Pill, Title
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.starters import is_only_demo
from dmr_desktop.desktop.state import DesktopState, Shape, shape_of
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import headline, shape_word

PILL_TONES = {
    Shape.STOPPED: "dim",
    Shape.STARTING: "warn",
    Shape.READY: "ok",
    Shape.BUSY: "accent",
    Shape.PULLING: "accent",
    Shape.ERROR: "error",
}


class OverviewPage(ScrollPage):
    """Follows the state while it is shown."""

    def __init__(self, commands: Commands, theme: Theme, preferences: Preferences) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Overview"))
        self.pill = Pill()
        self.status = ElidedLabel(tone="dim")
        self.tcp = TcpCard(commands, theme)
        self.metrics = Metrics(theme, preferences)
        self.loaded = LoadedList(commands, theme)
        self.welcome = Welcome(commands, theme)
        self.welcome.done.connect(self._end_welcome)
        self._commands = commands
        self._preferences = preferences
        self._pull = Button(self.tr("Pull model…"), kind="primary", name=self.tr("Pull a model"))
        self._pull.clicked.connect(lambda: commands.open_panel("models"))
        head = QHBoxLayout()
        head.setSpacing(12)
        self._title = Title()
        head.addWidget(self._title)
        head.addWidget(self.pill)
        head.addWidget(self.status, 1)
        head.addWidget(self._pull)
        self.column.addLayout(head)
        self.column.addSpacing(2)
        self._usual = QWidget()
        usual = QVBoxLayout(self._usual)
        usual.setContentsMargins(0, 0, 0, 0)
        usual.setSpacing(12)
        usual.addWidget(self.tcp)
        usual.addWidget(self.metrics)
        usual.addSpacing(4)
        usual.addWidget(Label(self.tr("Loaded models"), tone="dim", bold=True))
        usual.addWidget(self.loaded)
        usual.addStretch()
        self.column.addWidget(self._usual)
        self.column.addWidget(self.welcome)
        self.column.addStretch()

    def render_state(self, state: DesktopState) -> None:
        shape = shape_of(state)
        self.pill.show_word(shape_word(shape), PILL_TONES[shape])
        self.status.setText(headline(state))
        is_first = not self._preferences.welcomed and state.is_connected and is_only_demo(state) and not state.pulls
        self._title.setText(self.tr("Welcome") if is_first else self.tr("Overview"))
        self._pull.setVisible(not is_first)
        self._pull.setEnabled(state.is_connected)
        self.welcome.setVisible(is_first)
        self._usual.setVisible(not is_first)
        self.tcp.render_state(state)
        if is_first:
            self.welcome.render_state(state)
        else:
            self.metrics.render_state(state)
            self.loaded.render_state(state)

    def _end_welcome(self) -> None:
        self._preferences.welcomed = True
        self.render_state(self._commands.state)
