"""The panel against the fake service: what it shows, what a click asks for."""

import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QMessageBox, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop import trial
from dmr_desktop.desktop.panel.model_table import Column
from dmr_desktop.desktop.panel.widgets import Button
from dmr_desktop.desktop.panel.window import SECTIONS, PanelWindow
from dmr_desktop.desktop.preferences import Preferences
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.quantities import UNKNOWN
from dmr_desktop.protocol.json_types import JSONObject
from dmr_desktop.protocol.notices import GpuNotice, GpuSample, RequestNotice, TcpStatus, TelemetrySample
from dmr_desktop.protocol.runners import Mode, RunnerFacts, RunnerState, RunnerStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService, SeenRequest

GIB = 1024**3
IDS = ["sha256:" + letter * 64 for letter in "abc"]
MODELS: list[JSONObject] = [
    {"id": IDS[0], "tags": ["docker.io/ai/zeta:latest"], "config": {"quantization": "Q4_K_M"}, "size_bytes": 3 * GIB},
    {"id": IDS[1], "tags": ["docker.io/ai/alpha:1B"], "config": {"parameters": "1.2 B"}, "size_bytes": GIB},
]
RUNNER = RunnerStatus("llama.cpp", IDS[0], "ai/zeta", Mode.COMPLETION, RunnerState.READY, memory_bytes=GIB)


def emit(qtbot: QtBot, service: FakeService, name: str, data: object) -> None:
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit(name, data)


def sample(*gpus: GpuSample) -> TelemetrySample:
    return TelemetrySample(1.0, 37.4, 8 * GIB, 32 * GIB, 2 * GIB, 41.6, 2, gpus)


def cell(parts: Parts, row: int, column: Column) -> str:
    model = parts.panel.models.table.model()
    return str(model.index(row, column).data())


def button_called(parent: QWidget, name: str) -> Button:
    (button,) = [button for button in parent.findChildren(Button) if button.accessibleName() == name]
    return button


def show_models(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("models")
    emit(qtbot, service, "models", {"models": MODELS})
    qtbot.waitUntil(lambda: parts.panel.models.model.rowCount() == 2)


def test_cards_show_unknown_before_the_first_sample(parts: Parts) -> None:
    metrics = parts.panel.overview.metrics
    assert [card.value for card in (metrics.gpu, metrics.vram, metrics.cpu, metrics.memory)] == [UNKNOWN] * 4


def test_cards_show_the_sample(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    metrics = parts.panel.overview.metrics
    emit(qtbot, service, "telemetry", sample(GpuSample("RTX 4070", 18.2, 2 * GIB, 12 * GIB)))
    qtbot.waitUntil(lambda: metrics.cpu.value == "37 %")
    assert (metrics.gpu.value, metrics.gpu.detail) == ("18 %", "RTX 4070")
    assert (metrics.vram.value, metrics.vram.detail) == ("2.0 / 12.0 GiB", "10.0 GiB free")
    assert metrics.cpu.detail == "2 requests running · 42 tokens/s"
    assert (metrics.memory.value, metrics.memory.detail) == ("8.0 / 32.0 GiB", "Models use 2.0 GiB")


def test_curves_go_back_two_minutes_or_thirty(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    metrics = parts.panel.overview.metrics
    for number in range(3):
        emit(qtbot, service, "telemetry", replace(sample(), at=100.0 + number))
    emit(qtbot, service, "history", replace(sample(), at=0.0, cpu_percent=50.0))
    emit(qtbot, service, "history", replace(sample(), at=15.0, cpu_percent=75.0))
    qtbot.waitUntil(lambda: len(parts.link.state.history) == 2)
    qtbot.waitUntil(lambda: metrics.cpu.chart.text_at(0) == "" and metrics.cpu.value == "37 %")
    step = metrics.cpu.chart.width() / 119
    assert metrics.cpu.chart.text_at(metrics.cpu.chart.width() - 2 * step) == "37 % · 2 s ago"
    metrics.span.setCurrentIndex(1)
    assert metrics.cpu.chart.text_at(metrics.cpu.chart.width()) == "75 % · 0 s ago"
    assert metrics.cpu.chart.text_at(metrics.cpu.chart.width() - step) == "50 % · 15 s ago"
    assert metrics.cpu.value == "37 %", "the number is of now"
    metrics.span.setCurrentIndex(0)


def test_a_gpu_tells_warmth_power_and_what_models_hold(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    metrics = parts.panel.overview.metrics
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, card_bytes=GIB)]})
    emit(qtbot, service, "telemetry", sample(GpuSample("RTX 4070", 18.2, 2 * GIB, 12 * GIB, 61.4, 117.8)))
    qtbot.waitUntil(lambda: metrics.gpu.detail == "RTX 4070 · 61 °C · 118 W")
    assert metrics.vram.detail == "Models use 1.0 GiB · 10.0 GiB free"
    emit(qtbot, service, "telemetry", sample(GpuSample("Apple M1", 18.2, 2 * GIB, 16 * GIB, is_shared=True)))
    qtbot.waitUntil(lambda: metrics.vram.detail == "Shared with the system")


def test_without_a_gpu_the_card_says_so(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    metrics = parts.panel.overview.metrics
    emit(qtbot, service, "telemetry", sample())
    qtbot.waitUntil(lambda: metrics.cpu.value == "37 %")
    assert metrics.gpu.value == UNKNOWN
    assert not metrics.gpu.isVisible()
    assert not metrics.vram.isVisible()
    assert "CPU" in metrics.no_gpu.accessibleName()
    emit(qtbot, service, "telemetry", sample(GpuSample("RTX 4070", None, None, None)))
    qtbot.waitUntil(metrics.gpu.isVisible)
    assert (metrics.gpu.value, metrics.no_gpu.accessibleName()) == (UNKNOWN, "")


def test_a_gpu_that_is_gone_is_told_once_and_so_is_its_return(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    metrics, banner = parts.panel.overview.metrics, parts.panel.banner
    card = GpuSample("NVIDIA RTX 4070", 18.2, GIB, 12 * GIB)
    emit(qtbot, service, "telemetry", sample(card))
    qtbot.waitUntil(metrics.gpu.isVisible)
    emit(qtbot, service, "gpus", GpuNotice(("NVIDIA RTX 4070",)))
    emit(qtbot, service, "telemetry", sample())
    qtbot.waitUntil(lambda: not metrics.gpu.isVisible())
    sentence = "NVIDIA RTX 4070 does not answer any more: models run without it"
    assert metrics.no_gpu.accessibleName() == sentence
    title, told, hint = banner.text.splitlines()
    assert (title, told) == ("A graphics card is gone", sentence)
    assert ("modprobe" in hint) is (sys.platform == "linux")
    assert len(parts.problems) == 1
    emit(qtbot, service, "gpus", GpuNotice())
    emit(qtbot, service, "telemetry", sample(card))
    qtbot.waitUntil(metrics.gpu.isVisible)
    assert metrics.no_gpu.accessibleName() == ""
    assert parts.said == ["NVIDIA RTX 4070 is back"]
    assert len(parts.problems) == 1


def test_a_driver_that_does_not_say_is_unknown_and_the_busiest_gpu_counts(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    metrics = parts.panel.overview.metrics
    emit(qtbot, service, "telemetry", sample(GpuSample("a", None, None, None), GpuSample("b", 60.0, GIB, 2 * GIB)))
    qtbot.waitUntil(lambda: metrics.gpu.value == "60 %")
    assert metrics.vram.value == UNKNOWN


def test_loaded_model_with_unload(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    qtbot.waitUntil(lambda: len(parts.panel.overview.loaded.rows) == 1)
    row = parts.panel.overview.loaded.rows[0]
    row.unload.click()
    qtbot.waitUntil(lambda: len(service.seen("POST", "/engines/unload")) == 1)
    assert parts.panel.overview.loaded.rows == (row,)
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, state=RunnerState.STOPPING)]})
    qtbot.waitUntil(lambda: not row.unload.isEnabled())
    emit(qtbot, service, "runners", {"runners": []})
    qtbot.waitUntil(lambda: parts.panel.overview.loaded.rows == ())


def test_the_tcp_switch_as_a_command(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    card = parts.panel.overview.tcp
    for is_on, command in ((False, "dmr enable --tcp 12434"), (True, "dmr disable")):
        emit(qtbot, service, "tcp", TcpStatus(is_on, is_on, 12434))
        qtbot.waitUntil(lambda is_on=is_on: card.as_command.isEnabled() and card.switch.isChecked() is is_on)
        card.as_command.trigger()
        assert QGuiApplication.clipboard().text() == command


def test_tcp_switch_waits_for_the_service(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    card = parts.panel.overview.tcp
    card.switch.click()
    assert not card.switch.isChecked()
    assert not card.switch.isEnabled()
    qtbot.waitUntil(card.switch.isEnabled)
    assert not card.switch.isChecked()
    assert not card.copy_button.isEnabled()
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12434))
    qtbot.waitUntil(card.switch.isChecked)
    assert "http://localhost:12434/engines/v1" in card.sentence.text()
    card.copy_button.click()
    assert QGuiApplication.clipboard().text() == "http://localhost:12434/engines/v1"


def test_a_busy_port_is_named_and_the_next_one_offered(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    def refuse(request: SeenRequest) -> tuple[int, bytes]:
        if request.body.get("port") == 12435:
            service.emit("tcp", TcpStatus(True, True, 12435))
            return 200, b"{}"
        return 409, b"port 12434 is in use by nginx (pid 812)"

    service.on("PUT", "/settings/tcp", refuse)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    parts.panel.overview.tcp.switch.click()
    qtbot.waitUntil(parts.panel.banner.isVisible)
    assert "Port 12434 is in use by nginx (pid 812)" in parts.panel.banner.text
    button_called(parts.panel.banner, "Use 12435").click()
    qtbot.waitUntil(parts.panel.overview.tcp.switch.isChecked)
    assert not parts.panel.banner.isVisible()


def test_model_table(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    assert [cell(parts, row, Column.NAME) for row in range(2)] == ["ai/alpha:1B", "ai/zeta"]
    assert cell(parts, 0, Column.PARAMETERS) == "1.2 B"
    assert cell(parts, 0, Column.QUANTIZATION) == UNKNOWN
    assert cell(parts, 0, Column.SIZE) == "1.0 GiB"
    assert cell(parts, 1, Column.STATE) == "Not loaded"
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    qtbot.waitUntil(lambda: cell(parts, 1, Column.STATE) == "Loaded")
    parts.panel.models.table.sortByColumn(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert cell(parts, 0, Column.NAME) == "ai/zeta"


@pytest.mark.parametrize(
    ("column", "order"),
    [
        (Column.NAME, ["ai/m:2B", "ai/m:8B", "ai/m:14B"]),
        (Column.PARAMETERS, ["ai/m:8B", "ai/m:2B", "ai/m:14B"]),
        (Column.CONTEXT, ["ai/m:14B", "ai/m:2B", "ai/m:8B"]),
        (Column.USED, ["ai/m:14B", "ai/m:8B", "ai/m:2B"]),
    ],
)
def test_columns_are_sorted_by_what_their_texts_mean(
    qtbot: QtBot, parts: Parts, service: FakeService, column: Column, order: list[str]
) -> None:
    parts.panel.open_page("models")
    facts = (("8B", "800 M", 131072), ("14B", "14 B", 0), ("2B", "1.7B", 4096))
    models = [
        {
            "id": model_id,
            "tags": [f"docker.io/ai/m:{tag}"],
            "config": {"parameters": parameters, "context_size": context},
        }
        for model_id, (tag, parameters, context) in zip(IDS, facts, strict=False)
    ]
    emit(qtbot, service, "models", {"models": models})
    now = time.time()
    for number, (tag, ago) in enumerate((("2B", 60.0), ("8B", 3 * 86400.0))):
        emit(qtbot, service, "request", RequestNotice(f"r{number}", "done", f"ai/m:{tag}", "/x", now - ago))
    qtbot.waitUntil(lambda: len(parts.link.state.requests) == 2)
    qtbot.waitUntil(lambda: parts.panel.models.model.rowCount() == 3)
    parts.panel.models.table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert [cell(parts, row, Column.NAME) for row in range(3)] == order


def test_many_models_can_be_filtered(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("models")
    page = parts.panel.models
    many = [
        {"id": f"sha256:{number:064}", "tags": [f"docker.io/ai/m{number}:latest"], "config": {}} for number in range(20)
    ]
    emit(qtbot, service, "models", {"models": many[:15]})
    qtbot.waitUntil(lambda: page.model.rowCount() == 15)
    assert not page.filter.isVisible()
    emit(qtbot, service, "models", {"models": many})
    qtbot.waitUntil(page.filter.isVisible)
    page.table.selectRow(12)
    qtbot.waitActive(parts.panel)
    qtbot.keyClick(parts.panel, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(QApplication.focusWidget(), "I/M1")
    assert [cell(parts, row, Column.NAME) for row in (0, 1, 10)] == ["ai/m1", "ai/m10", "ai/m19"]
    assert page.selected is not None
    assert page.selected.name == "ai/m12"
    page.filter.setText("nothing of the kind")
    assert page.selected is None
    assert not page.load_button.isEnabled()
    assert page.empty.isVisible()
    assert page.empty.text == "No model has such a name"
    qtbot.keyClick(page.filter, Qt.Key.Key_Escape)
    assert page.filter.text() == ""
    assert page.table.hasFocus()
    assert page.selected is not None
    assert page.selected.name == "ai/m12", "it was the last one selected"


def test_a_new_list_stays_where_somebody_has_scrolled(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("models")
    many = [
        {"id": f"sha256:{number:064}", "tags": [f"docker.io/ai/m{number}:latest"], "config": {}} for number in range(60)
    ]
    emit(qtbot, service, "models", {"models": many})
    table = parts.panel.models.table
    qtbot.waitUntil(lambda: parts.panel.models.model.rowCount() == 60)
    table.selectRow(50)
    table.verticalScrollBar().setValue(10)
    emit(qtbot, service, "models", {"models": many[:59]})
    qtbot.waitUntil(lambda: parts.panel.models.model.rowCount() == 59)
    qtbot.wait(50)
    assert table.verticalScrollBar().value() == 10
    assert parts.panel.models.selected is not None
    assert parts.panel.models.selected.name == "ai/m50"


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "Sections"), (2, "Model to pull"), (3, "Your message"), (4, "Sections"), (6, "Sections")],
)
def test_a_shortcut_of_a_page_puts_the_focus_where_one_begins(
    qtbot: QtBot, parts: Parts, service: FakeService, number: int, name: str
) -> None:
    parts.panel.open_page("settings")
    show_models(qtbot, parts, service)
    parts.panel.open_page("settings")
    qtbot.waitActive(parts.panel)
    parts.panel.settings.port.setFocus()
    qtbot.keyClick(parts.panel, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget().accessibleName() == name


def test_news_is_seen_beside_a_problem(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    parts.panel.show_problem(Problem("Could not", "it broke"))
    parts.panel.models.table.selectRow(0)
    parts.panel.models.copy_button.click()
    assert parts.panel.news.isVisible()
    assert parts.panel.news.text == "ai/alpha:1B copied"
    assert parts.panel.banner.text == "Could not\nIt broke"


def test_selection_survives_a_new_list(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    page = parts.panel.models
    page.table.selectRow(1)
    more = [{"id": IDS[2], "tags": ["docker.io/ai/beta:latest"], "config": {}}, *MODELS]
    emit(qtbot, service, "models", {"models": more})
    qtbot.waitUntil(lambda: page.model.rowCount() == 3)
    assert page.selected is not None
    assert page.selected.name == "ai/zeta"


def test_load_and_unload_follow_the_selected_models_state(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    page = parts.panel.models
    page.table.selectRow(1)
    assert page.load_button.isEnabled()
    assert not page.unload_button.isEnabled()
    page.load_button.click()
    qtbot.waitUntil(lambda: len(service.seen("POST", "/engines/v1/chat/completions")) == 1)
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    qtbot.waitUntil(page.unload_button.isEnabled)
    assert not page.load_button.isEnabled()
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, active_requests=1)]})
    qtbot.waitUntil(lambda: not page.unload_button.isEnabled())


def test_delete_asks_first_and_says_what_happens(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    page = parts.panel.models
    qtbot.waitUntil(lambda: cell(parts, 1, Column.STATE) == "Loaded")
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
    page.table.selectRow(1)
    page.delete_button.click()
    (box,) = parts.panel.findChildren(QMessageBox)
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert box.text() == "Delete ai/zeta?"
    assert "3.0 GiB" in box.informativeText()
    assert "unloaded first" in box.informativeText()
    assert service.requests == []
    (delete,) = [button for button in box.buttons() if button.text() == "Delete"]
    parts.commands.deletions.undo_ms = 300
    delete.click()
    (row,) = page.deletions.rows
    assert row.undo.accessibleName() == "Keep ai/zeta"
    assert not page.delete_button.isEnabled()
    assert service.requests == []
    qtbot.waitUntil(lambda: len(service.seen("DELETE", "/models/docker.io/ai/zeta:latest")) == 1)
    assert page.deletions.rows == ()


def test_a_delete_can_be_undone_and_is_impossible_while_requests_run(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    show_models(qtbot, parts, service)
    page = parts.panel.models
    page.table.selectRow(1)
    parts.commands.deletions.undo_ms = 200
    page.delete_button.click()
    (box,) = parts.panel.findChildren(QMessageBox)
    next(button for button in box.buttons() if button.text() == "Delete").click()
    page.deletions.rows[0].undo.click()
    assert page.deletions.rows == ()
    qtbot.wait(400)
    assert service.requests == []
    assert page.delete_button.isEnabled()
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, active_requests=1)]})
    qtbot.waitUntil(lambda: not page.delete_button.isEnabled())


def test_an_empty_store_says_what_to_do(parts: Parts) -> None:
    parts.panel.open_page("models")
    assert any("Press" in label.text() or "press Pull" in label.text() for label in parts.panel.findChildren(QLabel))
    assert not parts.panel.models.delete_button.isEnabled()
    assert not parts.panel.models.field.button.isEnabled()


def test_a_lost_service_is_said_and_the_table_emptied(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    service.snapshot = replace(service.snapshot, models=tuple(MODELS))
    service.crash()
    qtbot.waitUntil(parts.panel.service_banner.isVisible)
    assert "restarted" in parts.panel.service_banner.text
    assert parts.panel.models.model.rowCount() == 0
    qtbot.waitUntil(lambda: not parts.panel.service_banner.isVisible(), timeout=5000)
    qtbot.waitUntil(lambda: parts.panel.models.model.rowCount() == 2)


def test_a_stopped_service_offers_start(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.stop()
    qtbot.waitUntil(parts.panel.service_banner.isVisible)
    button_called(parts.panel.service_banner, "Start service").click()
    qtbot.waitUntil(lambda: parts.link.state.is_connected, timeout=5000)
    qtbot.waitUntil(lambda: not parts.panel.service_banner.isVisible())


def test_integrations_follow_port_model_and_switch(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("integrations")
    page = parts.panel.integrations
    assert page.warning.isVisible()
    emit(qtbot, service, "models", {"models": MODELS})
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12777))
    qtbot.waitUntil(lambda: "http://localhost:12777/engines/llama.cpp/v1" in page.code.toPlainText())
    assert not page.warning.isVisible()
    page.models.setCurrentText("ai/alpha:1B")
    for row in range(page.programs.count()):
        page.programs.setCurrentRow(row)
        assert "ai/alpha:1B" in page.code.toPlainText() or page.snippet.title in ("Open WebUI", "Olla"), (
            page.snippet.title
        )
    page.copy_button.click()
    assert QGuiApplication.clipboard().text() == page.code.toPlainText()


def test_a_snippet_is_tried_as_its_program_would(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/engines/v1/chat/completions", 200, {"choices": [{"message": {"content": "Hello!"}}]})
    page = parts.panel.integrations
    parts.panel.open_page("integrations")
    assert not page.test_button.isEnabled()  # nothing to ask yet
    emit(qtbot, service, "models", {"models": MODELS})
    qtbot.waitUntil(lambda: page.models.currentText() == "ai/zeta")
    assert not page.test_button.isEnabled()  # n8n comes by TCP, which is off
    page.programs.setCurrentRow(page.programs.count() - 1)
    assert page.snippet.title == "curl"
    page.test_button.click()
    qtbot.waitUntil(lambda: "Hello!" in page.outcome.accessibleName())
    assert page.outcome.accessibleName().startswith("Works (")
    service.answer("POST", "/engines/v1/chat/completions", 507, {"error": {"message": "needs 9 GiB"}})
    page.test_button.click()
    qtbot.waitUntil(lambda: "needs 9 GiB" in page.outcome.accessibleName())
    assert page.outcome.accessibleName().startswith("507 (")


def test_a_closed_door_is_said(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = parts.panel.integrations
    parts.panel.open_page("integrations")
    emit(qtbot, service, "models", {"models": MODELS})
    emit(qtbot, service, "tcp", TcpStatus(True, True, port))
    qtbot.waitUntil(page.test_button.isEnabled)
    page.test_button.click()
    qtbot.waitUntil(lambda: page.outcome.accessibleName().startswith("No answer ("), timeout=10_000)


def test_a_hidden_panel_draws_nothing_and_catches_up_when_shown(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    parts.panel.hide()
    emit(qtbot, service, "telemetry", sample())
    qtbot.waitUntil(lambda: len(parts.link.state.telemetry) == 1)
    qtbot.wait(80)
    assert parts.panel.overview.metrics.cpu.value == UNKNOWN
    parts.panel.open_page("")
    assert parts.panel.overview.metrics.cpu.value == "37 %"


def test_what_a_user_should_know_of_a_runner_is_shown(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    facts = RunnerFacts(4096, 8192, 8, 32000, 576, "learned: hermes json", ("The NVIDIA card is not used: …",))
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, facts=facts)]})
    qtbot.waitUntil(lambda: len(parts.panel.overview.loaded.rows) == 1)
    [row] = parts.panel.overview.loaded.rows
    [note] = [label for label in row.findChildren(QLabel) if label.text() == "The NVIDIA card is not used: …"]
    qtbot.waitUntil(note.isVisible)
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, facts=replace(facts, notes=()))]})
    qtbot.waitUntil(lambda: not note.isVisible())


def test_foreign_text_is_never_markup(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    evil = "<b>bold</b><img src=x>"
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, model_name=evil)]})
    qtbot.waitUntil(lambda: len(parts.panel.overview.loaded.rows) == 1)
    for label in parts.panel.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText


@pytest.mark.parametrize("page", SECTIONS)
def test_every_focusable_widget_has_a_name(qtbot: QtBot, parts: Parts, service: FakeService, page: str) -> None:
    show_models(qtbot, parts, service)
    emit(qtbot, service, "request", RequestNotice("r", "done", "ai/zeta", "/v1/chat/completions", 1.0))
    qtbot.waitUntil(lambda: len(parts.link.state.requests) == 1)
    parts.panel.open_page(page)
    named = 0
    for widget in parts.panel.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled():
            interface = QAccessible.queryAccessibleInterface(widget)
            if type(widget).__name__ in ("QScrollBar", "QHeaderView"):
                continue
            assert interface.text(QAccessible.Text.Name), f"{type(widget).__name__} {widget.objectName()}"
            named += 1
    assert named >= 4


def test_the_window_is_as_large_as_it_was(qtbot: QtBot, parts: Parts, tmp_path: Path) -> None:
    panel = parts.panel
    panel.resize(panel.minimumWidth(), panel.minimumHeight() + 37)
    panel.hide()
    again = PanelWindow(parts.commands, parts.theme, parts.menu, parts.sources, Preferences(tmp_path))
    qtbot.addWidget(again)
    assert again.size() == panel.size()


def test_a_trial_that_is_stopped_is_no_failure(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    go = threading.Event()
    service.on("POST", "/engines/v1/chat/completions", lambda _: (go.wait(10), (200, b"{}"))[1])
    parts.panel.open_page("integrations")
    show_models(qtbot, parts, service)
    page = parts.panel.integrations
    parts.panel.open_page("integrations")
    page.programs.setCurrentRow(page.programs.count() - 1)
    assert page.snippet.title == "curl"
    qtbot.waitUntil(page.test_button.isEnabled)
    page.test_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("POST", "/engines/v1/chat/completions")))
    assert page.test_button.accessibleName() == "Stop"
    page.test_button.click()
    qtbot.waitUntil(lambda: not parts.sources.trial.is_running)
    go.set()
    assert page.outcome.accessibleName() == "Stopped"
    assert page.outcome.property("tone") == "dim"
    assert page.test_button.accessibleName() == "Make this call now"


def test_a_trial_that_lasts_too_long_says_what_to_do(
    qtbot: QtBot, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "TIMEOUT_MS", 100)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with qtbot.waitSignal(parts.sources.trial.ended) as ended:
            parts.sources.trial.start(trial.Try("/x", {}), silent.getsockname()[1])
    (outcome,) = ended.args
    assert "Load the model first" in outcome.text
    assert not outcome.is_cancelled


def test_the_wheel_scrolls_and_chooses_nothing(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12434))
    boxes = [*parts.panel.findChildren(QComboBox), *parts.panel.findChildren(QTabBar)]
    assert len(boxes) >= 9
    for page in SECTIONS:
        parts.panel.open_page(page)
        for box in boxes:
            before, middle = box.currentIndex(), box.rect().center()
            for turn in (-120, 120):
                event = QWheelEvent(
                    QPointF(middle),
                    QPointF(box.mapToGlobal(middle)),
                    QPoint(0, turn),
                    QPoint(0, turn),
                    Qt.MouseButton.NoButton,
                    Qt.KeyboardModifier.NoModifier,
                    Qt.ScrollPhase.NoScrollPhase,
                    False,
                )
                QApplication.sendEvent(box, event)
                assert box.currentIndex() == before, box.accessibleName()
    assert service.seen("PUT", "/settings/tcp") == []
