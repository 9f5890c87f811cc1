"""The first run, in three steps that can all be skipped: where models live, who may use them, the first answer."""

import shutil

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.tcp_card import TcpCard
from dmr_desktop.desktop.panel.widgets import Button, Card, Label, Paragraph
from dmr_desktop.desktop.quantities import format_bytes
from dmr_desktop.desktop.starters import starters_for
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.protocol.models import DEMO_REFERENCE


class Welcome(QWidget):
    """Signals: ``done()`` when the user has had enough of it."""

    done = Signal()

    def __init__(self, commands: Commands, theme: Theme) -> None:
        super().__init__()
        self._commands = commands
        self._offered: tuple[str, ...] = ()
        self.place = Paragraph(tone="dim")
        self.copy_button = Button(self.tr("Copy path"), name=self.tr("Copy the path of the models"))
        self.tcp = TcpCard(commands, theme, self.tr("2. Let programs on this computer use them"))
        self.demo_button = Button(self.tr("Chat with the demo model"), kind="primary")
        self.pull_buttons: tuple[Button, ...] = ()
        self.skip_button = Button(self.tr("Skip"), name=self.tr("Skip the first steps"))
        self.skip_button.clicked.connect(self.done)
        self.copy_button.clicked.connect(lambda: commands.copy(commands.state.models_path, self.tr("Path")))
        self.demo_button.clicked.connect(self._chat)
        self._pulls = QHBoxLayout()
        self._pulls.setSpacing(8)
        self._theme = theme
        self._lay_out()
        theme.changed.connect(self._paint)
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        self.place.setText(_place_line(state.models_path, self.tr("{path} · {size} free")))
        self.copy_button.setEnabled(bool(state.models_path))
        self.tcp.render_state(state)
        self.demo_button.setVisible(any(DEMO_REFERENCE in model.tags for model in state.models))
        starters = starters_for(state)[:2]
        if tuple(starter.reference for starter in starters) != self._offered:
            self._offered = tuple(starter.reference for starter in starters)
            for button in self.pull_buttons:
                button.hide()
                button.deleteLater()
            self.pull_buttons = tuple(
                self._pull_button(starter.reference, format_bytes(starter.size_bytes)) for starter in starters
            )

    def _pull_button(self, reference: str, size: str) -> Button:
        button = Button(self.tr("Pull {model} ({size})").format(model=reference, size=size))
        button.clicked.connect(lambda: self._pull(reference))
        self._pulls.addWidget(button)
        return button

    def _pull(self, reference: str) -> None:
        self._commands.pull(reference)
        self._commands.open_panel("models")
        self.done.emit()

    def _chat(self) -> None:
        self._commands.open_panel("chat")
        self.done.emit()

    def _lay_out(self) -> None:
        intro = Paragraph(self.tr("Language models on this computer, for all your programs. Three steps:"), tone="dim")
        place = Card(row=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(self.tr("1. Models are kept here"), bold=True))
        texts.addWidget(self.place)
        place.body.addLayout(texts, 1)
        place.body.addWidget(self.copy_button)
        first = Card()
        first.body.setSpacing(10)
        first.body.addWidget(Label(self.tr("3. Get a first answer"), bold=True))
        hint = Paragraph(
            self.tr("The demo model is tiny and only shows that all works. A real one is pulled once."), tone="dim"
        )
        first.body.addWidget(hint)
        choices = QHBoxLayout()
        choices.setSpacing(8)
        choices.addWidget(self.demo_button)
        choices.addStretch()
        first.body.addLayout(choices)
        pulls = QHBoxLayout()
        pulls.addLayout(self._pulls)
        pulls.addStretch()
        first.body.addLayout(pulls)
        foot = QHBoxLayout()
        foot.addStretch()
        foot.addWidget(self.skip_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(intro)
        column.addWidget(place)
        column.addWidget(self.tcp)
        column.addWidget(first)
        column.addLayout(foot)
        column.addStretch()

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.dim)


def _place_line(path: str, pattern: str) -> str:
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return path
    return pattern.format(path=path, size=format_bytes(free))
