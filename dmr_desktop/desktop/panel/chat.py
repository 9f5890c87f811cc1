"""The Chat page: a place to try a model. One conversation, kept until it is cleared or the app ends."""

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from dmr_desktop.desktop.chat import Chat, ChatOptions, as_markdown
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.names import familiar
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.empty_state import EmptyState
from dmr_desktop.desktop.panel.message_view import MessageView
from dmr_desktop.desktop.panel.model_choice import ModelBox
from dmr_desktop.desktop.panel.scroll_page import MARGIN, ScrollPage
from dmr_desktop.desktop.panel.widgets import Button, Card, ChoiceBox, Label, Title
from dmr_desktop.desktop.quantities import format_number
from dmr_desktop.desktop.replay import Replay
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import waiting_line

MAX_DRAFT_LINES = 7
DRAFT_FRAME = 28
"""Above and below the lines of a draft, in pixels."""
TEMPERATURES = (0.0, 0.2, 0.5, 0.7, 1.0, 1.3)


class SendButton(Button):
    """As high as a draft of one line."""

    @qt_override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.fontMetrics().lineSpacing() + DRAFT_FRAME)


class Draft(QPlainTextEdit):
    """What will be asked; Shift+Enter starts a line. Grows with its text. Signals: ``entered()`` for Enter alone."""

    entered = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.send = SendButton("")
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    @qt_override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
            return
        super().keyPressEvent(event)

    def _fit(self) -> None:
        lines = min(
            MAX_DRAFT_LINES, max(1, round(self.document().size().height()))
        )  # Qt counts lines here, wrapped ones too
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + DRAFT_FRAME)


class ChatPage(QWidget):
    """Follows ``chat``; asks with the model and options that are set when Send is pressed."""

    def __init__(self, commands: Commands, theme: Theme, chat: Chat) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._chat = chat
        self._views: list[MessageView] = []
        self.models = ModelBox(self.tr("Model to talk to"))
        self.models.setMinimumWidth(220)
        self.models.setMaximumWidth(360)
        self.options_button = Button(self.tr("Options"))
        self.options_button.setCheckable(True)
        self.new_button = Button(self.tr("New chat"))
        self.system = QLineEdit()
        self.system.setPlaceholderText(self.tr("System prompt, e.g. Be brief."))
        self.system.setAccessibleName(self.tr("System prompt"))
        self.temperature = ChoiceBox()
        self.temperature.setAccessibleName(self.tr("Temperature"))
        self.temperature.setToolTip(self.tr("0 is exact, higher is freer."))
        self.temperature.addItem(self.tr("The model's own"), None)
        for value in TEMPERATURES:
            self.temperature.addItem(format_number(value, 1), value)
        self.draft = Draft(self.tr("Your message"))
        self.draft.setPlaceholderText(self.tr("Ask something. Enter sends, Shift+Enter starts a new line."))
        self.send_button = self.draft.send
        self.send_button.setProperty("kind", "primary")
        self.again_button = Button(self.tr("Ask again"), name=self.tr("Ask the last question again"))
        self.copy_button = Button(self.tr("Copy chat"), name=self.tr("Copy the conversation as Markdown"))
        self.empty = EmptyState(theme, "chat")
        self._lay_out()
        self._connect()
        self._show_turns()
        self._paint()

    def render_state(self, state: DesktopState) -> None:
        self.models.fill(state)
        if self._chat.is_running and self._views:
            last = self._chat.turns[-1]
            has_begun = bool(last.text or last.reasoning)
            self._views[-1].wait("…" if has_begun else waiting_line(state, last.model))
        self._update_buttons()

    def choose(self, model: str) -> None:
        """The model to talk to, if it is there."""
        if (index := self.models.findText(model)) >= 0:
            self.models.setCurrentIndex(index)

    def show_replay(self, replay: Replay) -> None:
        """A conversation to go on with; what was asked last waits to be sent again."""
        self.choose(familiar(replay.model))
        self.system.setText(replay.system)
        self.options_button.setChecked(bool(replay.system))
        self._chat.replace(replay.turns)
        self.draft.setPlainText(replay.draft)

    @property
    def options(self) -> ChatOptions:
        return ChatOptions(self.models.currentText(), self.system.text(), self.temperature.currentData())

    def _connect(self) -> None:
        self.send_button.clicked.connect(self._send_or_stop)
        self.draft.entered.connect(self._send)
        self.draft.textChanged.connect(self._update_buttons)
        self.options_button.toggled.connect(self._options.setVisible)
        self.new_button.clicked.connect(self._chat.clear)
        self.again_button.clicked.connect(self._ask_again)
        self.copy_button.clicked.connect(
            lambda: self._commands.copy(as_markdown(self._chat.turns), self.tr("Conversation"))
        )
        QShortcut(
            QKeySequence("Escape"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        ).activated.connect(self._chat.stop)
        self._chat.changed.connect(self._show_turns)
        self._chat.grew.connect(self._grow)
        self._theme.changed.connect(self._paint)
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._stay_at_end)
        bar.valueChanged.connect(self._watch_end)

    def _send_or_stop(self) -> None:
        if self._chat.is_running:
            self._chat.stop()
        else:
            self._send()
        self.draft.setFocus()

    def _send(self) -> None:
        """While an answer is coming, what was typed waits."""
        if not self._chat.is_running and self.send_button.isEnabled():
            text = self.draft.toPlainText()
            self.draft.clear()
            self._is_at_end = True
            self._chat.ask(text, self.options)

    def _ask_again(self) -> None:
        self.draft.setFocus()  # the button is off meanwhile, and the focus would go to the next one
        self._is_at_end = True
        self._chat.regenerate(self.options)

    def _show_turns(self) -> None:
        """One view a turn; a running answer's view grows by itself."""
        turns = self._chat.turns
        while len(self._views) > len(turns):
            view = self._views.pop()
            view.hide()
            view.deleteLater()
        for index, turn in enumerate(turns):
            is_running = self._chat.is_running and index == len(turns) - 1
            if index == len(self._views):
                view = MessageView(turn, self._theme)
                view.copy_wanted.connect(self._commands.copy)
                self._views.append(view)
                side = Qt.AlignmentFlag.AlignRight if turn.role == "user" else Qt.AlignmentFlag(0)
                self._column.insertWidget(self._column.count() - 1, view, 0, side)
            elif index == len(turns) - 1 and not is_running:
                self._views[index].complete(turn)
        self.empty.setVisible(not turns)
        self._update_buttons()

    def _grow(self, text: str, is_reasoning: bool) -> None:
        if self._views:
            self._views[-1].grow(text, is_reasoning)

    def _watch_end(self, value: int) -> None:
        self._is_at_end = value >= self._scroll.verticalScrollBar().maximum() - 24

    def _stay_at_end(self, _: int, end: int) -> None:
        if self._is_at_end:
            QTimer.singleShot(0, self, lambda: self._scroll.verticalScrollBar().setValue(end))

    def _update_buttons(self) -> None:
        state, is_running = self._commands.state, self._chat.is_running
        has_model = state.is_connected and bool(state.models)
        if not state.is_connected:
            self.empty.say(self.tr("The service does not run."))
        elif not state.models:
            offers = [(self.tr("Pull model…"), lambda: self._commands.open_panel("models"))]
            self.empty.say(self.tr("No model to talk to yet"), self.tr("Pull one first, on the Models page."), offers)
        else:
            self.empty.say(self.tr("Try a model here"), self.tr("Nothing you write leaves this computer."))
        self.models.setEnabled(has_model)
        self.send_button.setText(self.tr("Stop") if is_running else self.tr("Send"))
        self.send_button.setAccessibleName(self.send_button.text())
        self.send_button.setEnabled(is_running or (has_model and bool(self.draft.toPlainText().strip())))
        self.again_button.setEnabled(has_model and bool(self._chat.turns) and not is_running)
        self.copy_button.setEnabled(bool(self._chat.turns))
        self.new_button.setEnabled(bool(self._chat.turns))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Title(self.tr("Chat")))
        head.addStretch()
        head.addWidget(self.models)
        head.addWidget(self.options_button)
        head.addWidget(self.new_button)
        self._options = Card(row=True, margins=(14, 10, 14, 10))
        self._options.body.addWidget(self.system, 1)
        self._options.body.addWidget(Label(self.tr("Temperature"), tone="dim"))
        self._options.body.addWidget(self.temperature)
        self._options.hide()
        self._is_at_end = True
        self._scroll = ScrollPage(left=0, top=0, bottom=0)
        self._column = self._scroll.column
        self._column.setSpacing(10)
        self._column.addWidget(self.empty, 1)
        self._column.addStretch()
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.draft, 1)
        line.addWidget(self.send_button, 0, Qt.AlignmentFlag.AlignBottom)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        foot.addWidget(self.again_button)
        foot.addWidget(self.copy_button)
        foot.addStretch()
        above, below = QVBoxLayout(), QVBoxLayout()
        for part in (above, below):
            part.setContentsMargins(0, 0, MARGIN, 0)
            part.setSpacing(12)
        above.addLayout(head)
        above.addSpacing(2)
        above.addWidget(self._options)
        below.addLayout(line)
        below.addLayout(foot)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, 14, 0, 20)
        column.setSpacing(12)
        column.addLayout(above)
        column.addWidget(self._scroll, 1)
        column.addLayout(below)

    def _paint(self) -> None:
        dim = self._theme.tokens.dim
        self.copy_button.show_icon("copy", dim)
        self.again_button.show_icon("again", dim)
