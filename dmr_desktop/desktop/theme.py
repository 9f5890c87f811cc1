"""Which look is in force, and telling when it changes: Qt's Fusion, our palette, our style sheet."""

from typing import Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette, QStyleHints
from PySide6.QtWidgets import QApplication

from dmr_desktop.desktop.style import style_sheet
from dmr_desktop.desktop.tokens import CONTRAST, DARK, LIGHT, Tokens

ThemeChoice: TypeAlias = Literal["system", "light", "dark", "contrast"]

_ROLES = {
    QPalette.ColorRole.Window: "window",
    QPalette.ColorRole.WindowText: "text",
    QPalette.ColorRole.Base: "card",
    QPalette.ColorRole.AlternateBase: "window",
    QPalette.ColorRole.Text: "text",
    QPalette.ColorRole.Button: "card",
    QPalette.ColorRole.ButtonText: "text",
    QPalette.ColorRole.ToolTipBase: "card",
    QPalette.ColorRole.ToolTipText: "text",
    QPalette.ColorRole.PlaceholderText: "dim",
    QPalette.ColorRole.Highlight: "accent",
    QPalette.ColorRole.HighlightedText: "on_accent",
    QPalette.ColorRole.Accent: "accent",
    QPalette.ColorRole.Link: "accent",
    QPalette.ColorRole.Light: "card",
    QPalette.ColorRole.Midlight: "line",
    QPalette.ColorRole.Mid: "line",
    QPalette.ColorRole.Dark: "line",
}


class Theme(QObject):
    """The theme in force. Signals: ``changed()`` after palette and style sheet were set."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: ThemeChoice = "system") -> None:
        super().__init__(app)
        self._app = app
        self._choice: ThemeChoice = choice
        self._tokens = LIGHT
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._apply)
        if hasattr(app.styleHints(), "accessibility"):
            app.styleHints().accessibility().contrastPreferenceChanged.connect(self._apply)
        self._apply()

    @property
    def tokens(self) -> Tokens:
        return self._tokens

    @property
    def choice(self) -> ThemeChoice:
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """``system`` follows the desktop's own light, dark or high-contrast setting."""
        self._choice = choice
        self._apply()

    def _apply(self) -> None:
        self._tokens = self._wanted()
        self._app.setPalette(palette(self._tokens))
        self._app.setStyleSheet(style_sheet(self._tokens))
        self.changed.emit()

    def _wanted(self) -> Tokens:
        match self._choice:
            case "light":
                return LIGHT
            case "dark":
                return DARK
            case "contrast":
                return CONTRAST
        hints = self._app.styleHints()
        if _asks_for_contrast(hints):
            return CONTRAST
        return DARK if hints.colorScheme() is Qt.ColorScheme.Dark else LIGHT


def _asks_for_contrast(hints: QStyleHints) -> bool:
    """Whether the desktop is set to high contrast; Qt says so from 6.10 on."""
    accessibility = getattr(hints, "accessibility", None)
    return accessibility is not None and accessibility().contrastPreference() is Qt.ContrastPreference.HighContrast


def palette(tokens: Tokens) -> QPalette:
    found = QPalette()
    for role, name in _ROLES.items():
        found.setColor(role, QColor(getattr(tokens, name)))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        found.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.off))
    return found


def scaled_font(factor: float = 1.0, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The user's application font, ``factor`` times as large."""
    font = QFont(QApplication.font())
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * factor)
    else:
        font.setPixelSize(round(font.pixelSize() * factor))
    font.setWeight(weight)
    return font
