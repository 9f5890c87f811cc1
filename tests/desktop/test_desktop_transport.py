from pathlib import Path

import pytest
from PySide6.QtNetwork import QNetworkReply
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.transport import Transport, status_of
from tests.fakes.fake_service import FakeService


def finished(qtbot: QtBot, reply: QNetworkReply) -> QNetworkReply:
    qtbot.waitUntil(reply.isFinished)
    return reply


def test_it_still_connects_after_many_refusals(qtbot: QtBot, socket_dir: Path) -> None:
    """Qt alone gives up for good after the sixth."""
    transport = Transport(socket_dir / "dmr.sock")
    for _ in range(10):
        assert status_of(finished(qtbot, transport.send("GET", "/version"))) == 0
    service = FakeService(socket_dir / "dmr.sock").start()
    assert status_of(finished(qtbot, transport.send("GET", "/version"))) == 200
    service.crash()


def test_a_proxy_of_the_environment_is_not_asked(
    qtbot: QtBot, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    assert status_of(finished(qtbot, Transport(service.socket_path).send("GET", "/x"))) == 200


def test_redirects_are_not_followed(qtbot: QtBot, service: FakeService) -> None:
    service.answer("GET", "/x", 302)
    assert status_of(finished(qtbot, Transport(service.socket_path).send("GET", "/x"))) == 302


def test_six_streams_do_not_hold_commands_up(qtbot: QtBot, service: FakeService) -> None:
    streams, commands = Transport(service.socket_path), Transport(service.socket_path)
    replies = [streams.send("GET", "/events") for _ in range(6)]
    qtbot.waitUntil(lambda: service.num_listeners == 6)
    assert status_of(finished(qtbot, commands.send("GET", "/version"))) == 200
    for reply in replies:
        reply.abort()
