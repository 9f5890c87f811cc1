"""The Integrations page: ready-made snippets with the live port and a stored model."""

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QTabBar, QVBoxLayout, QWidget

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.panel.banner import Banner
from dmr_desktop.desktop.panel.model_choice import fill_models
from dmr_desktop.desktop.panel.widgets import Button, Card, Label
from dmr_desktop.desktop.snippets import Snippet, snippets
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.settings import DEFAULT_PORT

EXAMPLE_MODEL = "ai/smollm2"


class IntegrationsPage(QWidget):
    """One snippet at a time; all follow the TCP switch and the chosen model."""

    def __init__(self, commands: Commands, theme: Theme) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._snippets: tuple[Snippet, ...] = ()
        self.models = QComboBox()
        self.models.setAccessibleName(self.tr("Model in the snippets"))
        self.models.setMinimumWidth(260)
        self.models.setMaximumWidth(420)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(self.tr("Program"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.where = Label(tone="dim")
        self.where.setWordWrap(True)
        self.code = QPlainTextEdit()
        self.code.setReadOnly(True)
        self.code.setTabChangesFocus(True)
        self.code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.code.setAccessibleName(self.tr("Snippet"))
        self.copy_button = Button(self.tr("Copy"), kind="primary", name=self.tr("Copy the snippet"))
        self.warning = Banner(theme, is_closable=False)
        self._lay_out()
        self.models.currentIndexChanged.connect(self._fill)
        self.tabs.currentChanged.connect(self._show_snippet)
        self.copy_button.clicked.connect(self._copy)
        theme.changed.connect(self._paint)
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        fill_models(self.models, state, EXAMPLE_MODEL)
        self._fill()
        is_off = state.tcp is not None and not state.tcp.listening
        if is_off and not self.warning.isVisibleTo(self):
            self.warning.show_trouble(
                self.tr("TCP host access is off"),
                self.tr("Programs on this computer cannot reach the models until it is on."),
                actions=[(self.tr("Turn on"), lambda: self._commands.set_tcp(True))],
                tone="warn",
            )
        elif not is_off:
            self.warning.hide()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Label(self.tr("Integrations"), size=1.5, bold=True))
        head.addStretch()
        head.addWidget(Label(self.tr("Model"), tone="dim"))
        head.addWidget(self.models)
        line = QHBoxLayout()
        line.addWidget(self.where, 1)
        line.addWidget(self.copy_button)
        card = Card()
        card.body.setSpacing(10)
        card.body.addLayout(line)
        card.body.addWidget(self.code, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 14, 24, 20)
        column.setSpacing(12)
        column.addLayout(head)
        column.addSpacing(2)
        column.addWidget(self.warning)
        column.addWidget(self.tabs)
        column.addWidget(card, 1)

    def _fill(self) -> None:
        state = self._commands.state
        port = state.tcp.port if state.tcp else DEFAULT_PORT
        model = self.models.currentText() or EXAMPLE_MODEL
        found = snippets(port, state.socket_path, model, is_listening=state.base_url is not None)
        if found == self._snippets:
            return
        self._snippets = found
        while self.tabs.count() < len(found):
            self.tabs.addTab(found[self.tabs.count()].title)
        self._show_snippet()

    def _show_snippet(self) -> None:
        if self._snippets:
            snippet = self._snippets[max(0, self.tabs.currentIndex())]
            self.where.setText(snippet.where)
            if self.code.toPlainText() != snippet.text:
                self.code.setPlainText(snippet.text)

    def _copy(self) -> None:
        self._commands.copy(self.code.toPlainText(), self._snippets[max(0, self.tabs.currentIndex())].title)

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.on_accent)
