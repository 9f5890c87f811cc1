"""The desktop as a program of its own, with nothing of the user's around it, and an X display for it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from dmr_desktop.desktop.tokens import DARK, LIGHT, Tokens
from dmr_desktop.settings import self_command

LOOKS: dict[str, Tokens] = {"light": LIGHT, "dark": DARK}


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Polls from outside, as another process must."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def own_environ(home: Path, socket_path: Path, bus: str = "") -> dict[str, str]:
    """``bus`` is the address of a session bus, "" for none."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LD_LIBRARY_PATH")}
    return kept | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "MODEL_RUNNER_SOCK": str(socket_path),
        "DBUS_SESSION_BUS_ADDRESS": bus or f"unix:path={home}/nobody",
        "NO_AT_BRIDGE": "1",
    }


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips where one of them is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (see docs/desktop.md)")


@contextmanager
def x_display() -> Iterator[str]:
    """An empty X display, e.g. ``:99``, with room for a panel at double size.

    It stays as it is when its last client leaves: a reset would turn a client away that just comes.
    """
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "2560x1600x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


def on_display(display: str, *command: str) -> bytes:
    """What an X program says there."""
    environ = {**os.environ, "DISPLAY": display}
    return subprocess.run(command, env=environ, capture_output=True, timeout=10, check=False).stdout


def picture(display: str) -> QImage:
    return QImage.fromData(on_display(display, "import", "-window", "root", "png:-"))


def panel_windows(display: str) -> list[str]:
    """Windows of the app that are shown, by their number."""
    return on_display(display, "xdotool", "search", "--onlyvisible", "--name", "^DMR Desktop$").decode().split()


def visible_panels(display: str) -> int:
    return len(panel_windows(display))


def panel_width(display: str) -> int:
    """Pixels."""
    (window,) = panel_windows(display)
    told = on_display(display, "xdotool", "getwindowgeometry", window).decode()
    found = re.search(r"Geometry: (\d+)x", told)
    assert found is not None, told
    return int(found[1])


def panel_has_look(display: str, look: str) -> bool:
    """Whether the panel is drawn on the ground of that look and not on the other's."""
    image = picture(display)
    places = [(x, y) for x in range(0, image.width(), 9) for y in range(40, image.height(), 9)]
    seen = [image.pixelColor(x, y) for x, y in places]
    shares = {name: seen.count(QColor(tokens.window)) for name, tokens in LOOKS.items()}
    return shares.pop(look) > 500 and all(share < 50 for share in shares.values())


def close_panel(display: str) -> None:
    """With the keyboard: no window manager is needed for it."""
    (window,) = panel_windows(display)
    on_display(display, "xdotool", "windowfocus", "--sync", window, "key", "ctrl+w")


def choose_look(home: Path, look: str) -> None:
    """What the app of that home will look like."""
    config = home / ".config" / "dmr-desktop"
    config.mkdir(parents=True)
    (config / "desktop.ini").write_text(f"[General]\ntheme={look}\nwelcomed=yes\n")


@contextmanager
def program(*arguments: str, environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """``dmr desktop``, killed at the end if it still runs."""
    command = self_command("desktop", *arguments)
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and output."""
    output, _ = process.communicate(timeout=15)
    return process.returncode, output
