"""A name that has no room is whole in a tool tip, and can be copied."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.panel import model_table, request_table
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.protocol.notices import RequestNotice
from tests.desktop.test_panel import RUNNER, emit
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

NAME = "hf.co/some-organisation-of-many-words/A-Model-With-A-Name-That-Goes-On-And-On-70B-Instruct-GGUF:Q4_K_M"
TIP = Qt.ItemDataRole.ToolTipRole
MODELS = [{"id": RUNNER.model_id, "tags": [NAME], "config": {}, "size_bytes": 5}]


def test_everywhere(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    panel = parts.panel
    panel.open_page("chat")
    emit(qtbot, service, "models", {"models": MODELS})
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    emit(qtbot, service, "request", RequestNotice("r", "done", NAME, "/v1/chat/completions", 1.0, 5.0))
    qtbot.waitUntil(lambda: bool(parts.link.state.requests) and panel.chat.models.currentText() == NAME)
    for box in (panel.chat.models, panel.integrations.models):
        panel.open_page("chat" if box is panel.chat.models else "integrations")
        assert NAME in box.toolTip()
        assert NAME in box.itemData(0, TIP)
    panel.open_page("models")
    assert NAME in panel.models.model.index(0, model_table.Column.NAME).data(TIP)
    panel.open_page("overview")
    (row,) = panel.overview.loaded.rows
    row.copy_name.trigger()
    assert QGuiApplication.clipboard().text() == NAME
    row.as_command.trigger()
    assert QGuiApplication.clipboard().text() == f"dmr unload {NAME}"
    panel.open_page("requests")
    page = panel.requests
    assert NAME in page.model.index(0, request_table.Column.MODEL).data(TIP)
    page.table.selectRow(0)
    QGuiApplication.clipboard().clear()
    assert page.selected is not None
    menu = page.menu_for(page.selected)
    qtbot.addWidget(menu)
    menu.actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == NAME
    assert [entry.isEnabled() for entry in menu.actions()[1:]] == [False, False], "its texts are not kept"


def test_a_message_shows_all_of_a_name(parts: Parts) -> None:
    panel = parts.panel
    panel.resize(panel.minimumSize())
    panel.show_problem(Problem(f"Could not pull {NAME}", "It is not there."))
    panel.show_news(f"{NAME} copied")
    QApplication.processEvents()
    for banner in (panel.banner, panel.news):
        (title,) = (label for label in banner.findChildren(QLabel) if NAME in label.text())
        assert title.width() >= title.minimumSizeHint().width()
        assert title.height() >= title.heightForWidth(title.width())
        assert banner.mapTo(panel, banner.rect().bottomRight()).x() < panel.width()


def test_a_name_from_elsewhere_is_no_markup(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("requests")
    emit(qtbot, service, "request", RequestNotice("r", "done", "<img src=x>", "/v1", 1.0))
    qtbot.waitUntil(lambda: parts.panel.requests.model.rowCount() == 1)
    assert "&lt;img" in parts.panel.requests.model.index(0, request_table.Column.MODEL).data(TIP)
