"""The Requests page: who asked what, with which outcome; text of the last ones on request."""

import time

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QHideEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.names import familiar, printable
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.empty_state import EmptyState
from dmr_desktop.desktop.panel.fitting_table import LEAST_SHARE, FittingTable
from dmr_desktop.desktop.panel.name_delegate import INDENT, NameDelegate, lines_of
from dmr_desktop.desktop.panel.request_table import Column, RequestTable
from dmr_desktop.desktop.panel.widgets import Button, Card, ElidedLabel, Tabs, Title, room_for
from dmr_desktop.desktop.replay import read_replay
from dmr_desktop.desktop.request_bodies import MAX_SHOWN_CHARS, Bodies, RequestBodies, as_curl, pretty
from dmr_desktop.desktop.service_words import in_own_words
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import request_details, request_word
from dmr_desktop.protocol.notices import RequestNotice
from dmr_desktop.settings import DEFAULT_PORT

ROW_HEIGHT = 34
TICK_MS = 1000
"""How often a running request's time is shown anew; no clock runs while there is none, or while nobody looks."""
ICON_ROOM = " " * 8
MAX_NAME_WIDTH = 220
STATES = ("running", "done", "failed", "cancelled")
SAMPLES: dict[int, str] = {
    Column.TIME: "00:00:00",
    Column.TOKENS: "99999 → 9999",
    Column.DURATION: "59 min 59 s",
    Column.CLIENT: "OpenAI/Python",
}
"""The longest usual values; model and endpoint get the rest."""


class RequestsPage(QWidget):
    """Table and, below it, the chosen request. Signals: ``replay_wanted(Replay)``."""

    replay_wanted = Signal(object)

    def __init__(self, commands: Commands, theme: Theme, bodies: RequestBodies) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self._source = bodies
        self._shown: RequestNotice | None = None
        self._bodies: Bodies | None = None
        self._whole = ""
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._tick)
        self.model = RequestTable(theme, self)
        expendable = (Column.CLIENT, Column.TOKENS, Column.PATH)
        longest = max((request_word(state) for state in STATES), key=len)
        samples = {**SAMPLES, Column.STATE: f"{ICON_ROOM}{longest}"}
        self.table = FittingTable(self.model, self.tr("Requests"), samples, expendable, ROW_HEIGHT)
        self.table.setItemDelegateForColumn(Column.MODEL, NameDelegate(theme, self.table))
        self.details = ElidedLabel(tone="dim")
        self.tabs = Tabs(self.tr("Which text"), self.tr("Request"), self.tr("Answer"))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("Text of the request"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copy_button = Button(self.tr("Copy"), name=self.tr("Copy this text"))
        self.curl_button = Button(self.tr("Copy as curl"))
        self.replay_button = Button(self.tr("Open in chat"), name=self.tr("Ask this again in the chat"))
        self._lay_out()
        self._connect()
        self._paint()
        self._show_bodies()

    def render_state(self, state: DesktopState) -> None:
        keep = self._shown.id if self._shown else ""
        self.model.show_requests(state.requests)
        self._make_room(state)
        self._clock.start() if self.isVisible() and self.model.has_running else self._clock.stop()
        self._stack.setCurrentIndex(0 if state.requests else 1)
        self._below.setVisible(bool(state.requests))
        if state.is_connected:
            self.empty.say(
                self.tr("No request yet"),
                self.tr("What programs ask the models shows up here, with its outcome and speed."),
                [(self.tr("How to connect a program"), lambda: self._commands.open_panel("integrations"))],
            )
        else:
            self.empty.say(self.tr("The requests are shown when the service runs."))
        if self._shown is not None and self.model.row_of(self._shown.id) is None:
            self._shown = self._bodies = None  # forgotten by the service
            self._show_bodies()
        self._select(keep)

    def _make_room(self, state: DesktopState) -> None:
        metrics = self.table.fontMetrics()
        names = {familiar(notice.model) for notice in state.requests}
        longest = max((metrics.horizontalAdvance(lines_of(name, metrics, 0)[0]) for name in names), default=0)
        self.table.set_least_share(min(room_for(MAX_NAME_WIDTH, self), max(LEAST_SHARE, longest + 2 * INDENT + 1)))

    @qt_override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    def _tick(self) -> None:
        self.model.tick()
        if self._shown is not None and self._shown.state == "running":
            self.details.setText(request_details(self._shown, time.time()))

    @property
    def selected(self) -> RequestNotice | None:
        rows = self.table.selectionModel().selectedRows()
        return self.model.notice_at(rows[0].row()) if rows else None

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.model.dataChanged.connect(self._on_selected)
        self.model.rowsInserted.connect(self._stay)
        self._source.found.connect(self._on_found)
        self.tabs.currentChanged.connect(self._show_bodies)
        self.copy_button.clicked.connect(lambda: self._commands.copy(self._whole, self.tr("Text")))
        self.curl_button.clicked.connect(self._copy_curl)
        self.replay_button.clicked.connect(self._replay)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._pop_menu_up)
        self._theme.changed.connect(self._paint)

    def menu_for(self, notice: RequestNotice) -> QMenu:
        """What can be done with the selected request."""
        menu = QMenu(self)
        name = familiar(notice.model)
        menu.addAction(self.tr("Copy model name")).triggered.connect(lambda: self._commands.copy(name, name))
        for button in (self.curl_button, self.replay_button):
            entry = menu.addAction(button.text())
            entry.setEnabled(button.isEnabled())
            entry.triggered.connect(button.click)
        return menu

    def _pop_menu_up(self, place: QPoint) -> None:
        if (notice := self.selected) is not None:
            menu = self.menu_for(notice)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.table.viewport().mapToGlobal(place))

    def _select(self, request_id: str) -> None:
        """Puts the selection back after a reset."""
        row = self.model.row_of(request_id) if request_id else None
        if row is None or self.table.selectionModel().hasSelection():
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(self.model.index(row, 0), flags)

    def _stay(self, _: QModelIndex, first: int, last: int) -> None:
        """Who has scrolled down goes on seeing the same rows; Qt counts a table's scrolling in rows."""
        bar = self.table.verticalScrollBar()
        place = bar.value()
        if place > 0:
            QTimer.singleShot(0, self, lambda: bar.setValue(place + last - first + 1))

    def _on_selected(self) -> None:
        notice = self.selected
        if notice is None or notice == self._shown:
            return
        if self._shown is None or notice.id != self._shown.id:
            self._bodies = None
        self._shown = notice
        self._source.look_up(notice.id)
        self._show_bodies()

    def _on_found(self, request_id: str, bodies: Bodies | None) -> None:
        if self._shown is not None and self._shown.id == request_id:
            self._bodies = bodies
            self._show_bodies()

    def _show_bodies(self) -> None:
        notice, bodies = self._shown, self._bodies
        self.details.setText(request_details(notice, time.time()) if notice else self.tr("Choose a request to see it."))
        is_answer = self.tabs.currentIndex() == 1
        text = "" if bodies is None else bodies.response if is_answer else bodies.request
        self._whole = pretty(text)
        if text:
            self.text.setPlainText(printable(self._whole, MAX_SHOWN_CHARS))
        elif notice is not None and notice.error and is_answer:
            self._whole = in_own_words(notice.error)
            self.text.setPlainText(self._whole)
        else:
            self.text.setPlainText("")
            self.text.setPlaceholderText(
                self.tr("The text of the last requests is kept in memory while their model is loaded.")
                if notice
                else ""
            )
        self.copy_button.setEnabled(bool(self._whole))
        self.curl_button.setEnabled(bodies is not None and bool(bodies.request))
        self.replay_button.setEnabled(bodies is not None and read_replay(bodies.request) is not None)

    def _replay(self) -> None:
        if self._bodies is not None and (replay := read_replay(self._bodies.request)) is not None:
            self.replay_wanted.emit(replay)

    def _copy_curl(self) -> None:
        if self._bodies is not None:
            tcp = self._commands.state.tcp
            base = f"http://localhost:{tcp.port if tcp else DEFAULT_PORT}"
            socket = self._commands.state.socket_path if self._commands.state.base_url is None else ""
            self._commands.copy(as_curl(base, self._bodies, socket), "curl")

    def _lay_out(self) -> None:
        card = Card(margins=(1, 4, 1, 4))
        self.empty = EmptyState(self._theme, "requests")
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        card.body.addLayout(self._stack)
        self._below = below = Card()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.tabs)
        head.addWidget(self.details, 1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch()
        for button in (self.replay_button, self.curl_button, self.copy_button):
            foot.addWidget(button)
        below.body.addLayout(head)
        below.body.addWidget(self.text, 1)
        below.body.addSpacing(2)
        below.body.addLayout(foot)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        parts.setHandleWidth(12)
        parts.addWidget(card)
        parts.addWidget(below)
        parts.setSizes([300, 260])
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 14, 24, 20)
        column.setSpacing(12)
        column.addWidget(Title(self.tr("Requests")))
        column.addSpacing(2)
        column.addWidget(parts, 1)

    def _paint(self) -> None:
        for button in (self.copy_button, self.curl_button):
            button.show_icon("copy", self._theme.tokens.dim)
