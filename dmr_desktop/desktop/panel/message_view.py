"""One message of a conversation: who said it, the text as Markdown once it is complete, and its figures.

What a model writes is untrusted: no HTML, nothing is loaded, no link opens by itself.
"""

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QTextBrowser, QVBoxLayout, QWidget

from dmr_desktop.desktop.chat import Turn, code_blocks
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.widgets import Button, Label
from dmr_desktop.desktop.theme import Theme

USER_WIDTH = 520
"""What somebody asks is set apart: at the right, as wide as it is long, up to this many pixels."""
MARKDOWN = QTextDocument.MarkdownFeature.MarkdownNoHTML | QTextDocument.MarkdownFeature.MarkdownDialectCommonMark


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

    @qt_override
    def sizeHint(self) -> QSize:
        height = int(self.document().size().height()) + 2
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

    def show_markdown(self, text: str) -> None:
        self.document().setMarkdown(text, MARKDOWN)


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
        self.copy_button.clicked.connect(lambda: self.copy_wanted.emit(self._turn.text, self.tr("Message")))
        self.code_button.clicked.connect(lambda: self.copy_wanted.emit(code_blocks(self._turn.text), self.tr("Code")))
        theme.changed.connect(self._paint)
        self._paint()
        self._show_reasoning(False)
        if is_user:
            self.text.setPlainText(turn.text)
            self._foot.hide()
        self.complete(turn) if turn.text or turn.error else self._show_parts(is_running=True)

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
            self.text.show_markdown(turn.text)
            self._use_fixed_font()
            self._frame_code()
        self.reasoning.setText(turn.reasoning)
        self.note.setText(turn.note)
        self.error.setText(turn.error)
        self._show_parts(is_running=False)

    def _show_parts(self, *, is_running: bool) -> None:
        turn = self._turn
        self.text.setVisible(is_running or bool(turn.text))
        self.thinking_button.setVisible(bool(self.reasoning.text()))
        self.error.setVisible(bool(turn.error))
        self.note.setText(self.tr("…") if is_running else turn.note)
        self.copy_button.setVisible(not is_running and bool(turn.text))
        self.code_button.setVisible(not is_running and bool(code_blocks(turn.text)))

    def _show_reasoning(self, is_shown: bool) -> None:
        self.reasoning.setVisible(is_shown)
        self.thinking_button.setText(self.tr("Hide reasoning") if is_shown else self.tr("Show reasoning"))

    def _frame_code(self) -> None:
        """Code stands on a ground of its own."""
        document = self.text.document()
        look = QTextFrameFormat()
        look.setBackground(QColor(self._theme.tokens.window))
        look.setPadding(8)
        look.setBorder(1)
        look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        look.setBorderBrush(QColor(self._theme.tokens.line))
        runs: list[tuple[int, int]] = []
        block = document.begin()
        while block.isValid():
            if block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence):
                end = block.position() + block.length() - 1
                runs = (
                    [*runs[:-1], (runs[-1][0], end)]
                    if runs and runs[-1][1] + 1 == block.position()
                    else [*runs, (block.position(), end)]
                )
            block = block.next()
        for start, end in reversed(runs):
            cursor = QTextCursor(document)
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            cursor.insertFrame(look)

    def _use_fixed_font(self) -> None:
        """Qt marks code in Markdown as fixed pitch; this names the font that the desktop uses for it."""
        family = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
        block = self.text.document().begin()
        while block.isValid():
            at = block.begin()
            while not at.atEnd():
                fragment = at.fragment()
                form = fragment.charFormat()
                if form.fontFixedPitch():
                    cursor = QTextCursor(self.text.document())
                    cursor.setPosition(fragment.position())
                    cursor.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
                    form.setFontFamilies([family])
                    cursor.setCharFormat(form)
                at += 1
            block = block.next()

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
        if self._turn.role == "assistant" and code_blocks(self._turn.text):
            self.complete(self._turn)  # the ground of code is part of the text
