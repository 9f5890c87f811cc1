"""The desktop as a program of its own, with nothing of the user's around it, and an X display for it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dmr_desktop.settings import self_command


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


@contextmanager
def x_display() -> Iterator[str]:
    """An empty X display, e.g. ``:99``, with room for a panel at double size."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "2560x1600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


def visible_panels(display: str) -> int:
    """How many windows of the app are shown."""
    command = ["xdotool", "search", "--onlyvisible", "--name", "^DMR Desktop$"]
    found = subprocess.run(
        command, env={**os.environ, "DISPLAY": display}, capture_output=True, timeout=10, check=False
    )
    return len(found.stdout.split())


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
