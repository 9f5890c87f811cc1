"""What a page shows while there is nothing to show: why, and what to do about it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.icons import panel_pixmap
from dmr_desktop.desktop.panel.widgets import Button, Label
from dmr_desktop.desktop.theme import Theme

ICON_SIZE = 44
TEXT_WIDTH = 460


class EmptyState(QWidget):
    """An icon, a sentence, a line of advice and, perhaps, buttons; in the middle of its room."""

    def __init__(self, theme: Theme, icon: str) -> None:
        super().__init__()
        self._theme = theme
        self._icon_name = icon
        self._icon = Label()
        self._title = Label(size=1.15, bold=True)
        self._advice = Label(tone="dim")
        self._advice.setWordWrap(True)
        self._advice.setFixedWidth(TEXT_WIDTH)
        self._offers: tuple[str, ...] = ()
        self.buttons: tuple[Button, ...] = ()
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addStretch(2)
        for label in (self._icon, self._title, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        column.addLayout(self._row)
        self._row.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addStretch(3)
        theme.changed.connect(self._paint)
        self._paint()

    def say(self, title: str, advice: str = "", offers: Sequence[tuple[str, Callable[[], object]]] = ()) -> None:
        """``offers`` are buttons; the same ones again stay as they are."""
        self._title.setText(title)
        self._advice.setText(advice)
        # A label in a centred column is given the height of one line, whatever it wraps to.
        self._advice.setFixedHeight(max(0, self._advice.heightForWidth(TEXT_WIDTH)))
        self._advice.setVisible(bool(advice))
        names = tuple(name for name, _ in offers)
        if names == self._offers:
            return
        self._offers = names
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = tuple(self._button(name, act) for name, act in offers)

    @property
    def text(self) -> str:
        return f"{self._title.text()}\n{self._advice.text()}".strip()

    def _button(self, name: str, act: Callable[[], object]) -> Button:
        button = Button(name)
        button.clicked.connect(lambda: act())
        self._row.addWidget(button)
        return button

    def _paint(self) -> None:
        color = self._theme.tokens.dim
        self._icon.setPixmap(panel_pixmap(self._icon_name, color, ICON_SIZE, self.devicePixelRatioF()))
