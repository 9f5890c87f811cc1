"""The Integrations page: ready-made snippets with the live port and a stored model, each of which can be tried."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QPlainTextEdit, QVBoxLayout, QWidget

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.banner import Banner
from dmr_desktop.desktop.panel.model_choice import ModelBox
from dmr_desktop.desktop.panel.widgets import Button, Card, ChoiceBox, ElidedLabel, Label, Paragraph, Title, repolish
from dmr_desktop.desktop.quantities import format_number
from dmr_desktop.desktop.snippets import Snippet, snippets
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.trial import Outcome, Trial
from dmr_desktop.settings import DEFAULT_PORT

EXAMPLE_MODEL = "ai/smollm2"
LIST_WIDTH = 158
NARROW = 680
"""Below this width, in pixels, the programs are in a box above: a snippet's lines need the room."""


class IntegrationsPage(QWidget):
    """One snippet at a time; all follow the TCP switch and the chosen model."""

    def __init__(self, commands: Commands, theme: Theme, trial: Trial) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._trial = trial
        self._snippets: tuple[Snippet, ...] = ()
        self.models = ModelBox(self.tr("Model in the snippets"))
        self.models.setMinimumWidth(150)
        self.models.setMaximumWidth(420)
        self.programs = QListWidget()
        self.programs.setObjectName("programs")
        self.programs.setAccessibleName(self.tr("Program"))
        self.programs.setFixedWidth(LIST_WIDTH)
        self.programs.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.program = ChoiceBox()
        self.program.setAccessibleName(self.programs.accessibleName())
        self.program.setModel(self.programs.model())
        self.program.hide()
        self.where = Paragraph(tone="dim")
        self.code = QPlainTextEdit()
        self.code.setReadOnly(True)
        self.code.setTabChangesFocus(True)
        self.code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.code.setAccessibleName(self.tr("Snippet"))
        self.copy_button = Button(self.tr("Copy"), kind="primary", name=self.tr("Copy the snippet"))
        self.test_button = Button(self.tr("Test"))
        self.outcome = ElidedLabel(tone="dim")
        self.warning = Banner(theme, is_closable=False)
        self._lay_out()
        self.models.currentIndexChanged.connect(self._fill)
        self.programs.currentRowChanged.connect(self._show_snippet)
        self.programs.currentRowChanged.connect(self.program.setCurrentIndex)
        self.program.activated.connect(self.programs.setCurrentRow)
        self.copy_button.clicked.connect(self._copy)
        self.test_button.clicked.connect(self._test)
        trial.ended.connect(self._show_outcome)
        theme.changed.connect(self._paint)
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        self.models.fill(state, EXAMPLE_MODEL)
        self._fill()
        self._update_test()
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

    @qt_override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = event.size().width() < NARROW
        self.program.setVisible(is_narrow)
        self.programs.setVisible(not is_narrow)

    @property
    def snippet(self) -> Snippet:
        """The one that is shown."""
        return self._snippets[max(0, self.programs.currentRow())]

    def _fill(self) -> None:
        state = self._commands.state
        port = state.tcp.port if state.tcp else DEFAULT_PORT
        model = self.models.currentText() or EXAMPLE_MODEL
        found = snippets(port, state.socket_path, model, is_listening=state.base_url is not None)
        if found == self._snippets:
            return
        self._snippets = found
        if not self.programs.count():
            self.programs.addItems([snippet.title for snippet in found])
            self.programs.setCurrentRow(0)
        self._show_snippet()

    def _show_snippet(self) -> None:
        if self._snippets:
            self.where.setText(self.snippet.where)
            if self.code.toPlainText() != self.snippet.text:
                self.code.setPlainText(self.snippet.text)
                self._say("", "dim")
            self._update_test()

    def _update_test(self) -> None:
        state = self._commands.state
        can_reach = bool(self._snippets) and (self.snippet.attempt.over_socket or state.base_url is not None)
        has_model = state.is_connected and bool(state.models)
        self.test_button.setText(self.tr("Stop") if self._trial.is_running else self.tr("Test"))
        self.test_button.setAccessibleName(self.tr("Stop") if self._trial.is_running else self.tr("Make this call now"))
        self.test_button.setEnabled(self._trial.is_running or (can_reach and has_model))

    def _test(self) -> None:
        if self._trial.is_running:
            self._trial.cancel()
            return
        tcp = self._commands.state.tcp
        self._say(self.tr("Asking…"), "dim")
        self._trial.start(self.snippet.attempt, tcp.port if tcp else DEFAULT_PORT)
        self._update_test()

    def _show_outcome(self, outcome: Outcome) -> None:
        seconds = f"{format_number(outcome.seconds, 2)} s"
        if outcome.is_cancelled:
            self._say(self.tr("Stopped"), "dim")
        elif outcome.is_good:
            self._say(self.tr("Works ({seconds}): {text}").format(seconds=seconds, text=outcome.text), "ok")
        elif outcome.status == 200:
            self._say(self.tr("Answered without text ({seconds}).").format(seconds=seconds), "error")
        else:
            status = self.tr("No answer") if not outcome.status else str(outcome.status)
            self._say(f"{status} ({seconds}): {outcome.text}", "error")
        self._update_test()

    def _say(self, text: str, tone: str) -> None:
        if self.outcome.property("tone") != tone:
            self.outcome.setProperty("tone", tone)
            repolish(self.outcome)
        self.outcome.setText(text)

    def _copy(self) -> None:
        self._commands.copy(self.code.toPlainText(), self.snippet.title)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Title(self.tr("Integrations")))
        head.addStretch()
        head.addWidget(self.program)
        head.addWidget(Label(self.tr("Model"), tone="dim"))
        head.addWidget(self.models, 1)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        foot.addWidget(self.outcome, 1)
        foot.addWidget(self.test_button)
        foot.addWidget(self.copy_button)
        card = Card()
        card.body.setSpacing(10)
        card.body.addWidget(self.where)
        card.body.addWidget(self.code, 1)
        card.body.addLayout(foot)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.programs)
        row.addWidget(card, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 14, 24, 20)
        column.setSpacing(12)
        column.addLayout(head)
        column.addSpacing(2)
        column.addWidget(self.warning)
        column.addLayout(row, 1)

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.on_accent)
        self.test_button.show_icon("load", self._theme.tokens.dim)
