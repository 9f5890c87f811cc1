"""The panel window: sections at the left, messages on top, one page. Draws only while it is visible."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from dmr_desktop import __version__
from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.overrides import qt_override
from dmr_desktop.desktop.panel.banner import Banner
from dmr_desktop.desktop.panel.chat import ChatPage
from dmr_desktop.desktop.panel.integrations import IntegrationsPage
from dmr_desktop.desktop.panel.logs import LogsPage
from dmr_desktop.desktop.panel.models import ModelsPage
from dmr_desktop.desktop.panel.overview import OverviewPage
from dmr_desktop.desktop.panel.requests import RequestsPage
from dmr_desktop.desktop.panel.settings import SettingsPage
from dmr_desktop.desktop.panel.tab_order import order_tabs
from dmr_desktop.desktop.panel.widgets import Button, Label, Paragraph, room_for
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.replay import Replay
from dmr_desktop.desktop.sources import Sources
from dmr_desktop.desktop.state import DesktopState, Link
from dmr_desktop.desktop.theme import Theme

SECTIONS = ("overview", "models", "chat", "integrations", "requests", "logs", "settings")
MAX_PORT = 65535
NAME_TROUBLE = (400, 404, 422)
"""The statuses of a pull that the same name would only get again."""
LEAST_WIDTH, LEAST_HEIGHT = 820, 480
"""What the pages need so that nothing is cut, in pixels; a small screen gives less."""


class Page(Protocol):
    def render_state(self, state: DesktopState) -> None: ...


class PanelWindow(QMainWindow):
    """Signals: ``closed()`` when the user closed the window; it only hides. ``visibility_changed(bool)``."""

    closed = Signal()
    visibility_changed = Signal(bool)

    def __init__(
        self, commands: Commands, theme: Theme, menu: QMenu, sources: Sources, preferences: Preferences
    ) -> None:
        super().__init__()
        self._commands = commands
        self._theme = theme
        self.setWindowTitle("DMR Desktop")
        self.resize(1080, 720)
        room = self.screen().availableSize()
        self.setMinimumSize(
            min(room_for(LEAST_WIDTH, self), room.width()), min(room_for(LEAST_HEIGHT, self), room.height())
        )
        self._preferences = preferences
        self.restoreGeometry(preferences.window_geometry)
        self.overview = OverviewPage(commands, theme, preferences)
        self.models = ModelsPage(commands, theme, sources.fit, sources.remote, sources.configured)
        self.chat = ChatPage(commands, theme, sources.chat)
        self.integrations = IntegrationsPage(commands, theme, sources.trial)
        self.requests = RequestsPage(commands, theme, sources.bodies)
        self.logs = LogsPage(commands, theme, sources.log)
        self.settings = SettingsPage(commands, theme, preferences, sources.network)
        self._pages: tuple[Page, ...] = (
            self.overview,
            self.models,
            self.chat,
            self.integrations,
            self.requests,
            self.logs,
            self.settings,
        )
        self.banner = Banner(theme)
        self.news = Banner(theme)
        self.service_banner = Banner(theme, is_closable=False)
        self.tray_note = Paragraph(tone="dim", size=0.9)
        self.nav = self._make_nav()
        self._menu_button = Button(self.tr("Menu"), kind="side")
        self._menu = menu
        self._menu_button.clicked.connect(self._pop_menu_up)
        self._lay_out()
        self.nav.currentRowChanged.connect(self._show_page)
        self.models.chat_wanted.connect(self._chat_with)
        self.requests.replay_wanted.connect(self._replay)
        self.nav.setCurrentRow(0)
        for number in range(len(SECTIONS)):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number + 1}"), self)
            shortcut.activated.connect(lambda number=number: self.open_page(SECTIONS[number]))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self).activated.connect(self.close)
        theme.changed.connect(self._paint)
        self._paint()

    def open_page(self, page: str) -> None:
        """Shows the window in front, on ``page`` unless that is ""."""
        if page:
            self.nav.setCurrentRow(SECTIONS.index(page))
        self.show()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.raise_()
        self.activateWindow()
        if page == "models":
            self.models.field.setFocus()
        elif page == "chat":
            self.chat.draft.setFocus()
        elif page:
            self.nav.setFocus()  # Tab goes on at the top of the page

    def _chat_with(self, model: str) -> None:
        self.open_page("chat")
        self.chat.choose(model)

    def _replay(self, replay: Replay) -> None:
        self.open_page("chat")
        self.chat.show_replay(replay)

    def render_state(self, state: DesktopState) -> None:
        if not self.isVisible():
            return
        self._pages[self.nav.currentRow()].render_state(state)
        self._render_service(state)

    def show_problem(self, problem: Problem) -> None:
        """A problem stays until it is closed or replaced; a busy port offers the next one, a pull another try."""
        actions: list[tuple[str, Callable[[], object]]] = []
        tcp = self._commands.state.tcp
        if problem.about == "tcp" and problem.status == 409 and tcp is not None and tcp.port < MAX_PORT:
            other = tcp.port + 1
            actions.append((self.tr("Use {port}").format(port=other), lambda: self._commands.set_tcp(True, other)))
            actions.append((self.tr("Retry"), lambda: self._commands.set_tcp(True)))
        if problem.pull and problem.status in NAME_TROUBLE:
            self.models.field.correct(problem.pull)
        elif problem.pull:
            actions.append((self.tr("Pull again"), lambda: self._commands.pull(problem.pull)))
        self.banner.show_trouble(problem.title, problem.message, problem.hint, actions)

    def show_news(self, text: str) -> None:
        """Below a problem, if there is one."""
        self.news.show_news(text)

    def say_tray(self, is_there: bool) -> None:
        """Without a tray the window is all there is."""
        note = self.tr("No system tray found. Closing this window quits the app, not the service.")
        self.tray_note.setText("" if is_there else note)

    @qt_override
    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab and Shift+Tab, wherever they were pressed."""
        order_tabs(self.centralWidget())
        return super().focusNextPrevChild(next)

    @qt_override
    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.closed.emit()

    @qt_override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.visibility_changed.emit(True)
        self.render_state(self._commands.state)

    @qt_override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._preferences.window_geometry = self.saveGeometry()
        self.visibility_changed.emit(False)

    def _render_service(self, state: DesktopState) -> None:
        start = [(self.tr("Start service"), self._commands.start_service)]
        match state.link:
            case Link.STOPPED:
                self.service_banner.show_trouble(
                    self.tr("The service is stopped"), self.tr("Models cannot be used."), actions=start, tone="warn"
                )
            case Link.FAILED:
                self.service_banner.show_trouble(self.tr("The service does not run"), state.fault, actions=start)
            case Link.LOST:
                self.service_banner.show_trouble(self.tr("No connection to the service"), state.fault)
            case _:
                self.service_banner.hide()

    def _pop_menu_up(self) -> None:
        corner = self._menu_button.mapToGlobal(QPoint(0, 0))
        self._menu.popup(corner - QPoint(0, self._menu.sizeHint().height() + 2))

    def _show_page(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        self.render_state(self._commands.state)

    def _make_nav(self) -> QListWidget:
        nav = QListWidget()
        nav.setObjectName("nav")
        nav.setAccessibleName(self.tr("Sections"))
        nav.setIconSize(QSize(18, 18))
        nav.setSpacing(1)
        nav.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        titles = (
            self.tr("Overview"),
            self.tr("Models"),
            self.tr("Chat"),
            self.tr("Integrations"),
            self.tr("Requests"),
            self.tr("Logs"),
            self.tr("Settings"),
        )
        for title in titles:
            item = QListWidgetItem(title)
            item.setSizeHint(QSize(0, 36))
            nav.addItem(item)
        return nav

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        for page in (
            self.overview,
            self.models,
            self.chat,
            self.integrations,
            self.requests,
            self.logs,
            self.settings,
        ):
            self._stack.addWidget(page)
        side = QFrame()
        side.setObjectName("side")
        side.setFixedWidth(192)
        column = QVBoxLayout(side)
        column.setContentsMargins(10, 18, 10, 12)
        column.setSpacing(4)
        title = Label("DMR Desktop", size=1.3, bold=True)
        title.setContentsMargins(10, 0, 0, 10)
        version = Label(f"v{__version__}", tone="dim", size=0.9)
        for label in (self.tray_note, version):
            label.setContentsMargins(10, 2, 0, 0)
        column.addWidget(title)
        column.addWidget(self.nav, 1)
        column.addWidget(self.tray_note)
        column.addWidget(self._menu_button)
        column.addWidget(version)
        banners = QVBoxLayout()
        banners.setContentsMargins(24, 10, 24, 0)
        banners.setSpacing(8)
        banners.addWidget(self.service_banner)
        banners.addWidget(self.banner)
        banners.addWidget(self.news)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addLayout(banners)
        right.addWidget(self._stack, 1)
        root = QWidget()
        row = QHBoxLayout(root)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(side)
        row.addLayout(right, 1)
        self.setCentralWidget(root)

    def _paint(self) -> None:
        color = self._theme.tokens.dim
        for row, name in enumerate(SECTIONS):
            self.nav.item(row).setIcon(panel_icon(name, color))
        self._menu_button.show_icon("menu", color, 18, gap=2)
