"""The real program as a StatusNotifierItem: a session bus, a host on it, and what a panel sees and clicks there."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dmr_desktop.protocol.notices import PullStatus, TcpStatus
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from tests.fakes.desktop_program import (
    LOOKS,
    choose_look,
    close_panel,
    ended,
    needs,
    own_environ,
    panel_has_look,
    program,
    until,
    visible_panels,
    x_display,
)
from tests.fakes.fake_service import FakeService

pytest.importorskip("jeepney")
from tests.fakes.notifier_host import Bus, NotifierHost

pytestmark = [
    pytest.mark.slow,
    pytest.mark.qt,
    needs("Xvfb", "dbus-daemon", "xdotool", "import"),
]

BLUE, ORANGE = "#3a6fe8", "#e0562b"
RUNNER = RunnerStatus("llama.cpp", "sha256:" + "a" * 64, "ai/smol_lm2", Mode.COMPLETION, RunnerState.READY)


@pytest.fixture
def display() -> Iterator[str]:
    with x_display() as name:
        yield name


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus()
    yield made
    made.close()


@pytest.fixture
def environ(socket_dir: Path, service: FakeService, display: str, bus: Bus) -> dict[str, str]:
    return own_environ(socket_dir, service.socket_path, bus.address) | {"DISPLAY": display}


def labels(host: NotifierHost) -> list[str]:
    return [entry.label for entry in host.menu()]


@pytest.mark.parametrize("scale", ["1", "2"])
@pytest.mark.parametrize("look", LOOKS)
def test_item_icon_tool_tip_menu_and_clicks(
    service: FakeService, environ: dict[str, str], display: str, bus: Bus, socket_dir: Path, look: str, scale: str
) -> None:
    choose_look(socket_dir, look)
    with (
        NotifierHost(bus.address) as host,
        program("--hidden", environ=environ | {"QT_SCALE_FACTOR": scale}) as process,
    ):
        until(lambda: len(host.items) == 1)
        assert (host.property("Id"), host.property("Status")) == ("dmr-desktop", "Active")
        assert host.property("Category") == "ApplicationStatus"
        assert host.property("ItemIsMenu") is False
        until(lambda: host.tool_tip() == "DMR Desktop: Ready, no model loaded")
        assert {pixmap.width for pixmap in host.pixmaps()} >= {16, 22, 24, 32, 48}
        assert all(pixmap.width == pixmap.height and pixmap.count(BLUE) for pixmap in host.pixmaps())
        assert visible_panels(display) == 0

        assert labels(host)[:3] == ["Ready, no model loaded", "Open panel", "No model loaded"]
        until(lambda: service.num_listeners == 2)  # an open menu asks for telemetry: a new stream of events

        service.emit("runners", {"runners": [RUNNER]})
        until(lambda: "ai/smol_lm2 – Loaded" in labels(host))
        service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
        host.click("Unload")
        until(lambda: len(service.seen("POST", "/engines/unload")) == 1)

        host.click("TCP host access (localhost:12434)")
        until(lambda: [request.body for request in service.seen("PUT", "/settings/tcp")] == [{"enabled": True}])
        service.emit("tcp", TcpStatus(True, True, 12500))
        until(lambda: host.tool_tip() == "DMR Desktop: Ready, 1 model loaded · port 12500 open")
        (tcp,) = [entry for entry in host.menu() if entry.label == "TCP host access (localhost:12500)"]
        assert tcp.toggled is True

        before = host.pixmaps()
        service.emit("pull", PullStatus("docker.io/ai/gemma3:latest", "running", 1, 4))
        until(lambda: host.tool_tip().startswith("DMR Desktop: Pulling ai/gemma3 · 25 %"))
        assert host.pixmaps() != before
        service.emit("pull", PullStatus("docker.io/ai/gemma3:latest", "done", 4, 4))
        service.emit("runners", {"runners": [replace(RUNNER, state=RunnerState.FAILED, error="out of memory")]})
        until(lambda: all(pixmap.count(ORANGE) and not pixmap.count(BLUE) for pixmap in host.pixmaps()))
        assert "out of memory" in host.tool_tip()

        host.activate()
        until(lambda: visible_panels(display) == 1)
        until(lambda: panel_has_look(display, look))
        close_panel(display)
        until(lambda: visible_panels(display) == 0)
        assert len(host.items) == 1
        assert ended_quietly(environ)
        until(lambda: visible_panels(display) == 1)
        host.click("Quit tray (keep service running)")
        assert ended(process) == (0, "")
        until(lambda: host.items == ())
        assert service.seen("POST", "/service/stop") == []


def test_a_panel_that_comes_up_after_the_app_gets_the_icon(environ: dict[str, str], bus: Bus, display: str) -> None:
    """At login the app may come first, then the watcher, then its panel."""
    with program("--hidden", environ=environ) as process:
        time.sleep(3)
        with NotifierHost(bus.address, has_host=False) as host:
            time.sleep(2.5)
            assert host.items == ()
            host.announce()
            until(lambda: len(host.items) == 1)
            assert visible_panels(display) == 0
            process.send_signal(signal.SIGTERM)
            assert ended(process) == (0, "")


def test_a_panel_that_was_restarted_gets_the_icon_again(environ: dict[str, str], bus: Bus) -> None:
    with program("--hidden", environ=environ):
        with NotifierHost(bus.address) as host:
            until(lambda: len(host.items) == 1)
        with NotifierHost(bus.address) as host:
            until(lambda: len(host.items) == 1)
            until(lambda: "Ready" in host.tool_tip())
            host.click("Open panel")
            until(lambda: visible_panels(environ["DISPLAY"]) == 1)


def ended_quietly(environ: dict[str, str]) -> bool:
    """A second start only raises the first."""
    with program("--hidden", environ=environ) as second:
        return ended(second) == (0, "DMR Desktop runs already; its panel was opened.\n")
