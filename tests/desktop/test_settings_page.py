"""The Settings page, the entry in the applications menu and the start with the session."""

import shlex
import subprocess
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.cli.parser import parse
from dmr_desktop.desktop.entry import (
    EntryPaths,
    entry_text,
    install_entry,
    remove_entry,
    start_with_session,
    starts_with_session,
)
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.settings import self_command
from tests.desktop.test_panel import emit
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService


@pytest.fixture
def paths(tmp_path: Path) -> EntryPaths:
    return EntryPaths.from_environment(
        {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    )


def test_nothing_starts_with_the_session_until_it_is_asked_for(paths: EntryPaths) -> None:
    assert not starts_with_session(paths)
    start_with_session(paths, True)
    assert starts_with_session(paths)
    assert f"Exec={' '.join(self_command('desktop', '--hidden'))}\n" in paths.autostart.read_text()
    start_with_session(paths, False)
    assert not paths.autostart.exists()


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_another_program_may_have_switched_it_off(paths: EntryPaths, line: str) -> None:
    start_with_session(paths, True)
    with paths.autostart.open("a") as file:
        file.write(f"{line}\n")
    assert not starts_with_session(paths)
    start_with_session(paths, True)
    assert starts_with_session(paths)


def test_an_unreadable_file_counts_as_off(paths: EntryPaths) -> None:
    paths.autostart.parent.mkdir(parents=True)
    paths.autostart.write_bytes(b"\xff\xfe nonsense")
    assert not starts_with_session(paths)


def test_entry_and_icon_come_and_go(paths: EntryPaths) -> None:
    install_entry(paths)
    assert paths.icon.read_bytes().startswith(b"<svg") or b"<svg" in paths.icon.read_bytes()
    assert "\nIcon=dmr-desktop\n" in paths.application.read_text()
    remove_entry(paths)
    remove_entry(paths)
    assert not paths.application.exists()
    assert not paths.icon.exists()


def test_a_command_with_blanks_is_quoted() -> None:
    assert 'Exec="/opt/my apps/python" -m x 100%%\n' in entry_text(["/opt/my apps/python", "-m", "x", "100%"])


def test_the_command_line_installs_and_removes_the_entry(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(self_command("desktop", "--install-entry"), env=environ, check=True, timeout=30)
    entry = tmp_path / ".local/share/applications/dmr-desktop.desktop"
    assert entry.exists()
    subprocess.run(self_command("desktop", "--remove-entry"), env=environ, check=True, timeout=30)
    assert not entry.exists()


def test_what_the_settings_do_as_commands(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    emit(qtbot, service, "containers", TcpStatus(True, True, 12434))
    parts.panel.open_page("settings")
    page = parts.panel.settings
    qtbot.waitUntil(page.containers.isChecked)
    page.port.setText("12999")
    page.origins.setCurrentIndex(page.origins.findData("list"))
    page.origin_list.setText("https://a.example, https://b.example")
    for entry, command in (
        (page.port_as_command, "dmr enable --tcp 12999"),
        (page.origins_as_command, "dmr enable --cors https://a.example,https://b.example"),
        (page.containers_as_command, "dmr disable --containers"),
    ):
        entry.trigger()
        assert QGuiApplication.clipboard().text() == command
        parse(shlex.split(command)[1:])
    for kind, word in (("all", "all"), ("none", "none")):
        page.origins.setCurrentIndex(page.origins.findData(kind))
        page.origins_as_command.trigger()
        assert QGuiApplication.clipboard().text() == f"dmr enable --cors {word}"


def test_the_port_is_changed_by_the_service(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("settings")
    page = parts.panel.settings
    assert page.port.text() == "12434"
    assert not page.port_button.isEnabled()
    page.port.setText("0")
    assert not page.port_button.isEnabled()
    page.port.setText("12999")
    page.port_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/tcp")))
    assert service.seen("PUT", "/settings/tcp")[0].body == {"enabled": False, "port": 12999}


def test_web_pages_get_in_when_the_service_says_so(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("settings")
    page = parts.panel.settings
    service.emit("tcp", TcpStatus(True, True, 12434))
    qtbot.waitUntil(lambda: parts.link.state.base_url is not None)

    def choose(kind: str) -> None:
        page.origins.setCurrentIndex(page.origins.findData(kind))
        page.origins.activated.emit(page.origins.currentIndex())

    def asked() -> list[object]:
        return [request.body for request in service.seen("PUT", "/settings/tcp")]

    choose("all")
    qtbot.waitUntil(lambda: asked() == [{"enabled": True, "origins": ["*"]}])
    service.emit("tcp", TcpStatus(True, True, 12434, origins=("*",)))
    qtbot.waitUntil(lambda: "Any web page" in page.origins_sentence.text())
    choose("list")
    assert page.origin_list.isVisible()
    assert not page.origin_button.isEnabled()
    page.origin_list.setText("https://a.example, https://b.example:8443")
    page.origin_button.click()
    qtbot.waitUntil(lambda: len(asked()) == 2)
    assert asked()[1] == {"enabled": True, "origins": ["https://a.example", "https://b.example:8443"]}
    service.emit("tcp", TcpStatus(True, True, 12434, origins=("https://a.example", "https://b.example:8443")))
    qtbot.waitUntil(lambda: "These web pages" in page.origins_sentence.text())
    assert not page.origin_button.isEnabled()
    service.emit("tcp", TcpStatus(True, True, 12434))
    qtbot.waitUntil(lambda: page.origins.currentData() == "none")
    assert not page.origin_list.isVisible()


def test_containers_get_in_when_the_service_says_so(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("settings")
    page = parts.panel.settings
    assert not page.containers.isEnabled()  # a service that does not say
    service.emit("containers", TcpStatus(False, False, 12434))
    qtbot.waitUntil(page.containers.isEnabled)
    page.containers.click()
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/containers")))
    assert service.seen("PUT", "/settings/containers")[0].body == {"enabled": True}
    assert not page.containers.isChecked()
    service.emit("containers", TcpStatus(True, True, 12434, ("172.17.0.1",)))
    qtbot.waitUntil(page.containers.isChecked)
    assert "172.17.0.1:12434" in page.containers_sentence.text()


def test_the_look_is_chosen(parts: Parts) -> None:
    parts.panel.open_page("settings")
    page = parts.panel.settings
    for choice in ("dark", "light"):
        page.look.setCurrentIndex(page.look.findData(choice))
        page.look.activated.emit(page.look.currentIndex())
        assert parts.theme.choice == choice


def test_the_switch_shows_what_the_files_say(parts: Parts, paths: EntryPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    page = parts.panel.settings
    monkeypatch.setattr(page, "_paths", paths)
    parts.panel.open_page("settings")
    assert not page.autostart.isChecked()
    page.autostart.click()
    assert page.autostart.isChecked()
    assert paths.autostart.exists()
    paths.autostart.unlink()
    paths.autostart.parent.rmdir()
    paths.autostart.parent.parent.joinpath("autostart").write_text("a file where the folder should be")
    page.autostart.click()
    assert not page.autostart.isChecked()
    assert parts.problems
