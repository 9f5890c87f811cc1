"""The real program on a real X display with a real tray (Xvfb and trayer), and on none at all."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from dmr_desktop.settings import self_command
from tests.fakes.desktop_program import (
    LOOKS,
    choose_look,
    close_panel,
    ended,
    needs,
    on_display,
    own_environ,
    panel_has_look,
    panel_width,
    picture,
    until,
    visible_panels,
    x_display,
)
from tests.fakes.fake_service import FakeService

needs_x = needs("Xvfb", "trayer", "xdotool", "import")
pytestmark = [pytest.mark.slow, pytest.mark.qt]

TRAY_HEIGHT = 28
BLUE, ORANGE = QColor("#3a6fe8"), QColor("#e0562b")
RUNNER = RunnerStatus("llama.cpp", "sha256:" + "a" * 64, "ai/smollm2", Mode.COMPLETION, RunnerState.READY)


@dataclass
class Screen:
    """An X display with a tray at its upper right corner."""

    display: str

    def tray_pixels(self, color: QColor) -> list[tuple[int, int]]:
        """Where the tray shows ``color``."""
        image = picture(self.display)
        columns = range(image.width() - 200, image.width())
        return [(x, y) for x in columns for y in range(TRAY_HEIGHT) if image.pixelColor(x, y) == color]

    def tray_colors(self) -> int:
        """How many colours the icon is drawn in."""
        image, places = picture(self.display), self.tray_pixels(BLUE)
        columns = range(min(x for x, _ in places), max(x for x, _ in places) + 1)
        return len({image.pixel(x, y) for x in columns for y in range(TRAY_HEIGHT)})

    def click_tray(self, button: int, color: QColor = BLUE) -> None:
        pixels = self.tray_pixels(color)
        x, y = pixels[len(pixels) // 2]
        on_display(self.display, "xdotool", "mousemove", str(x), str(y), "click", str(button))


def changed(before: QImage, after: QImage) -> float:
    """Which share of the screen differs, 0..1."""
    places = [(x, y) for x in range(0, before.width(), 8) for y in range(0, before.height(), 8)]
    return sum(before.pixel(x, y) != after.pixel(x, y) for x, y in places) / len(places)


@pytest.fixture
def look() -> str:
    return "light"


@pytest.fixture
def screen(look: str) -> Iterator[Screen]:
    with x_display() as display:
        ground = "0xffffff" if look == "light" else "0x101010"
        command = ["trayer", "--edge", "top", "--align", "right", "--widthtype", "request", "--transparent", "true"]
        size = ["--alpha", "0", "--tint", ground, "--height", str(TRAY_HEIGHT)]
        environ = {**os.environ, "DISPLAY": display}
        tray = subprocess.Popen([*command, *size], env=environ, stderr=subprocess.DEVNULL)
        try:
            until(lambda: on_display(display, "xdotool", "search", "--name", "^panel$"))
            yield Screen(display)
        finally:
            tray.terminate()
            tray.wait(10)


@pytest.fixture
def environ(socket_dir: Path, service: FakeService) -> dict[str, str]:
    """No session bus, so the tray is XEmbed's."""
    return own_environ(socket_dir, service.socket_path)


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start_desktop(*arguments: str, **extra: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self_command("desktop", *arguments),
            env=environ | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start_desktop
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@needs_x
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("look", LOOKS)
def test_icon_panel_menu_states_second_start_and_sigterm(
    screen: Screen,
    service: FakeService,
    start: Callable[..., "subprocess.Popen[str]"],
    socket_dir: Path,
    look: str,
    scale: int,
) -> None:
    choose_look(socket_dir, look)
    display = screen.display
    first = start("--hidden", DISPLAY=display, QT_SCALE_FACTOR=str(scale))
    until(lambda: len(screen.tray_pixels(BLUE)) > 100)
    assert screen.tray_colors() >= 3
    assert visible_panels(display) == 0

    screen.click_tray(1)
    until(lambda: visible_panels(display) == 1)
    until(lambda: service.num_listeners == 2)  # an open panel asks for telemetry: a new stream of events
    until(lambda: panel_has_look(display, look))
    assert panel_width(display) == 1080 * scale
    close_panel(display)
    until(lambda: visible_panels(display) == 0)

    before = picture(display)
    menu_share = 0.01 * scale  # a tool tip is smaller
    screen.click_tray(3)
    until(lambda: changed(before, picture(display)) > menu_share)
    on_display(display, "xdotool", "key", "Escape")
    until(lambda: changed(before, picture(display)) < menu_share)

    failed = replace(RUNNER, state=RunnerState.FAILED, error="out of memory")
    service.snapshot = replace(service.snapshot, runners=(failed,))  # the closed menu begins a new stream of events
    service.emit("runners", {"runners": [failed]})
    until(lambda: len(screen.tray_pixels(ORANGE)) > 60 and not screen.tray_pixels(BLUE))

    assert ended(start(DISPLAY=display)) == (0, "DMR Desktop runs already; its panel was opened.\n")
    until(lambda: visible_panels(display) == 1)

    first.send_signal(signal.SIGTERM)
    assert ended(first) == (0, "")
    until(lambda: screen.tray_pixels(ORANGE) == [])


@needs_x
def test_a_killed_service_turns_the_icon_within_two_seconds(
    screen: Screen, service: FakeService, start: Callable[..., "subprocess.Popen[str]"], socket_dir: Path
) -> None:
    start("--hidden", DISPLAY=screen.display)
    until(lambda: service.num_listeners == 1)
    until(lambda: len(screen.tray_pixels(BLUE)) > 100)
    # The service that is started instead must not outlive this test: let it stumble over its settings.
    config = socket_dir / ".config" / "dmr-desktop"
    config.mkdir(parents=True)
    (config / "config.toml").write_text("tcp_port = 0\n")
    service.crash()
    until(lambda: len(screen.tray_pixels(ORANGE)) > 60, seconds=2.5)
    output = socket_dir / ".local" / "state" / "dmr-desktop" / "logs" / "service.out"
    until(lambda: output.exists() and "tcp_port 0 is not a port" in output.read_text())


def headless_service(service: FakeService) -> None:
    service.answer("GET", "/version", 200, {"version": "0.1.0"})
    service.answer("GET", "/settings", 200, {"tcp": {"enabled": True, "listening": True, "port": 12500}})


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({}, "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"DISPLAY": ":4242"}, "the X display :4242 does not answer"),
        ({"WAYLAND_DISPLAY": "wayland-7"}, "the Wayland display wayland-7 does not answer"),
    ],
)
def test_without_a_display_it_says_so_and_how_to_reach_the_service(
    service: FakeService, start: Callable[..., "subprocess.Popen[str]"], extra: dict[str, str], reason: str
) -> None:
    headless_service(service)
    code, output = ended(start(**extra))
    assert code == 0
    assert output.splitlines()[0] == f"No window can be shown here: {reason}."
    assert str(service.socket_path) in output
    assert "http://localhost:12500/engines/v1" in output


def test_a_bad_setting_is_named(start: Callable[..., "subprocess.Popen[str]"]) -> None:
    code, output = ended(start(MODEL_RUNNER_PORT="0"))
    assert code == 2
    assert "tcp_port 0 is not a port" in output
