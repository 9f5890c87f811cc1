"""A message above the page: a problem with its next steps, or good news that leaves by itself."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from dmr_desktop.desktop.icons import panel_pixmap
from dmr_desktop.desktop.panel.widgets import Button, Label, repolish
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import as_sentence

NEWS_MS = 4000
ICONS = {"error": "alert", "warn": "alert", "ok": "info"}


class Banner(QFrame):
    """Hidden until it has something to say. ``is_closable`` gives it a close button."""

    def __init__(self, theme: Theme, *, is_closable: bool = True) -> None:
        super().__init__()
        self._theme = theme
        self._tone = "error"
        self.setProperty("banner", self._tone)
        self._icon, self._title = Label(), Label(bold=True)
        self._message, self._hint = Label(), Label(tone="dim")
        for label in (self._title, self._message, self._hint):
            label.setWordWrap(True)
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._actions = QHBoxLayout()
        self._buttons: tuple[Button, ...] = ()
        self._actions.setSpacing(8)
        self._close = Button("", kind="icon", name=self.tr("Close this message"))
        self._close.clicked.connect(self.hide)
        self._close.setVisible(is_closable)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        for label in (self._title, self._message, self._hint):
            texts.addWidget(label)
        actions = QHBoxLayout()
        actions.setContentsMargins(0, 6, 0, 2)
        actions.addLayout(self._actions)
        actions.addStretch()
        self._action_row = QWidget()
        self._action_row.setLayout(actions)
        texts.addWidget(self._action_row)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 11, 10, 11)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        theme.changed.connect(self._paint)
        self._paint()
        self.hide()

    def show_trouble(
        self,
        title: str,
        message: str,
        hint: str = "",
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        *,
        tone: str = "error",
    ) -> None:
        """``actions`` are buttons; pressing one closes the banner."""
        self._timer.stop()
        self._say(tone, title, message, hint, actions)

    def show_news(self, text: str) -> None:
        """Leaves after :data:`NEWS_MS`."""
        self._say("ok", text, "", "", ())
        self._timer.start(NEWS_MS)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The next steps that it offers."""
        return self._buttons

    @property
    def text(self) -> str:
        """All that it says, line by line."""
        return "\n".join(label.text() for label in (self._title, self._message, self._hint) if label.text())

    def _say(
        self, tone: str, title: str, message: str, hint: str, actions: Sequence[tuple[str, Callable[[], object]]]
    ) -> None:
        self._tone = tone
        for label, text in (
            (self._title, title),
            (self._message, as_sentence(message)),
            (self._hint, as_sentence(hint)),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self._buttons = ()
        while (item := self._actions.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for name, action in actions:
            button = Button(name)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _checked=False, action=action: action())
            self._actions.addWidget(button)
            self._buttons += (button,)
        self._action_row.setVisible(bool(self._buttons))
        self.setAccessibleName(self.text)
        self._paint()
        repolish(self)
        self.show()

    def _paint(self) -> None:
        self.setProperty("banner", self._tone)
        tokens = self._theme.tokens
        color = {"error": tokens.error, "warn": tokens.warn, "ok": tokens.ok}[self._tone]
        self._icon.setPixmap(panel_pixmap(ICONS[self._tone], color, 20, self.devicePixelRatioF()))
        self._close.show_icon("close", tokens.dim, 16)
