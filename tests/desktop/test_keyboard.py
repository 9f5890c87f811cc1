"""With the keyboard alone: Tab goes through each page as it is read, in both directions, late comers included."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.chat import Turn
from dmr_desktop.desktop.panel.window import SECTIONS
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.protocol.notices import TcpStatus
from tests.desktop.test_panel import RUNNER, emit, sample, show_models
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

MOST_STOPS = 60


def walk(qtbot: QtBot, parts: Parts, key: Qt.Key) -> Iterator[QWidget]:
    """What has the focus after each press, from the list of pages until it is there again."""
    parts.panel.nav.setFocus()
    for _ in range(MOST_STOPS):
        qtbot.keyClick(QApplication.focusWidget(), key)
        found = QApplication.focusWidget()
        if found is parts.panel.nav:
            return
        yield found
    raise AssertionError("the focus does not come back")


def place(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def is_read_before(first: QRect, second: QRect) -> bool:
    """It ends above the other begins, or left of it: columns are read one after the other."""
    return first.bottom() <= second.top() or first.right() <= second.left()


@pytest.fixture
def filled(qtbot: QtBot, parts: Parts, service: FakeService) -> Parts:
    """Everything there that comes late: models, a runner, messages, a banner with buttons."""
    show_models(qtbot, parts, service)
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    emit(qtbot, service, "telemetry", sample())
    emit(qtbot, service, "tcp", TcpStatus(False, False, 12434))
    parts.sources.chat.replace([Turn("user", "What is 3 + 4?"), Turn("assistant", "7")])
    parts.panel.resize(1080, 1500)  # nothing scrolls away meanwhile
    parts.panel.show_problem(Problem("Could not open the port", "It is in use.", "Use another.", 409, "tcp"))
    qtbot.waitUntil(lambda: parts.panel.banner.isVisible() and bool(parts.link.state.runners))
    return parts


@pytest.mark.parametrize("page", SECTIONS)
def test_tab_goes_through_a_page_as_it_is_read(qtbot: QtBot, filled: Parts, page: str) -> None:
    panel = filled.panel
    panel.open_page(page)
    qtbot.waitActive(panel)
    stops = list(walk(qtbot, filled, Qt.Key.Key_Tab))
    assert stops[0].text() == "Menu"
    assert len({id(stop) for stop in stops}) == len(stops)
    inside = [stop for stop in stops[1:] if not isinstance(stop, QScrollArea)]
    assert len(inside) >= 3
    for index, first in enumerate(inside):
        for second in inside[index + 1 :]:
            names = first.accessibleName(), second.accessibleName()
            assert is_read_before(place(first, panel), place(second, panel)), names
    assert list(walk(qtbot, filled, Qt.Key.Key_Backtab)) == stops[::-1]


def test_tab_goes_through_the_first_steps_as_they_are_read(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.preferences.welcomed = False
    emit(qtbot, service, "telemetry", sample())
    panel = parts.panel
    panel.open_page("overview")
    qtbot.waitUntil(panel.overview.welcome.isVisible)
    qtbot.waitUntil(lambda: len(panel.overview.welcome.pull_buttons) == 2)
    qtbot.waitActive(panel)
    stops = [stop for stop in walk(qtbot, parts, Qt.Key.Key_Tab) if not isinstance(stop, QScrollArea)][1:]
    tops = [place(stop, panel).center().y() for stop in stops]
    assert tops == sorted(tops)
    assert stops[-1] is panel.overview.welcome.skip_button
