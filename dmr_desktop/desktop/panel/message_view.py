"""One message of a conversation: who said it, the text as Markdown once it is complete, and its figures.

What a model writes is untrusted: nothing is loaded, and a link is copied, not opened.
"""

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import QTextCursor, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QTextBrowser, QVBoxLayout, QWidget

from dmr_desktop.desktop.chat import Turn, code_blocks
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel import markdown
from dmr_desktop.desktop.panel.widgets import Button, Label
from dmr_desktop.desktop.theme import Theme

USER_WIDTH = 520
"""What somebody asks is set apart: at the right, as wide as it is long, up to this many pixels."""


class MessageText(QTextBrowser):
    """As high as its text; scrolling is the page's business."""

    def __init__(self, name: str, *, is_user: bool) -> None:
        super().__init__()
        self._is_user = is_user
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self.updateGeometry)
        self.horizontalScrollBar().rangeChanged.connect(self.updateGeometry)  # it takes room when code is wide

    @qt_override
    def sizeHint(self) -> QSize:
        bar = self.horizontalScrollBar()
        height = int(self.document().size().height()) + 2 + (bar.sizeHint().height() if bar.maximum() else 0)
        if not self._is_user:
            return QSize(200, height)
        longest = max(
            (self.fontMetrics().horizontalAdvance(line) for line in self.toPlainText().split("\n")), default=0
        )
        return QSize(min(USER_WIDTH, longest + 8), height)

    @qt_override
    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    @qt_override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    @qt_override
    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """An image in a model's answer is never fetched, from nowhere."""
        return None

    def append_text(self, text: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)


class MessageView(QFrame):
    """Signals: ``copy_wanted(text, what)``."""

    copy_wanted = Signal(str, str)

    def __init__(self, turn: Turn, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._turn = turn
        is_user = turn.role == "user"
        who = self.tr("You") if is_user else turn.model or self.tr("Model")
        self.setProperty("bubble", turn.role)
        self.reasoning = Label(tone="dim", size=0.95)
        self.reasoning.setWordWrap(True)
        self.reasoning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.thinking_button = Button(self.tr("Show reasoning"), kind="flat")
        self.text = MessageText(who, is_user=is_user)
        self.note = Label(tone="dim", size=0.9)
        self.error = Label(tone="error")
        self.error.setWordWrap(True)
        self.copy_button = Button(self.tr("Copy"), kind="flat", name=self.tr("Copy this message"))
        self.code_button = Button(self.tr("Copy code"), kind="flat", name=self.tr("Copy the code of this message"))
        self._lay_out(Label(who, tone="dim", size=0.92, bold=True), is_user)
        self.thinking_button.clicked.connect(lambda: self._show_reasoning(not self.reasoning.isVisibleTo(self)))
        self.text.anchorClicked.connect(lambda url: self.copy_wanted.emit(url.toString(), url.toString()))
        self.copy_button.clicked.connect(lambda: self.copy_wanted.emit(self._turn.text, self.tr("Message")))
        self.code_button.clicked.connect(lambda: self.copy_wanted.emit(code_blocks(self._turn.text), self.tr("Code")))
        theme.changed.connect(self._follow_theme)
        self._paint()
        self._show_reasoning(False)
        if is_user:
            self.text.setPlainText(turn.text)
            self._foot.hide()
        self.complete(turn) if turn.text or turn.error else self._show_parts(is_running=True)

    def wait(self, text: str) -> None:
        """Says what an answer that streams is waiting for."""
        self.note.setText(text)

    def grow(self, text: str, is_reasoning: bool) -> None:
        """More of an answer that streams."""
        if is_reasoning:
            self.reasoning.setText(self.reasoning.text() + text)
            self.thinking_button.show()
        else:
            self.text.append_text(text)

    def complete(self, turn: Turn) -> None:
        """The turn as it ended: formatted, with figures and buttons."""
        self._turn = turn
        if turn.role == "assistant":
            markdown.fill(self.text.document(), turn.text, self._theme.tokens)
        self.reasoning.setText(turn.reasoning)
        self.note.setText(turn.note)
        self.error.setText(turn.error)
        self._show_parts(is_running=False)

    def _show_parts(self, *, is_running: bool) -> None:
        turn = self._turn
        self.text.setVisible(is_running or bool(turn.text))
        self.thinking_button.setVisible(bool(self.reasoning.text()))
        self.error.setVisible(bool(turn.error))
        self.note.setText("…" if is_running else turn.note)
        self.copy_button.setVisible(not is_running and bool(turn.text))
        self.code_button.setVisible(not is_running and bool(code_blocks(turn.text)))

    def _show_reasoning(self, is_shown: bool) -> None:
        self.reasoning.setVisible(is_shown)
        self.thinking_button.setText(self.tr("Hide reasoning") if is_shown else self.tr("Show reasoning"))

    def _lay_out(self, who: QWidget, is_user: bool) -> None:
        self._foot = QWidget()
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(6)
        foot.addWidget(self.note)
        foot.addStretch()
        foot.addWidget(self.code_button)
        foot.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        column.setSpacing(6)
        column.addWidget(who)
        column.addWidget(self.thinking_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.reasoning)
        column.addWidget(self.text)
        column.addWidget(self.error)
        column.addWidget(self._foot)

    def _paint(self) -> None:
        for button in (self.copy_button, self.code_button):
            button.show_icon("copy", self._theme.tokens.dim)

    def _follow_theme(self) -> None:
        self._paint()
        if self._turn.role == "assistant" and self._turn.text:
            self.complete(self._turn)  # colours of code and tables are part of the text
