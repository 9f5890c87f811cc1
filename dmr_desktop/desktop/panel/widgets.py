"""The small parts every page is made of: plain-text labels, cards, buttons, the switch, boxes to choose from.

A label never interprets markup: much of what it shows comes from registries and model files.
"""

import re

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.theme import Theme, scaled_font

CONTROL_HEIGHT, CONTROL_FRAME = 30, 14
"""Of buttons, fields and boxes at least, and what of it is around their text; see the style sheet."""
NO_BREAK_SPACE, WORD_JOINER = "\u00a0", "\u2060"
FACTS = " · "
USUAL_ADVANCE = 760
"""Of a hundred letters n in a font of nine points, in pixels."""


class Label(QLabel):
    """Plain text. ``tone``: "" or ``dim`` or ``error``; ``size`` relative to the user's font."""

    def __init__(self, text: str = "", *, tone: str = "", size: float = 1.0, bold: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        if tone:
            self.setProperty("tone", tone)
        self.setFont(scaled_font(size, QFont.Weight.DemiBold if bold else QFont.Weight.Normal))
        self.setText(text)


class Paragraph(Label):
    """Wraps between words, or between facts where the text is ``a · b · c``; never within an address."""

    def __init__(self, text: str = "", *, tone: str = "", size: float = 1.0) -> None:
        self._whole = text
        super().__init__(text, tone=tone, size=size)
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        self._whole = text
        self.setAccessibleName(text)
        super().setText(unbroken(text))

    def text(self) -> str:
        """As it was set."""
        return self._whole


class ElidedLabel(Label):
    """One line that ends in … where there is no room; the whole text is its tool tip and accessible name."""

    def __init__(self, text: str = "", *, tone: str = "", size: float = 1.0, bold: bool = False) -> None:
        self._whole = text
        super().__init__(text, tone=tone, size=size, bold=bold)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        self._whole = text
        self.setAccessibleName(text)
        self._elide()

    @qt_override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    @qt_override
    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    @qt_override
    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self._whole) + 2, super().sizeHint().height())

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width())
        if shown != self.text():
            super().setText(shown)
        self.setToolTip("" if shown == self._whole else plain_tool_tip(self._whole))


class Title(Label):
    """A page's name: as high as the controls beside it on other pages, so that no page begins higher."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text, size=1.5, bold=True)
        self.setMinimumHeight(max(CONTROL_HEIGHT, QFontMetrics(scaled_font()).height() + CONTROL_FRAME))


class Pill(Label):
    """A word on a tinted ground. Tones: ok, warn, error, accent, dim."""

    def __init__(self) -> None:
        super().__init__(size=0.92, bold=True)
        self.setContentsMargins(9, 2, 9, 2)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)

    def show_word(self, word: str, tone: str) -> None:
        if self.property("pill") != tone:
            self.setProperty("pill", tone)
            repolish(self)
        self.setText(word)


class Card(QFrame):
    """A rounded surface; ``row`` lays its parts out sideways."""

    def __init__(self, *, row: bool = False, margins: tuple[int, int, int, int] = (16, 14, 16, 14)) -> None:
        super().__init__()
        self.setProperty("card", True)
        self.body: QBoxLayout = QHBoxLayout(self) if row else QVBoxLayout(self)
        self.body.setContentsMargins(*margins)
        self.body.setSpacing(12 if row else 6)

    def end_with(self, *widgets: QWidget) -> QHBoxLayout:
        """Controls for the right side. A switch ends where a button would: its focus ring may stand in the margin."""
        line = QHBoxLayout()
        line.setSpacing(10)
        for widget in widgets:
            line.addWidget(widget)
        if widgets and isinstance(widgets[-1], Switch):
            margins = self.body.contentsMargins()
            margins.setRight(margins.right() - RING)
            self.body.setContentsMargins(margins)
        return line


class Button(QPushButton):
    """``kind``: "" or ``primary``, ``danger``, ``flat``, ``side``. ``name`` is what a screen reader says."""

    def __init__(self, text: str, *, kind: str = "", name: str = "") -> None:
        super().__init__(text)
        if kind:
            self.setProperty("kind", kind)
        self.setAccessibleName(name or text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_icon(self, icon: str, color: str, size: int = 14, gap: int = 6) -> None:
        """An icon before the text, with room between the two."""
        gap = gap if self.text() else 0
        self.setIcon(panel_icon(icon, color, size, gap))
        self.setIconSize(QSize(size + gap, size))


class ChoiceBox(QComboBox):
    """Opens by a click or the keyboard; the wheel scrolls the page that it is on and chooses nothing by the way.

    The list is no higher than a dozen entries; a long one is shortened in its middle.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setMaxVisibleItems(12)
        self.setItemDelegate(QStyledItemDelegate(self))  # Qt's own for this list does not know the style sheet
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    @qt_override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class Tabs(QTabBar):
    """A few words of which one is on; the wheel is the page's here too. ``name`` is what a screen reader says."""

    def __init__(self, name: str, *titles: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        for title in titles:
            self.addTab(title)

    @qt_override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


RING = 3
"""Room for a switch's focus ring, in pixels."""


class Switch(QAbstractButton):
    """An on/off switch that never flips by itself: a click asks, ``setChecked`` shows what is true."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(44, 26)
        theme.changed.connect(self.update)

    @qt_override
    def nextCheckState(self) -> None:
        """Overrides Qt's flip: the state follows the service's event."""

    @qt_override
    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.45)
        track = QColor(tokens.accent if self.isChecked() else tokens.dim)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(track)
        painter.drawRoundedRect(QRectF(3, 3, 38, 20), 10, 10)
        painter.setBrush(QColor(tokens.on_accent if self.isChecked() else tokens.card))
        painter.drawEllipse(QRectF(23 if self.isChecked() else 5, 5, 16, 16))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 1.6))
            painter.drawRoundedRect(QRectF(1, 1, 42, 24), 12, 12)
        painter.end()

    @qt_override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()


def room_for(pixels: int, widget: QWidget) -> int:
    """What needs ``pixels`` in a font of nine points on most screens, in the user's own font if that is larger."""
    return round(pixels * max(1.0, widget.fontMetrics().horizontalAdvance("n" * 100) / USUAL_ADVANCE))


def unbroken(text: str) -> str:
    """The same to the eye, but a line ends only where a reader would end it; see :class:`Paragraph`."""
    if FACTS in text:
        text = FACTS.join(fact.replace(" ", NO_BREAK_SPACE) for fact in text.split(FACTS))
    words = (re.sub("[/:.?=-]", rf"\g<0>{WORD_JOINER}", word) if "://" in word else word for word in text.split(" "))
    return " ".join(words)


def fit_height(window: QWidget, width: int) -> None:
    """As high as its wrapped texts need at ``width``, and never less; Qt only guesses."""
    layout = window.layout()
    assert layout is not None
    layout.activate()
    window.setMinimumSize(width, layout.totalHeightForWidth(width))
    window.resize(window.minimumSize())


def repolish(widget: QWidget) -> None:
    """Makes the style sheet look again at a widget whose dynamic property changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def plain_tool_tip(text: str) -> str:
    """Text that a tool tip shows as it is; left alone, Qt would take text with a ``<`` for markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<span>{escaped}</span>"
