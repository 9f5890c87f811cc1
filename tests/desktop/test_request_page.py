"""The Requests page: notices as rows, texts when a row is chosen."""

import json
import shlex
import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.chat import Turn
from dmr_desktop.desktop.panel.request_table import ID_ROLE, Column, RequestTable
from dmr_desktop.desktop.quantities import UNKNOWN
from dmr_desktop.desktop.replay import Replay, read_replay
from dmr_desktop.desktop.request_bodies import MAX_SHOWN_CHARS, Bodies, as_curl, find_bodies, pretty
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.desktop.wording import client_word, day_and_time
from dmr_desktop.protocol.notices import RequestNotice, TcpStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

NOTICE = RequestNotice("req-1", "running", "ai/alpha", "/v1/chat/completions", 1.0)
RECORD = {"request_id": "req-1", "url": "/v1/chat/completions", "request": '{"model":"it\'s"}', "response": '{"a": 1}'}


def test_bodies_are_found_by_the_request(qtbot: QtBot) -> None:
    assert find_bodies([{"records": [RECORD]}], "req-1") == Bodies(RECORD["url"], RECORD["request"], RECORD["response"])
    assert find_bodies([{"records": [RECORD]}], "req-2") is None
    assert find_bodies({"no": "list"}, "req-1") is None
    assert find_bodies([7, {"records": None}], "req-1") is None
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty("plain") == "plain"


def test_the_curl_line_is_quoted_for_the_shell() -> None:
    line = as_curl("http://localhost:12434", Bodies("/v1/chat/completions", '{"model":"it\'s"}', ""))
    assert '-d \'{"model":"it\'"\'"\'s"}\'' in line
    assert "--unix-socket" not in line
    line = as_curl("http://localhost:12434", Bodies("/v1/models", "", ""), "/run/my dmr.sock")
    assert line.startswith("curl --unix-socket '/run/my dmr.sock' http://localhost:12434/v1/models ")


def test_a_request_is_one_row_from_start_to_end(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("requests")
    table = parts.panel.requests.model
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("request", NOTICE)
    qtbot.waitUntil(lambda: table.rowCount() == 1)
    assert table.index(0, Column.STATE).data() == "Running"
    service.emit("request", replace(NOTICE, id="req-2", model="ai/beta"))
    done = replace(NOTICE, state="failed", duration_ms=2400.0, prompt_tokens=3, completion_tokens=9, error="broke")
    service.emit("request", done)
    qtbot.waitUntil(lambda: table.rowCount() == 2 and table.index(1, Column.STATE).data() == "Failed")
    assert [table.index(row, Column.MODEL).data() for row in (0, 1)] == ["ai/beta", "ai/alpha"]
    assert table.index(1, Column.TOKENS).data() == "3 → 9"
    assert table.index(1, Column.DURATION).data() == "2.4 s"
    assert table.index(1, Column.TIME).data(Qt.ItemDataRole.ToolTipRole) == day_and_time(1.0), "it may be of yesterday"


def test_a_running_request_counts_up_while_somebody_looks(
    qtbot: QtBot, parts: Parts, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    page._clock.setInterval(20)
    service.emit("request", replace(NOTICE, started_at=time.time()))
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    cell = page.model.index(0, Column.DURATION)
    assert cell.data() == "0 s"
    assert page._clock.isActive()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7.4)
    qtbot.waitUntil(lambda: page.details.accessibleName() == "Running · 7 s")
    assert cell.data() == "7 s"
    parts.panel.open_page("overview")
    assert not page._clock.isActive()
    parts.panel.open_page("requests")
    assert page._clock.isActive()
    parts.panel.hide()
    assert not page._clock.isActive()
    parts.panel.open_page("requests")
    service.emit("request", replace(NOTICE, state="done", duration_ms=7500.0))
    qtbot.waitUntil(lambda: cell.data() == "7.5 s")
    assert not page._clock.isActive()


def test_a_chosen_request_shows_its_texts(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("GET", "/engines/requests", 200, [{"records": [RECORD]}])
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("request", replace(NOTICE, state="done", duration_ms=1000.0, completion_tokens=20))
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(lambda: "model" in page.text.toPlainText())
    assert page.details.accessibleName() == "Done · 1.0 s · 20 tokens/s"
    page.tabs.setCurrentIndex(1)
    assert page.text.toPlainText() == '{\n  "a": 1\n}'
    page.curl_button.click()
    path = shlex.quote(str(service.socket_path))
    start = f"curl --unix-socket {path} http://localhost:12434/v1/chat/completions"
    assert QGuiApplication.clipboard().text().startswith(start), "the port is closed"
    service.emit("tcp", TcpStatus(True, True, 12434))
    qtbot.waitUntil(lambda: parts.link.state.base_url is not None)
    page.curl_button.click()
    assert QGuiApplication.clipboard().text().startswith("curl http://localhost:12434/v1/chat/completions")


def test_a_request_goes_on_in_the_chat(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    asked = {
        "model": "ai/alpha",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }
    service.answer("GET", "/engines/requests", 200, [{"records": [RECORD | {"request": json.dumps(asked)}]}])
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit(
        "request", replace(NOTICE, state="done", duration_ms=1000.0, first_token_ms=200.0, completion_tokens=21)
    )
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(page.replay_button.isEnabled)
    assert page.details.accessibleName() == "Done · 1.0 s · first token after 200 ms · 25 tokens/s"
    page.replay_button.click()
    assert parts.panel.chat.isVisible()
    assert parts.panel.chat.draft.toPlainText() == "Hi"
    assert parts.panel.chat.system.text() == "Be brief."


@pytest.mark.parametrize(
    ("body", "replay"),
    [
        ({"model": "m", "prompt": "Once"}, Replay("m", "", (), "Once")),
        ({"model": "m", "instructions": "S", "input": "Q"}, Replay("m", "S", (), "Q")),
        (
            {
                "system": [{"type": "text", "text": "S"}],
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "image_url"}]},
                    {"role": "assistant", "content": "B", "tool_calls": []},
                    {"role": "tool", "content": "7"},
                    {"role": "user", "content": "C"},
                    {"role": "assistant", "content": "prefilled"},
                ],
            },
            Replay("", "S", (Turn("user", "A"), Turn("assistant", "B")), "C"),
        ),
        ({"model": "m", "input": ["text to embed"]}, None),
        ({"messages": [{"role": "assistant", "content": "x"}, 7, {"role": "user", "content": None}]}, None),
        ([], None),
    ],
)
def test_bodies_of_all_dialects_can_be_gone_on_with(body: object, replay: Replay | None) -> None:
    assert read_replay(json.dumps(body)) == replay
    assert read_replay("{") is None


@pytest.mark.parametrize(
    ("agent", "word"),
    [
        ("OpenAI/Python 1.3.5", "OpenAI/Python"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("curl/8.1", "curl"),
        ("n8n", "n8n"),
        ("Mozilla/5.0 (X11; Linux)", "Mozilla"),
        ("", UNKNOWN),
    ],
)
def test_programs_without_their_versions(agent: str, word: str) -> None:
    assert client_word(agent) == word


def test_without_a_kept_text_the_page_says_why(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("GET", "/engines/requests", 200, [])
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("request", replace(NOTICE, state="failed", error="it broke"))
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(lambda: bool(service.seen("GET", "/engines/requests")))
    assert "kept in memory" in page.text.placeholderText()
    page.tabs.setCurrentIndex(1)
    assert page.text.toPlainText() == "it broke"


def test_a_request_that_the_service_forgot_is_not_shown_any_longer(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    parts.panel.open_page("requests")
    page = parts.panel.requests
    service.answer("GET", "/engines/requests", 200, [{"records": [RECORD]}])
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("request", NOTICE)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(lambda: "it's" in page.text.toPlainText())
    service.emit("snapshot", service.snapshot)
    qtbot.waitUntil(lambda: page.model.rowCount() == 0)
    assert page.text.toPlainText() == ""
    assert not page.curl_button.isEnabled()
    assert "No request yet" in page.empty.text


def test_new_requests_leave_everything_where_it_is(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    for number in range(60):
        service.emit("request", replace(NOTICE, id=f"old-{number}", state="done"))
    qtbot.waitUntil(lambda: page.model.rowCount() == 60)
    page.table.selectRow(50)
    bar = page.table.verticalScrollBar()
    bar.setValue(20)
    top = page.table.indexAt(QPoint(5, 5)).data(ID_ROLE)
    for number in range(3):
        service.emit("request", replace(NOTICE, id=f"new-{number}"))
    qtbot.waitUntil(lambda: page.model.rowCount() == 63)
    qtbot.wait(50)
    assert page.table.indexAt(QPoint(5, 5)).data(ID_ROLE) == top
    assert page.selected is not None
    assert page.selected.id == "old-9"
    bar.setValue(0)
    service.emit("request", replace(NOTICE, id="newest"))
    qtbot.waitUntil(lambda: page.model.rowCount() == 64)
    qtbot.wait(50)
    assert page.table.indexAt(QPoint(5, 5)).data(ID_ROLE) == "newest"


def test_the_oldest_requests_leave_at_the_end(theme: Theme, qtmodeltester: ModelTester) -> None:
    table = RequestTable(theme)
    qtmodeltester.check(table)
    notices = tuple(replace(NOTICE, id=str(number)) for number in range(9, 0, -1))
    table.show_requests(notices[4:])
    table.show_requests(notices[2:7])
    assert [table.notice_at(row).id for row in range(table.rowCount())] == ["7", "6", "5", "4", "3"]
    table.show_requests(())
    assert table.rowCount() == 0


def test_a_text_is_shown_safely_and_copied_as_it_is(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    text = "می\u200cخواهم 👨\u200d👩\u200d👧 \u202eabc " + "x" * MAX_SHOWN_CHARS
    record = {"request_id": "req-1", "url": "/v1/chat/completions", "request": text, "response": ""}
    service.answer("GET", "/engines/requests", 200, [{"records": [record]}])
    page = parts.panel.requests
    parts.panel.open_page("requests")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("request", NOTICE)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(page.copy_button.isEnabled)
    shown = page.text.toPlainText()
    assert shown.startswith("می\u200cخواهم 👨\u200d👩\u200d👧 \ufffdabc ")
    assert len(shown) <= MAX_SHOWN_CHARS + 8
    page.copy_button.click()
    assert QGuiApplication.clipboard().text() == text
