"""A model's Markdown as a formatted document in the colours of the theme.

What a model writes is untrusted: HTML in it stays text.
"""

from collections.abc import Iterator

from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextTable,
)

from dmr_desktop.desktop.tokens import Tokens

DIALECT = QTextDocument.MarkdownFeature.MarkdownNoHTML | QTextDocument.MarkdownFeature.MarkdownDialectGitHub


def fill(document: QTextDocument, text: str, tokens: Tokens) -> None:
    """``text`` instead of what ``document`` holds."""
    document.setMarkdown(text, DIALECT)
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            _dress(frame, tokens)
    _use_fixed_font(document)
    _frame_code(document, tokens)


def _dress(table: QTextTable, tokens: Tokens) -> None:
    """Lines like those of cards. Right after a quote or code Qt begins the first title with an empty line, not bold."""
    look = table.format()
    look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    look.setBorderBrush(QColor(tokens.line))
    look.setCellPadding(6)
    look.setTopMargin(6)
    look.setBottomMargin(6)
    table.setFormat(look)
    cell = table.cellAt(0, 0)
    cursor = cell.firstCursorPosition()
    if cursor.block().length() == 1 and cell.lastCursorPosition().block() != cursor.block():
        cursor.deleteChar()
        cursor.setBlockFormat(table.cellAt(0, table.columns() - 1).firstCursorPosition().blockFormat())
        cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
        bold = QTextCharFormat()
        bold.setFontWeight(QFont.Weight.Bold)
        cursor.mergeCharFormat(bold)


def _use_fixed_font(document: QTextDocument) -> None:
    """Qt marks code as fixed pitch; this names the font that the desktop uses for it."""
    family = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
    for block in _blocks(document):
        at = block.begin()
        while not at.atEnd():
            fragment = at.fragment()
            form = fragment.charFormat()
            if form.fontFixedPitch():
                cursor = QTextCursor(document)
                cursor.setPosition(fragment.position())
                cursor.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
                form.setFontFamilies([family])
                cursor.setCharFormat(form)
            at += 1


def _frame_code(document: QTextDocument, tokens: Tokens) -> None:
    """Code stands on a ground of its own."""
    look = QTextFrameFormat()
    look.setBackground(QColor(tokens.window))
    look.setPadding(8)
    look.setBorder(1)
    look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    look.setBorderBrush(QColor(tokens.line))
    runs: list[tuple[int, int]] = []
    for block in _blocks(document):
        if block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence):
            start, end = block.position(), block.position() + block.length() - 1
            if runs and runs[-1][1] + 1 == start:
                start = runs.pop()[0]
            runs.append((start, end))
    for start, end in reversed(runs):
        cursor = QTextCursor(document)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        form = cursor.blockFormat()
        frame = cursor.insertFrame(look)
        frame.firstCursorPosition().setBlockFormat(form)  # else the first line of code would wrap


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()
