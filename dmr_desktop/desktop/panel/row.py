"""One matter of the settings in one card."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.panel.widgets import Card, Label, Paragraph


class Row(Card):
    """A title with ``details`` below it, controls at the right, and room ``below`` for what needs the whole width."""

    def __init__(self, title: str, details: str | Label, *widgets: QWidget) -> None:
        super().__init__()
        self.line, self.below = QHBoxLayout(), QVBoxLayout()
        self.line.setSpacing(12)
        self.body.addLayout(self.line)
        self.body.addLayout(self.below)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(title, bold=True))
        texts.addWidget(Paragraph(details, tone="dim") if isinstance(details, str) else details)
        self.line.addLayout(texts, 1)
        self.line.addLayout(self.end_with(*widgets))

    def offer_command(self, title: str, copy: Callable[[], None]) -> QAction:
        """An entry in the menu of the whole card, which the keyboard opens from any of its controls."""
        entry = QAction(title, self)
        entry.triggered.connect(copy)
        self.addAction(entry)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        return entry
