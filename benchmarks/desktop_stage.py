"""A virtual display with a tray, a service and the app on it, and nothing of the user's: where the app is measured."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("Xvfb", "trayer", "xdotool")
DMR = (sys.executable, "-m", "dmr_desktop")
READY_SECONDS = 60.0

Process = subprocess.Popen[bytes]


@contextmanager
def ended(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Stage:
    """``environ`` is that of every program on it; ``socket_path`` the service's."""

    folder: Path
    environ: dict[str, str]
    socket_path: Path

    @classmethod
    def at(cls, folder: Path, screen: str) -> "Stage":
        """On the display ``screen``, with all files below ``folder``."""
        return cls(folder, _environ(str(folder), screen), folder / "dmr.sock")

    def app(self, name: str, *arguments: str) -> Process:
        """``dmr desktop``; each ``name`` counts as another user's session, so that several can run."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        environ = self.environ | {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "XDG_CONFIG_HOME": f"{home}/config",
        }
        out = (home / "output").open("ab")
        with out:
            return subprocess.Popen([*DMR, "desktop", *arguments], env=environ, stdout=out, stderr=out)

    def xdotool(self, *arguments: str) -> str:
        command = ["timeout", "10", "xdotool", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False).stdout.strip()

    def seconds_until_shown(self, app: Process) -> float:
        """From now until the app has anything on the screen; of a hidden one that is its icon in the tray."""
        began = time.monotonic()
        while not self.xdotool("search", "--onlyvisible", "--pid", str(app.pid)):
            if time.monotonic() - began > READY_SECONDS:
                sys.exit("the app shows nothing")
        return time.monotonic() - began

    def panels(self) -> list[str]:
        """The X windows of panels in sight."""
        return self.xdotool("search", "--onlyvisible", "--name", "^DMR Desktop$").split()


@contextmanager
def stage() -> Iterator[tuple[Stage, Process]]:
    """The stage and its service, which runs."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)} (see docs/desktop.md)")
    with tempfile.TemporaryDirectory(prefix="dmr-bench-") as folder, display() as screen:
        made = Stage.at(Path(folder), screen)
        tray = ["trayer", "--edge", "top", "--align", "right", "--widthtype", "request", "--height", "28"]
        with (
            ended(_started(tray, made.environ)),
            ended(_started([*DMR, "serve"], made.environ)) as service,
        ):
            _until_answering(made.socket_path)
            yield made, service


def _started(command: list[str], environ: dict[str, str]) -> Process:
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until_answering(path: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("the service does not start")
            time.sleep(0.05)


def _environ(folder: str, screen: str) -> dict[str, str]:
    return os.environ | {
        "DISPLAY": screen,
        "HOME": folder,
        "XDG_RUNTIME_DIR": folder,
        "XDG_CONFIG_HOME": f"{folder}/config",
        "XDG_STATE_HOME": f"{folder}/state",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/nobody",  # the tray is XEmbed's
        "NO_AT_BRIDGE": "1",
        "MODELS_PATH": f"{folder}/models",
        "MODEL_RUNNER_SOCK": f"{folder}/dmr.sock",
        "MODEL_RUNNER_PORT": str(_free_port()),
    }


@contextmanager
def display() -> Iterator[str]:
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with ended(subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)):
        os.close(writer)
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
