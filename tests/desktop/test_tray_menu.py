"""The menu that tray and panel share."""

from dataclasses import replace

from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.state import Link
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

RUNNER = RunnerStatus("llama.cpp", "sha256:" + "a" * 64, "ai/smollm2", Mode.COMPLETION, RunnerState.READY)
OTHER = replace(RUNNER, model_id="sha256:" + "b" * 64, model_name="ai/a&b")


def emit(qtbot: QtBot, service: FakeService, name: str, data: object) -> None:
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit(name, data)


def test_order_and_words(parts: Parts) -> None:
    texts = [action.text() for action in parts.menu.actions() if action.isVisible() and not action.isSeparator()]
    assert texts == [
        "Ready, no model loaded",
        "Open panel",
        "No model loaded",
        "TCP host access (localhost:12434)",
        "Copy base URL",
        "Appearance",
        "Quit tray (keep service running)",
        "Quit and stop service",
    ]


def test_loaded_models_have_a_submenu_each(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    emit(qtbot, service, "runners", {"runners": [RUNNER, OTHER]})
    qtbot.waitUntil(lambda: len(parts.menu.model_menus) == 2)
    assert [menu.title() for menu in parts.menu.model_menus] == ["ai/smollm2 – Loaded", "ai/a&&b – Loaded"]
    assert not parts.menu.no_models.isVisible()
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
    parts.menu.model_menus[1].actions()[0].trigger()
    qtbot.waitUntil(lambda: len(service.requests) == 1)
    assert service.requests[0].body["models"] == [OTHER.model_id]
    assert len(parts.menu.model_menus) == 2, "the menu waits for the event"
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    qtbot.waitUntil(lambda: len(parts.menu.model_menus) == 1)


def test_submenus_are_kept_while_the_set_stays(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    emit(qtbot, service, "runners", {"runners": [RUNNER]})
    qtbot.waitUntil(lambda: len(parts.menu.model_menus) == 1)
    menu = parts.menu.model_menus[0]
    emit(qtbot, service, "runners", {"runners": [replace(RUNNER, active_requests=1)]})
    qtbot.waitUntil(lambda: menu.title() == "ai/smollm2 – Busy")
    assert parts.menu.model_menus == (menu,)
    assert not menu.actions()[0].isEnabled()


def test_tcp_toggle_shows_the_event_not_the_click(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.menu.tcp.trigger()
    assert not parts.menu.tcp.isChecked()
    qtbot.waitUntil(lambda: len(service.requests) == 1)
    assert service.requests[0].body == {"enabled": True}
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12500))
    qtbot.waitUntil(parts.menu.tcp.isChecked)
    assert parts.menu.tcp.text() == "TCP host access (localhost:12500)"
    assert parts.panel.overview.tcp.switch.isChecked()
    assert parts.menu.copy_url.isEnabled()


def test_a_busy_port_is_named_in_the_status_line(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    emit(qtbot, service, "tcp", TcpStatus(True, False, 12434, error="port 12434 is in use by nginx (pid 7)"))
    qtbot.waitUntil(lambda: "nginx" in parts.menu.status.text())
    assert parts.menu.tcp.text().endswith("not open")
    assert not parts.menu.copy_url.isEnabled()


def test_without_a_service_there_is_start_and_no_toggle(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.launcher.service = None
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.stop()
    qtbot.waitUntil(parts.menu.start.isVisible)
    assert parts.link.state.link is Link.STOPPED
    assert not parts.menu.tcp.isEnabled()
    assert not parts.menu.tcp.isChecked()


def test_quits_say_what_they_do(qtbot: QtBot, parts: Parts) -> None:
    with qtbot.waitSignal(parts.commands.quit_wanted, check_params_cb=lambda stop: stop is False):
        parts.menu.quit.trigger()
    with qtbot.waitSignal(parts.commands.quit_wanted, check_params_cb=lambda stop: stop is True):
        parts.menu.quit_all.trigger()
