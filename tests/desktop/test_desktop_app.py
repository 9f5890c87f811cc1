"""The whole desktop in one process: quits, the missing tray, the second start, bugs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.app import Desktop
from dmr_desktop.desktop.instance import Instance, InstanceError
from dmr_desktop.settings import load_settings
from tests.fakes.desktop_parts import FakeLauncher
from tests.fakes.fake_service import FakeService


@pytest.fixture
def desktop(qtbot: QtBot, qapp: QApplication, service: FakeService, socket_dir: Path) -> Iterator[Desktop]:
    environ = {
        "MODEL_RUNNER_SOCK": str(service.socket_path),
        "DMR_STATE_DIR": str(socket_dir / "state"),
        "DMR_CONFIG_DIR": str(socket_dir / "config"),
    }
    instance = Instance(socket_dir, service.socket_path)
    assert instance.claim()
    made = Desktop(qapp, load_settings(environ), instance, FakeLauncher(service))
    made.start(is_hidden=True)
    qtbot.waitUntil(made.menu.tcp.isEnabled)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    yield made
    made.quit()
    made.panel.deleteLater()
    made.menu.deleteLater()
    made.deleteLater()


def test_hidden_start_makes_no_window(desktop: Desktop) -> None:
    assert desktop._panel is None


def test_a_hidden_desktop_has_nothing_measured(qtbot: QtBot, desktop: Desktop, service: FakeService) -> None:
    hidden, seen = "/events?telemetry=false", "/events"
    assert service.event_paths == [hidden]
    desktop.open_panel()
    qtbot.waitUntil(lambda: service.event_paths == [hidden, seen])
    desktop.panel.hide()
    desktop.open_panel()  # at once: nothing happens
    desktop.attention._linger.setInterval(10)
    desktop.panel.hide()
    qtbot.waitUntil(lambda: service.event_paths == [hidden, seen, hidden])
    desktop.menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: service.event_paths == [hidden, seen, hidden, seen])
    assert desktop.link.state.is_connected
    desktop.menu.aboutToHide.emit()
    qtbot.waitUntil(lambda: service.event_paths[4:] == [hidden])
    qtbot.waitUntil(lambda: desktop.link.state.is_connected)


def test_quitting_the_tray_keeps_the_service(qtbot: QtBot, desktop: Desktop, service: FakeService) -> None:
    with qtbot.waitSignal(desktop.ended):
        desktop.menu.quit.trigger()
    assert service.seen("POST", "/service/stop") == []
    qtbot.waitUntil(lambda: service.num_listeners == 0 or not service.requests)


def test_quit_and_stop_service_asks_the_service_first(qtbot: QtBot, desktop: Desktop, service: FakeService) -> None:
    with qtbot.waitSignal(desktop.ended):
        desktop.menu.quit_all.trigger()
    assert len(service.seen("POST", "/service/stop")) == 1


def test_a_service_that_will_not_stop_keeps_the_app_and_says_so(
    qtbot: QtBot, desktop: Desktop, service: FakeService
) -> None:
    service.answer("POST", "/service/stop", 500, "the runner does not end")
    desktop.open_panel()
    desktop.menu.quit_all.trigger()
    qtbot.waitUntil(desktop.panel.banner.isVisible)
    assert "The runner does not end" in desktop.panel.banner.text
    assert desktop.panel.isVisible()


def test_quitting_during_a_pull_asks_first(qtbot: QtBot, desktop: Desktop, service: FakeService) -> None:
    desktop.commands.pull("ai/gemma3")
    qtbot.waitUntil(lambda: len(service.pulls) == 1)
    desktop.menu.quit.trigger()
    (box,) = desktop.panel.findChildren(QMessageBox)
    assert "pulled" in box.text()
    (quit_button,) = [button for button in box.buttons() if button.text() == "Quit"]
    with qtbot.waitSignal(desktop.ended):
        quit_button.click()
    qtbot.waitUntil(service.pulls[0].left.is_set)


def test_without_a_tray_the_window_opens_says_so_and_closing_it_quits(
    qtbot: QtBot, desktop: Desktop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    desktop.tray._searches_left = 1
    desktop.tray.dock()
    qtbot.waitUntil(lambda: desktop.panel.isVisible())
    assert "No system tray" in desktop.panel.tray_note.text()
    assert "No system tray" in capsys.readouterr().out
    with qtbot.waitSignal(desktop.ended):
        desktop.panel.close()


def test_a_second_start_raises_the_panel(
    qtbot: QtBot, desktop: Desktop, service: FakeService, socket_dir: Path
) -> None:
    second = Instance(socket_dir, service.socket_path)
    assert not second.claim()
    assert second.raise_first()
    qtbot.waitUntil(lambda: desktop._panel is not None and desktop._panel.isVisible())


def test_another_service_has_an_instance_of_its_own(desktop: Desktop, socket_dir: Path) -> None:
    other = Instance(socket_dir, socket_dir / "other.sock")
    assert other.claim()
    other.release()


def test_after_a_quit_the_next_start_is_the_first(desktop: Desktop, service: FakeService, socket_dir: Path) -> None:
    desktop.quit()
    following = Instance(socket_dir, service.socket_path)
    assert following.claim()
    following.release()


def test_an_unusable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InstanceError, match="file"):
        Instance(tmp_path / "file" / "x", tmp_path / "s.sock")


def test_a_problem_nobody_sees_waits_in_the_panel(qtbot: QtBot, desktop: Desktop, service: FakeService) -> None:
    service.answer("PUT", "/settings/tcp", 409, "port 12434 is in use by nginx (pid 7)")
    desktop.menu.tcp.trigger()
    qtbot.waitUntil(lambda: "nginx" in desktop.panel.banner.text)
    desktop.open_panel()
    assert desktop.panel.banner.isVisible()


def test_a_bug_is_printed_and_shown(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    desktop.open_panel()
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        desktop.report_bug(*sys.exc_info())
    assert "RuntimeError: boom" in desktop.panel.banner.text
    assert "Traceback" in capsys.readouterr().err
