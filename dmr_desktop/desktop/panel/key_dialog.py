"""Shows a new API key, this once."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from dmr_desktop.desktop.panel.widgets import Button, Label, Paragraph, fit_height, room_for
from dmr_desktop.desktop.theme import Theme


class KeyDialog(QDialog):
    """Signals: ``copied(text, what)``. The key is gone with the dialog."""

    copied = Signal(str, str)

    def __init__(self, key: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("API key"))
        self.field = QLineEdit(key)
        self.field.setReadOnly(True)
        self.field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.field.setAccessibleName(self.tr("API key"))
        self.copy_button = Button(self.tr("Copy"), kind="primary", name=self.tr("Copy the API key"))
        self.copy_button.show_icon("copy", theme.tokens.on_accent)
        self.copy_button.clicked.connect(lambda: self.copied.emit(key, self.tr("API key")))
        self.buttons = QDialogButtonBox()
        self.close_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Close)
        self.buttons.rejected.connect(self.reject)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.field, 1)
        line.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(Label(self.tr("Your API key"), size=1.2, bold=True))
        column.addWidget(Paragraph(self.tr("It is shown only now: copy it to where the other machines need it.")))
        column.addLayout(line)
        where = self.tr("Programs send it where they ask for an API key. If it is lost, make a new one.")
        column.addWidget(Paragraph(where, tone="dim"))
        column.addWidget(self.buttons)
        width = self.field.fontMetrics().horizontalAdvance(key) + 40 + self.copy_button.sizeHint().width()
        fit_height(self, max(room_for(520, self), width + 40))
        self.field.selectAll()
        self.copy_button.setFocus()
