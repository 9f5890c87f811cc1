"""Who reaches the TCP door: asked about, shown as the service says, with a key that is shown once."""

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.network_addresses import read_addresses
from dmr_desktop.desktop.panel.key_dialog import KeyDialog
from dmr_desktop.desktop.panel.network_dialog import NetworkDialog
from dmr_desktop.desktop.panel.network_row import NetworkRow
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.wording import tooltip
from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus
from tests.desktop.test_panel import emit
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

ADDRESS = "192.168.1.20"
SHUT = TcpStatus(True, True, 12434, ("127.0.0.1",))
OPEN = TcpStatus(True, True, 12434, ("127.0.0.1",), network=NetworkStatus(True, (ADDRESS,), "", "stored"))


@pytest.fixture
def row(qtbot: QtBot, parts: Parts, service: FakeService) -> NetworkRow:
    service.answer("GET", "/settings", 200, {"network_addresses": [ADDRESS, "fd00::7"]})
    parts.panel.open_page("settings")
    emit(qtbot, service, "tcp", SHUT)
    found = parts.panel.settings.network
    qtbot.waitUntil(found.reach.isEnabled)
    return found


def choose(row: NetworkRow, *, is_wide: bool) -> None:
    index = row.reach.findData(is_wide)
    row.reach.setCurrentIndex(index)
    row.reach.activated.emit(index)


def dialogs(parts: Parts) -> list[QDialog]:
    return [found for found in parts.panel.findChildren(QDialog) if found.isVisible()]


def test_nothing_is_asked_of_the_service_before_the_user_agreed(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    choose(row, is_wide=True)
    (dialog,) = dialogs(parts)
    assert isinstance(dialog, NetworkDialog)
    assert row.reach.currentData() is False, "the row shows what is true"
    qtbot.waitUntil(lambda: f"{ADDRESS}:12434 · [fd00::7]:12434" in dialog.where.text())
    dialog.command_button.click()
    assert QGuiApplication.clipboard().text() == "dmr enable --lan"
    assert dialog.no_button.isDefault()
    dialog.no_button.click()
    assert not service.seen("PUT", "/settings/tcp")
    assert dialogs(parts) == []


def test_a_key_is_made_with_it_and_shown_once(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    service.answer("PUT", "/settings/tcp", 200, {"api_key": "dmr-secret"})
    choose(row, is_wide=True)
    (dialog,) = dialogs(parts)
    assert isinstance(dialog, NetworkDialog)
    dialog.yes_button.click()
    qtbot.waitUntil(lambda: any(isinstance(found, KeyDialog) for found in dialogs(parts)))
    assert service.seen("PUT", "/settings/tcp")[0].body == {"enabled": True, "network": True, "new_key": True}
    (shown,) = dialogs(parts)
    assert isinstance(shown, KeyDialog)
    assert shown.field.text() == "dmr-secret"
    shown.copy_button.click()
    assert QGuiApplication.clipboard().text() == "dmr-secret"
    assert parts.said[-1] == "API key copied"
    assert not any("dmr-secret" in said for said in parts.said)
    shown.close_button.click()
    qtbot.waitUntil(lambda: not parts.panel.findChildren(KeyDialog))


def test_it_is_shown_everywhere_and_shut_out_without_a_question(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    emit(qtbot, service, "tcp", OPEN)
    qtbot.waitUntil(lambda: row.reach.currentData() is True)
    assert f"{ADDRESS}:12434" in row.sentence.text()
    assert "local network" in parts.panel.settings.tcp.sentence.text()
    assert "local network" in parts.menu.tcp.text()
    assert "port 12434 open to the local network" in tooltip(parts.link.state)
    row.copy_button.click()
    assert QGuiApplication.clipboard().text() == f"http://{ADDRESS}:12434/engines/v1"
    row.as_command.trigger()
    assert QGuiApplication.clipboard().text() == "dmr disable --lan"
    choose(row, is_wide=False)
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/tcp")))
    assert service.seen("PUT", "/settings/tcp")[0].body == {"enabled": True, "network": False, "new_key": False}
    assert dialogs(parts) == []


def test_a_new_key_is_asked_about(qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow) -> None:
    service.answer("PUT", "/settings/tcp", 200, {"api_key": "dmr-other"})
    emit(qtbot, service, "tcp", OPEN)
    qtbot.waitUntil(row.key_button.isVisible)
    row.key_button.click()
    (dialog,) = dialogs(parts)
    assert isinstance(dialog, NetworkDialog)
    dialog.command_button.click()
    assert QGuiApplication.clipboard().text() == "dmr enable --lan --new-key"
    dialog.yes_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/tcp")))
    assert service.seen("PUT", "/settings/tcp")[0].body == {"enabled": True, "network": True, "new_key": True}


def test_a_key_that_exists_is_kept(qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow) -> None:
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12434, network=NetworkStatus(key="stored")))
    qtbot.waitUntil(lambda: parts.link.state.tcp is not None and parts.link.state.tcp.network.key == "stored")
    choose(row, is_wide=True)
    (dialog,) = dialogs(parts)
    assert isinstance(dialog, NetworkDialog)
    dialog.yes_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/tcp")))
    assert service.seen("PUT", "/settings/tcp")[0].body == {"enabled": True, "network": True, "new_key": False}
    qtbot.waitUntil(row.reach.isEnabled)
    assert dialogs(parts) == []


def test_a_refusal_is_a_problem_and_the_row_says_what_is_true(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    service.answer("PUT", "/settings/tcp", 409, f"{ADDRESS}: port 12434 is in use by nginx (process 7)")
    choose(row, is_wide=True)
    (dialog,) = dialogs(parts)
    assert isinstance(dialog, NetworkDialog)
    dialog.yes_button.click()
    qtbot.waitUntil(lambda: bool(parts.problems))
    assert "nginx" in parts.panel.banner.text
    assert parts.panel.banner.buttons == (), "another port would not be about this"
    qtbot.waitUntil(row.reach.isEnabled)
    assert row.reach.currentData() is False


def test_it_cannot_be_opened_while_tcp_is_off(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    emit(qtbot, service, "tcp", TcpStatus(False, False, 12434))
    qtbot.waitUntil(lambda: not row.reach.isEnabled())
    assert not row.key_button.isVisible()
    row.render_state(DesktopState())
    assert not row.as_command.isEnabled()


def test_a_key_of_the_settings_is_not_replaced_here(
    qtbot: QtBot, parts: Parts, service: FakeService, row: NetworkRow
) -> None:
    network = NetworkStatus(True, (), "this computer is in no local network at the moment", "settings")
    emit(qtbot, service, "tcp", TcpStatus(True, True, 12434, network=network))
    qtbot.waitUntil(lambda: "no local network" in row.sentence.text())
    assert row.sentence.property("tone") == "error"
    assert not row.key_button.isEnabled()
    assert not row.copy_button.isEnabled()


@pytest.mark.parametrize("answer", [None, [], {}, {"network_addresses": "x"}])
def test_answers_that_tell_nothing(answer: object) -> None:
    assert read_addresses(answer) is None
