"""The real program and the real service: whichever is killed, and in whatever it does, the rest goes on and says so."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from dmr_desktop.protocol.models import DEMO_REFERENCE
from dmr_desktop.settings import asset, self_command
from dmr_desktop.store.store import ModelStore
from tests.fakes.desktop_program import (
    choose_look,
    ended,
    needs,
    on_display,
    own_environ,
    panel_windows,
    program,
    until,
    visible_panels,
    x_display,
)
from tests.fakes.faulty_registry import FaultyRegistry, digest, store_files
from tests.fakes.throttling_proxy import ThrottlingProxy

pytest.importorskip("jeepney")
from tests.fakes.notifier_host import Bus, NotifierHost

pytestmark = [
    pytest.mark.slow,
    pytest.mark.qt,
    pytest.mark.timeout(180),
    needs("Xvfb", "dbus-daemon", "xdotool"),
]

READY = "DMR Desktop: Ready, no model loaded"


@dataclass
class Desk:
    """A user's session: its tray, and whatever runs in its home."""

    home: Path
    display: str
    host: NotifierHost
    environ: dict[str, str]
    port: int
    asked: list[threading.Thread] = field(default_factory=list)

    def tells(self, text: str, seconds: float = 30.0) -> None:
        """Waits until the one icon's tool tip holds ``text``."""
        until(lambda: len(self.host.items) == 1 and text in self.host.tool_tip(), seconds)

    def processes(self, role: str) -> list[int]:
        """Live processes of this home, by the word after ``-m dmr_desktop``."""
        found = []
        for process in psutil.process_iter():
            try:
                words, environ = process.cmdline(), process.environ()
                is_alive = process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            is_mine = str(self.home) in environ.get("HOME", "") or any(str(self.home) in word for word in words)
            if is_alive and is_mine and words[words.index("dmr_desktop") + 1 :][:1] == [role]:
                found.append(process.pid)
        return found

    def http(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.home / "dmr.sock"))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=60)

    def ask(self, max_tokens: int) -> "Question":
        asked = Question(self.http(), max_tokens)
        asked.start()
        return asked


class Question(threading.Thread):
    """A program that asks the demo model; ``text`` is its answer, "" if there was none."""

    def __init__(self, http: httpx.Client, max_tokens: int) -> None:
        super().__init__(daemon=True)
        self.text = ""
        self._http = http
        self._body = {"model": DEMO_REFERENCE, "prompt": "Once", "max_tokens": max_tokens, "ignore_eos": True}

    def run(self) -> None:
        with self._http as http:
            response = http.post("/engines/v1/completions", json=self._body)
        assert response.status_code == 200, response.text
        self.text = response.json()["choices"][0]["text"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def desk(socket_dir: Path) -> Iterator[Desk]:
    bus, port = Bus(), free_port()
    choose_look(socket_dir, "light")
    try:
        with x_display() as display, NotifierHost(bus.address) as host:
            own = {"DISPLAY": display, "MODEL_RUNNER_PORT": str(port), "MODELS_PATH": str(socket_dir / "models")}
            environ = own_environ(socket_dir, socket_dir / "dmr.sock", bus.address) | own
            yield Desk(socket_dir, display, host, environ, port)
            subprocess.run(self_command("stop"), env=environ, capture_output=True, check=False, timeout=30)
    finally:
        bus.close()


@pytest.fixture
def slow_model(tmp_path: Path) -> Iterator[tuple[str, list[bytes], ThrottlingProxy]]:
    """A model in a registry behind a slow line: its name, its layers, the line."""
    gguf = tmp_path / "other.gguf"
    gguf.write_bytes(asset("demo/demo.gguf").read_bytes().replace(b"DMR demo", b"DMR dem2", 1))
    model = ModelStore(tmp_path / "models").package_gguf(gguf, "ai/slow:y")
    manifest, blobs = store_files(tmp_path / "models", model.id)
    with FaultyRegistry() as registry:
        registry.add("y", manifest, *blobs)
        with ThrottlingProxy(registry.host, bytes_per_second=1024 * 1024) as proxy:
            yield f"{proxy.host}/ai/slow:y", blobs, proxy


def pull_in_the_panel(desk: Desk, reference: str) -> None:
    """Typed on the Models page."""
    desk.host.click("Open panel")
    until(lambda: visible_panels(desk.display) == 1)
    (window,) = panel_windows(desk.display)
    on_display(desk.display, "xdotool", "windowfocus", "--sync", window, "key", "ctrl+2")
    on_display(desk.display, "xdotool", "type", reference)
    on_display(desk.display, "xdotool", "key", "Return")


def test_a_killed_app_in_every_state_leaves_no_icon_and_its_successor_shows_the_truth(
    desk: Desk, slow_model: tuple[str, list[bytes], ThrottlingProxy]
) -> None:
    reference, _blobs, proxy = slow_model

    def killed(act: Callable[[], None]) -> None:
        """An app in the state that ``act`` brings about, killed."""
        with program("--hidden", environ=desk.environ) as app:
            act()
            app.kill()
            app.communicate()
        until(lambda: desk.host.items == ())

    killed(lambda: until(lambda: desk.processes("serve"), 30))  # it starts the service
    (service,) = desk.processes("serve")

    def switch_tcp() -> None:
        desk.tells(READY)
        desk.host.click(f"TCP host access (localhost:{desk.port})")
        desk.tells(f"{READY} · port {desk.port} open")

    killed(switch_tcp)

    loading: list[Question] = []

    def load() -> None:
        desk.tells(f"{READY} · port {desk.port} open")
        loading.append(desk.ask(4))
        until(lambda: desk.processes("runner"))
        os.kill(desk.processes("runner")[0], signal.SIGSTOP)
        desk.tells("Loading dmr.local/demo…")

    killed(load)
    (runner,) = desk.processes("runner")
    os.kill(runner, signal.SIGCONT)
    loading[0].join(60)
    assert loading[0].text

    busy: list[Question] = []

    def be_busy() -> None:
        desk.tells("Ready, 1 model loaded")
        busy.append(desk.ask(2000))
        desk.tells("1 request running")

    killed(be_busy)

    def pull() -> None:
        desk.tells("1 request running")
        pull_in_the_panel(desk, reference)
        assert proxy.after_blob_bytes(512 * 1024).wait(60)

    killed(pull)
    busy[0].join(120)
    assert busy[0].text
    assert desk.processes("runner") == [runner]
    sent = len(proxy.passed)
    time.sleep(1)
    assert len(proxy.passed) == sent, "a pull ends with the program that asked for it"

    def stop() -> None:
        desk.tells("Ready, 1 model loaded")
        assert desk.processes("serve") == [service], "no second one was started"
        subprocess.run(self_command("stop"), env=desk.environ, check=True, capture_output=True, timeout=30)
        desk.tells("The service is stopped")
        until(lambda: not desk.processes("serve") and not desk.processes("runner"))

    killed(stop)
    with program("--hidden", environ=desk.environ) as last:
        desk.tells(f"{READY} · port {desk.port} open")
        with program("--hidden", environ=desk.environ) as other:
            assert ended(other) == (0, "DMR Desktop runs already; its panel was opened.\n")
        assert len(desk.host.items) == 1
        desk.host.click("Quit and stop service")
        assert ended(last) == (0, "")
    until(lambda: desk.host.items == ())
    until(lambda: not desk.processes("serve"))


def test_a_killed_service_opens_its_port_again_and_the_pull_goes_on(
    desk: Desk, slow_model: tuple[str, list[bytes], ThrottlingProxy]
) -> None:
    reference, blobs, proxy = slow_model
    address = f"http://127.0.0.1:{desk.port}/models"
    with program("--hidden", environ=desk.environ):
        until(lambda: desk.processes("serve"), 30)
        os.kill(desk.processes("serve")[0], signal.SIGKILL)  # while it starts: it is started again
        desk.tells(READY)
        desk.host.click(f"TCP host access (localhost:{desk.port})")
        desk.tells(f"port {desk.port} open")
        half = proxy.after_blob_bytes(sum(map(len, blobs)) // 2)
        pull_in_the_panel(desk, reference)
        assert half.wait(60)
        (service,) = desk.processes("serve")
        os.kill(service, signal.SIGKILL)
        desk.tells("The service went away and is being restarted.", 2.5)
        desk.tells(f"Pulling {reference.removesuffix(':y')}", 15)
        assert httpx.get(address).status_code == 200
        desk.tells(f"{READY} · port {desk.port} open", 60)
        assert [reference in str(model["tags"]) for model in httpx.get(address).json()].count(True) == 1
        fetched = sum(proxy.bytes_of(digest(blob)) for blob in blobs)
        assert fetched - sum(map(len, blobs)) <= 1024 * 1024
        assert len(desk.processes("serve")) == 1
