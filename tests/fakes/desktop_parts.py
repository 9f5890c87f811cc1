"""The desktop's parts as its tests hold them, and a stand-in for the process that starts the service."""

from dataclasses import dataclass, field

from dmr_desktop.desktop.commands import Commands
from dmr_desktop.desktop.link import ServiceLink
from dmr_desktop.desktop.menu import TrayMenu
from dmr_desktop.desktop.panel.window import PanelWindow
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.sources import Sources
from dmr_desktop.desktop.theme import Theme
from tests.fakes.fake_service import FakeService


@dataclass
class FakeLauncher:
    """Stands in for ``ServiceProcess``: ``start`` starts the fake service, or does nothing and stays dead."""

    service: FakeService | None = None
    words: str = ""
    starts: int = 0
    is_running: bool = False
    is_outpaced: bool = False
    kills: int = 0
    """So many starts end by a signal before the service answers."""

    def start(self) -> None:
        self.starts += 1
        if self.starts <= self.kills:
            return
        if self.service is not None:
            self.service.start()
            self.is_running = True

    def is_alive(self) -> bool:
        return self.is_running

    def gave_way(self) -> bool:
        return self.is_outpaced

    def was_killed(self) -> bool:
        return 0 < self.starts <= self.kills

    def last_words(self) -> str:
        return self.words


@dataclass
class Parts:
    """The desktop without a tray, joined to ``service``."""

    link: ServiceLink
    commands: Commands
    menu: TrayMenu
    panel: PanelWindow
    theme: Theme
    launcher: FakeLauncher
    sources: Sources
    preferences: Preferences
    problems: list[object] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
