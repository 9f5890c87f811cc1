"""Joining, starting, losing and rejoining the service, over a real socket."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop import event_stream, link
from dmr_desktop.desktop.event_stream import EventStream
from dmr_desktop.desktop.link import MAX_STARTS, ServiceLink
from dmr_desktop.desktop.service_process import LaunchError
from dmr_desktop.desktop.state import Link
from dmr_desktop.desktop.transport import Transport
from dmr_desktop.protocol.notices import PullStatus, TcpStatus
from tests.fakes.desktop_parts import FakeLauncher
from tests.fakes.fake_service import FakeService

MakeLink = Callable[[FakeLauncher], ServiceLink]


@pytest.fixture
def make_link(qtbot: QtBot, socket_dir: Path) -> Iterator[MakeLink]:
    made: list[tuple[Transport, ServiceLink]] = []

    def make(launcher: FakeLauncher) -> ServiceLink:
        transport = Transport(socket_dir / "dmr.sock")
        made.append((transport, ServiceLink(EventStream(transport, transport), launcher, transport)))
        return made[-1][1]

    yield make
    for transport, service_link in made:
        service_link.close()
        transport.deleteLater()


def wait_for(qtbot: QtBot, service_link: ServiceLink, wanted: Link, timeout: int = 8000) -> None:
    qtbot.waitUntil(lambda: service_link.state.link is wanted, timeout=timeout)


def test_joins_a_running_service_without_starting_one(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    launcher = FakeLauncher()
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    assert joined.state.version == "0.1.0"
    assert launcher.starts == 0


def test_starts_an_absent_service(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    service.crash()
    launcher = FakeLauncher(service)
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.STARTING)
    wait_for(qtbot, joined, Link.CONNECTED)
    assert launcher.starts == 1


def test_a_burst_of_events_is_announced_together(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    joined = make_link(FakeLauncher())
    announced: list[object] = []
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    joined.changed.connect(announced.append)
    for done in range(2000):
        service.emit("pull", PullStatus("ai/x", "running", done, 2000))
    service.emit("tcp", TcpStatus(True, True, 12999))
    qtbot.waitUntil(lambda: joined.state.base_url is not None)
    assert joined.state.pulls[0].current_bytes == 1999
    assert len(announced) < 200


def test_a_killed_service_is_shown_and_restarted(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    launcher = FakeLauncher(service)
    joined = make_link(launcher)
    seen: list[Link] = []
    joined.changed.connect(lambda state: seen.append(state.link))
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    service.crash()
    wait_for(qtbot, joined, Link.LOST, timeout=2000)
    assert "restarted" in joined.state.fault
    wait_for(qtbot, joined, Link.CONNECTED, timeout=5000)
    assert launcher.starts == 1
    assert Link.LOST in seen


def test_a_stopped_service_is_left_alone_and_joined_when_it_is_back(
    qtbot: QtBot, service: FakeService, make_link: MakeLink
) -> None:
    launcher = FakeLauncher(service)
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.stop()
    wait_for(qtbot, joined, Link.STOPPED)
    assert launcher.starts == 0
    service.start()
    wait_for(qtbot, joined, Link.CONNECTED)
    assert launcher.starts == 0


def test_start_service_after_a_stop(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    launcher = FakeLauncher(service)
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.stop()
    wait_for(qtbot, joined, Link.STOPPED)
    joined.start_service()
    wait_for(qtbot, joined, Link.CONNECTED)
    assert launcher.starts == 1


def test_a_service_that_dies_at_once_shows_its_last_words(qtbot: QtBot, make_link: MakeLink) -> None:
    joined = make_link(FakeLauncher(words="config.toml: tcp_port 0 is not a port"))
    joined.join()
    wait_for(qtbot, joined, Link.FAILED)
    assert "ended right after its start" in joined.state.fault
    assert "tcp_port 0 is not a port" in joined.state.fault


def test_a_service_that_is_killed_while_it_starts_is_started_again(
    qtbot: QtBot, service: FakeService, make_link: MakeLink
) -> None:
    service.crash()
    launcher = FakeLauncher(service, kills=2)
    joined = make_link(launcher)
    shown: list[Link] = []
    joined.changed.connect(lambda state: shown.append(state.link))
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    assert launcher.starts == 3
    assert set(shown) <= {Link.STARTING, Link.CONNECTED}


def test_a_service_that_is_killed_again_and_again_while_it_starts_is_given_up(
    qtbot: QtBot, make_link: MakeLink
) -> None:
    launcher = FakeLauncher(kills=99)
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.FAILED)
    assert launcher.starts == MAX_STARTS
    assert "three times within a minute" in joined.state.fault


def test_a_start_that_finds_another_service_stopping_is_tried_again(
    qtbot: QtBot, make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "GRACE_AFTER_EXIT_MS", 50)
    launcher = FakeLauncher(is_outpaced=True)
    joined = make_link(launcher)
    joined.join()
    qtbot.waitUntil(lambda: launcher.starts >= MAX_STARTS + 1)
    assert joined.state.link is Link.STARTING


def test_a_service_that_cannot_be_started_says_why(qtbot: QtBot, make_link: MakeLink) -> None:
    class Broken(FakeLauncher):
        def start(self) -> None:
            raise LaunchError("The service cannot be started: disk full")

    joined = make_link(Broken())
    joined.join()
    wait_for(qtbot, joined, Link.FAILED)
    assert joined.state.fault == "The service cannot be started: disk full"


def test_a_service_that_never_answers_fails_in_time(
    qtbot: QtBot, make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "START_TIMEOUT_MS", 500)
    joined = make_link(FakeLauncher(is_running=True))
    joined.join()
    wait_for(qtbot, joined, Link.FAILED)
    assert "does not answer" in joined.state.fault


def test_crash_after_crash_stops_after_three_starts(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    launcher = FakeLauncher(service)
    joined = make_link(launcher)
    joined.join()
    for _ in range(MAX_STARTS + 1):
        wait_for(qtbot, joined, Link.CONNECTED)
        service.crash()
        qtbot.waitUntil(lambda: joined.state.link is not Link.CONNECTED)
    wait_for(qtbot, joined, Link.FAILED)
    assert launcher.starts == MAX_STARTS
    assert "three times" in joined.state.fault


def test_another_program_on_the_socket_is_named_and_nothing_started(
    qtbot: QtBot, service: FakeService, make_link: MakeLink
) -> None:
    service.events_status = 404
    launcher = FakeLauncher()
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.FAILED)
    assert "Another program answers" in joined.state.fault
    assert launcher.starts == 0


def test_a_service_of_another_version_is_named(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    joined = make_link(FakeLauncher())
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("tcp", {"enabled": True, "door": "open"})
    wait_for(qtbot, joined, Link.FAILED)
    assert "another version" in joined.state.fault


def test_after_a_sleep_the_service_is_asked_anew(qtbot: QtBot, service: FakeService, make_link: MakeLink) -> None:
    launcher = FakeLauncher()
    joined = make_link(launcher)
    joined.join()
    wait_for(qtbot, joined, Link.CONNECTED)
    service.snapshot = replace(service.snapshot, models_path="/elsewhere")
    joined.check()
    qtbot.waitUntil(lambda: joined.state.models_path == "/elsewhere")
    assert len(service.event_paths) == 2
    assert launcher.starts == 0


def test_silence_counts_as_lost(
    qtbot: QtBot, service: FakeService, make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SILENCE_TIMEOUT_MS", 200)
    launcher = FakeLauncher()
    joined = make_link(launcher)
    seen: list[str] = []
    joined.changed.connect(lambda state: seen.append(state.fault))
    joined.join()
    qtbot.waitUntil(lambda: "The service does not answer." in seen)
    assert launcher.starts == 0
