"""The Logs page: what the service and the runners write. Shown with the time of day; copied and saved as written."""

from collections import deque
from datetime import date
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontDatabase, QHideEvent, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from dmr_desktop.desktop.bug_report import bug_report
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.log_lines import Level, for_reading, matches, parts_of
from dmr_desktop.desktop.log_tail import MAX_LINES, LogTail
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.save_dialog import SaveDialog
from dmr_desktop.desktop.panel.widgets import Button, ChoiceBox, Label, Title
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.quantities import format_number
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme

SHOWN_LINES = 500
"""Qt keeps seven kilobytes for each line that it has laid out. Copy, Save and the filter have all that are kept."""


class LogColors(QSyntaxHighlighter):
    """Time stamps and engine output stay back, warnings and errors stand out; the words say it too."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        self._stamp = QTextCharFormat()
        self._formats: dict[Level, QTextCharFormat] = {}
        self.take_colors()

    def take_colors(self) -> None:
        """The theme's; the same objects for all lines."""
        tokens = self._theme.tokens
        colors = {Level.ENGINE: tokens.dim, Level.WARNING: tokens.warn, Level.ERROR: tokens.error}
        self._stamp = _colored(tokens.dim)
        self._formats = {level: _colored(color) for level, color in colors.items()}

    @qt_override
    def highlightBlock(self, text: str) -> None:
        parts = parts_of(text)
        if (found := self._formats.get(parts.level)) is not None:
            self.setFormat(parts.stamp_end, len(text), found)
        self.setFormat(0, parts.stamp_end, self._stamp)


class LogsPage(QWidget):
    """Follows the log while it is on the screen."""

    def __init__(self, commands: Commands, theme: Theme, tail: LogTail) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._tail = tail
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self.level = ChoiceBox()
        self.level.setAccessibleName(self.tr("Which lines"))
        self.level.addItem(self.tr("All lines"), Level.ENGINE)
        self.level.addItem(self.tr("Service only"), Level.INFO)
        self.level.addItem(self.tr("Warnings and errors"), Level.WARNING)
        self.level.addItem(self.tr("Errors only"), Level.ERROR)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter, e.g. a model's name"))
        self.filter.setAccessibleName(self.tr("Filter the lines"))
        self.filter.setClearButtonEnabled(True)
        self.text = QPlainTextEdit()
        self.text.setObjectName("log")
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("Log"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMaximumBlockCount(SHOWN_LINES)
        self.text.setTabChangesFocus(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._colors = LogColors(self.text.document(), theme)
        self.follow_button = Button(self.tr("Follow"), name=self.tr("Go to the end and follow"))
        self.copy_button = Button(self.tr("Copy"), name=self.tr("Copy the lines shown"))
        self.save_button = Button(self.tr("Save…"), name=self.tr("Save the lines shown in a file"))
        self.report_button = Button(
            self.tr("Bug report…"), name=self.tr("Save what a bug report needs, without keys and tokens")
        )
        self.count = Label(tone="dim", size=0.95)
        self._lay_out()
        self._connect()
        self._paint()
        self._show_count()

    def render_state(self, state: DesktopState) -> None:
        if state.is_connected:
            self._tail.open()

    @qt_override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tail.close()

    def _connect(self) -> None:
        self._tail.restarted.connect(self._restart)
        self._tail.arrived.connect(self._take)
        self.level.currentIndexChanged.connect(self._refill)
        self.filter.textChanged.connect(self._refill)
        self.follow_button.clicked.connect(self._follow)
        self.copy_button.clicked.connect(lambda: self._commands.copy(self._whole, self.tr("Log")))
        self.save_button.clicked.connect(self._ask_file)
        self.report_button.clicked.connect(self._ask_report_file)
        self.text.verticalScrollBar().valueChanged.connect(self._watch_end)
        self._theme.changed.connect(self._paint)

    def _restart(self) -> None:
        self._lines.clear()
        self.text.clear()

    def _take(self, lines: list[str]) -> None:
        """Appending keeps the end in sight if it was; whoever has scrolled up stays there."""
        self._lines.extend(lines)
        self._append(lines)

    def _refill(self) -> None:
        self.text.clear()
        self._append(list(self._lines))

    def _append(self, lines: list[str]) -> None:
        if shown := self._passed(lines)[-SHOWN_LINES:]:
            today = date.today()
            self.text.appendPlainText("\n".join(for_reading(line, today) for line in shown))
        self._show_count()

    def _passed(self, lines: list[str]) -> list[str]:
        """Those that the filter lets through."""
        level, text = Level(self.level.currentData()), self.filter.text().strip()
        return [line for line in lines if matches(line, text, level)] if text or level else lines

    @property
    def _whole(self) -> str:
        return "\n".join(self._passed(list(self._lines)))

    def _follow(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _watch_end(self) -> None:
        bar = self.text.verticalScrollBar()
        self.follow_button.setEnabled(bar.value() < bar.maximum())

    def _show_count(self) -> None:
        shown = self.text.blockCount() if self.text.document().characterCount() > 1 else 0
        self.count.setText(
            self.tr("{shown} of {count} lines").format(
                shown=format_number(shown), count=format_number(len(self._lines))
            )
        )
        self.copy_button.setEnabled(shown > 0)
        self.save_button.setEnabled(shown > 0)
        self._watch_end()

    def _ask_file(self) -> None:
        dialog = SaveDialog(self.tr("Save the log"), "dmr-desktop.log", self._theme, self.window())
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def _ask_report_file(self) -> None:
        dialog = SaveDialog(self.tr("Save the bug report"), "dmr-desktop-report.txt", self._theme, self.window())
        dialog.fileSelected.connect(self.save_report)
        dialog.open()

    def save_report(self, path: str) -> None:
        """Writes what a bug report needs: versions, machine, models and all lines that are kept, without secrets."""
        self._write(path, bug_report(self._commands.state, list(self._lines)))

    def save(self, path: str) -> None:
        """Writes the lines that the filter lets through."""
        self._write(path, self._whole + "\n")

    def _write(self, path: str, text: str) -> None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            title = self.tr("Could not save the log")
            self._commands.problem.emit(Problem(title, error.strerror or str(error), self.tr("Choose another folder.")))
        else:
            self._commands.said.emit(self.tr("Log saved in {path}").format(path=path))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Title(self.tr("Logs")))
        head.addStretch()
        head.addWidget(self.filter, 1)
        head.addWidget(self.level)
        self.filter.setMaximumWidth(360)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        for button in (self.follow_button, self.copy_button, self.save_button, self.report_button):
            foot.addWidget(button)
        foot.addStretch()
        foot.addWidget(self.count)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 14, 24, 20)
        column.setSpacing(12)
        column.addLayout(head)
        column.addSpacing(2)
        column.addWidget(self.text, 1)
        column.addLayout(foot)

    def _paint(self) -> None:
        self.copy_button.show_icon("copy", self._theme.tokens.dim)
        self._colors.take_colors()
        self._colors.rehighlight()


def _colored(color: str) -> QTextCharFormat:
    found = QTextCharFormat()
    found.setForeground(QColor(color))
    return found
