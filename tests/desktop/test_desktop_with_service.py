"""The desktop and the real service: started, switched, loaded, unloaded and stopped from the panel."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.app import Desktop
from dmr_desktop.desktop.instance import Instance
from dmr_desktop.desktop.panel.key_dialog import KeyDialog
from dmr_desktop.desktop.panel.network_dialog import NetworkDialog
from dmr_desktop.desktop.panel.network_row import NetworkRow
from dmr_desktop.desktop.service_process import ServiceProcess
from dmr_desktop.desktop.state import Link, Shape, trouble_of
from dmr_desktop.protocol.models import DEMO_REFERENCE
from dmr_desktop.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.qt]

RECOVERY_S = 5.0
"""From the death of the service to a panel that shows the next one."""


NETWORK = "127.0.0.3"
"""Stands for the address of this computer in a local network."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LongStream(threading.Thread):
    """Reads a long streamed answer over the Unix socket."""

    def __init__(self, path: str, num_tokens: int = 2000) -> None:
        super().__init__(daemon=True)
        self._num_tokens = num_tokens
        self.lines: list[str] = []
        self.problem: Exception | None = None
        self.is_flowing = threading.Event()
        self._path = path

    def run(self) -> None:
        body = {
            "model": DEMO_REFERENCE,
            "prompt": "Once",
            "max_tokens": self._num_tokens,
            "stream": True,
            "ignore_eos": True,
        }
        try:
            with (
                httpx.Client(transport=httpx.HTTPTransport(uds=self._path), timeout=60) as http,
                http.stream("POST", "http://localhost/engines/v1/completions", json=body) as response,
            ):
                for line in response.iter_lines():
                    if line.startswith("data: "):
                        self.lines.append(line[6:])
                        self.is_flowing.set()
        except Exception as error:
            self.problem = error


@pytest.fixture
def desktop(qtbot: QtBot, qapp: QApplication, socket_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """Joined to a service that it started itself; nothing of either is left afterwards."""
    environ = {
        "MODEL_RUNNER_SOCK": socket_dir / "dmr.sock",
        "MODELS_PATH": socket_dir / "models",
        "DMR_STATE_DIR": socket_dir / "state",
        "DMR_CONFIG_DIR": socket_dir / "config",
        "MODEL_RUNNER_PORT": free_port(),
        "DMR_NETWORK_ADDRESSES": NETWORK,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, str(value))
    settings = load_settings()
    instance = Instance(socket_dir, settings.socket_path)
    assert instance.claim()
    process = ServiceProcess(settings)
    made = Desktop(qapp, settings, instance, process)
    try:
        made.start(is_hidden=False)
        qtbot.waitUntil(made.menu.tcp.isEnabled, timeout=20_000)
        yield made
        with qtbot.waitSignal(made.ended, timeout=10_000):
            made.commands.quit_everything()
        qtbot.waitUntil(lambda: not process.is_alive(), timeout=20_000)
    finally:
        # After a failure the app still runs and would start a service that dies; the folder's fixture ends the last.
        made.quit()
        made.panel.deleteLater()
        made.menu.deleteLater()
        made.deleteLater()


def test_tcp_switch_opens_and_closes_the_port(qtbot: QtBot, desktop: Desktop) -> None:
    switch = desktop.panel.overview.tcp.switch
    switch.click()
    qtbot.waitUntil(switch.isChecked)
    qtbot.waitUntil(desktop.menu.tcp.isChecked)
    url = desktop.link.state.base_url
    assert url is not None
    assert httpx.get(f"{url}/models").status_code == 200
    desktop.menu.tcp.trigger()
    qtbot.waitUntil(lambda: not switch.isChecked())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")


@pytest.mark.timeout(90)
def test_the_local_network_is_let_in_and_out_while_an_answer_runs(qtbot: QtBot, desktop: Desktop) -> None:
    page, menu = desktop.panel.settings, desktop.menu
    desktop.panel.open_page("settings")
    desktop.menu.tcp.trigger()
    qtbot.waitUntil(page.network.reach.isEnabled, timeout=20_000)
    tcp = desktop.link.state.tcp
    assert tcp is not None
    url = f"http://{NETWORK}:{tcp.port}/engines/v1"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")
    choose(page.network, is_wide=True)
    dialog = shown_dialog(qtbot, desktop, NetworkDialog)
    qtbot.waitUntil(lambda: f"{NETWORK}:{tcp.port}" in dialog.where.text())
    dialog.yes_button.click()
    key = shown_dialog(qtbot, desktop, KeyDialog).field.text()
    qtbot.waitUntil(lambda: page.network.reach.currentData() is True, timeout=20_000)
    assert f"{NETWORK}:{tcp.port}" in page.network.sentence.text()
    qtbot.waitUntil(lambda: "local network" in menu.tcp.text())
    assert httpx.get(f"{url}/models").status_code == 401
    assert httpx.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    stream = LongStream(desktop.link.state.socket_path, 800)
    stream.start()
    qtbot.waitUntil(stream.is_flowing.is_set, timeout=30_000)
    choose(page.network, is_wide=False)
    qtbot.waitUntil(lambda: page.network.reach.currentData() is False, timeout=20_000)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")
    assert httpx.get(f"{desktop.link.state.base_url}/models").status_code == 200
    stream.join(60)
    assert stream.problem is None
    assert stream.lines[-1] == "[DONE]"


def choose(row: NetworkRow, *, is_wide: bool) -> None:
    """As a user does it."""
    index = row.reach.findData(is_wide)
    row.reach.setCurrentIndex(index)
    row.reach.activated.emit(index)


D = TypeVar("D", bound=QDialog)


def shown_dialog(qtbot: QtBot, desktop: Desktop, kind: type[D]) -> D:
    """The one that is open, once it is."""
    qtbot.waitUntil(lambda: any(found.isVisible() for found in desktop.panel.findChildren(kind)), timeout=20_000)
    return next(found for found in desktop.panel.findChildren(kind) if found.isVisible())


def test_a_stream_over_the_socket_does_not_notice_the_switch(qtbot: QtBot, desktop: Desktop) -> None:
    stream = LongStream(desktop.link.state.socket_path)
    stream.start()
    qtbot.waitUntil(stream.is_flowing.is_set, timeout=30_000)
    tray = desktop.menu.tcp
    for wanted in (True, False, True):
        tray.trigger()
        qtbot.waitUntil(lambda wanted=wanted: tray.isChecked() is wanted)
        address = ("127.0.0.1", desktop.link.state.tcp.port if desktop.link.state.tcp else 0)
        if wanted:
            assert httpx.get(f"{desktop.link.state.base_url}/models").status_code == 200
        else:
            with pytest.raises(ConnectionRefusedError), socket.create_connection(address):
                pass
    assert stream.is_alive(), "the stream ended before the switch was tried"
    qtbot.waitUntil(lambda: not stream.is_alive(), timeout=60_000)
    assert stream.problem is None
    assert stream.lines[-1] == "[DONE]"


def test_a_port_in_use_is_named(qtbot: QtBot, desktop: Desktop) -> None:
    tcp = desktop.link.state.tcp
    assert tcp is not None
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", tcp.port))
        holder.listen()
        desktop.panel.overview.tcp.switch.click()
        qtbot.waitUntil(desktop.panel.banner.isVisible)
    assert f"Port {tcp.port} is in use by python" in desktop.panel.banner.text


def test_the_bundled_model_is_loaded_and_unloaded(qtbot: QtBot, desktop: Desktop) -> None:
    desktop.open_panel("models")
    page = desktop.panel.models
    qtbot.waitUntil(lambda: page.selected is not None)
    assert page.selected is not None
    assert DEMO_REFERENCE in page.selected.tags
    page.load_button.click()
    qtbot.waitUntil(page.unload_button.isEnabled, timeout=60_000)
    assert len(desktop.menu.model_menus) == 1
    page.unload_button.click()
    qtbot.waitUntil(lambda: desktop.link.state.loaded == (), timeout=10_000)
    qtbot.waitUntil(lambda: desktop.menu.model_menus == ())
    assert desktop.panel.banner.text == ""


def test_a_name_that_is_none_is_refused_with_a_next_step(qtbot: QtBot, desktop: Desktop) -> None:
    desktop.commands.pull("Not//a name")
    qtbot.waitUntil(desktop.panel.banner.isVisible)
    assert "Could not pull Not//a name" in desktop.panel.banner.text
    assert len(desktop.panel.banner.text.splitlines()) == 3


def test_stopping_from_elsewhere_is_shown_and_start_brings_it_back(qtbot: QtBot, desktop: Desktop) -> None:
    desktop.commands.stop_service()
    qtbot.waitUntil(lambda: desktop.link.state.link is Link.STOPPED, timeout=10_000)
    desktop.commands.start_service()
    qtbot.waitUntil(lambda: desktop.link.state.is_connected, timeout=20_000)


def test_every_snippet_works_when_it_is_tried(qtbot: QtBot, desktop: Desktop) -> None:
    desktop.panel.overview.tcp.switch.click()
    desktop.open_panel("integrations")
    page = desktop.panel.integrations
    for row in range(page.programs.count()):
        page.programs.setCurrentRow(row)
        qtbot.waitUntil(page.test_button.isEnabled, timeout=10_000)
        page.test_button.click()
        qtbot.waitUntil(lambda: not desktop._sources.trial.is_running, timeout=60_000)
        assert page.outcome.accessibleName().startswith("Works ("), (page.snippet.title, page.outcome.accessibleName())


def test_a_chat_shows_up_among_the_requests_with_its_text(qtbot: QtBot, desktop: Desktop) -> None:
    desktop.open_panel("chat")
    chat, session = desktop.panel.chat, desktop._sources.chat
    qtbot.waitUntil(lambda: chat.models.currentText() == "dmr.local/demo")
    chat.draft.setPlainText("What is 3 + 4?")
    chat.send_button.click()
    qtbot.waitUntil(lambda: not session.is_running, timeout=60_000)
    assert "7" in session.turns[-1].text
    assert "tokens/s" in session.turns[-1].note
    desktop.open_panel("requests")
    page = desktop.panel.requests
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    page.table.selectRow(0)
    qtbot.waitUntil(lambda: "What is 3 + 4?" in page.text.toPlainText())
    page.tabs.setCurrentIndex(1)
    assert session.turns[-1].text in page.text.toPlainText()
    desktop.open_panel("logs")
    qtbot.waitUntil(lambda: "/engines/v1/chat/completions" in desktop.panel.logs.text.toPlainText(), timeout=10_000)


def service_pid(desktop: Desktop) -> int:
    launcher = desktop.link._launcher
    assert isinstance(launcher, ServiceProcess)
    return launcher._processes[-1].process.pid


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_service_is_told_and_back_within_five_seconds_its_runner_gone(qtbot: QtBot, desktop: Desktop) -> None:
    stream = LongStream(desktop.link.state.socket_path)
    stream.start()
    qtbot.waitUntil(stream.is_flowing.is_set, timeout=30_000)
    qtbot.waitUntil(lambda: bool(desktop.link.state.runners) and desktop.link.state.runners[0].pid is not None)
    runner = desktop.link.state.runners[0].pid
    assert runner is not None
    shown: list[Link] = []
    desktop.link.changed.connect(lambda state: shown.append(state.link))
    killed_at = time.monotonic()
    os.kill(service_pid(desktop), signal.SIGKILL)
    qtbot.waitUntil(lambda: desktop.link.state.link is Link.LOST, timeout=2000)
    qtbot.waitUntil(desktop.panel.service_banner.isVisible, timeout=2000)
    assert "The service went away and is being restarted." in desktop.panel.service_banner.text
    assert desktop.tray.shape is Shape.ERROR
    qtbot.waitUntil(lambda: desktop.link.state.is_connected, timeout=20_000)
    took = time.monotonic() - killed_at
    qtbot.waitUntil(lambda: not desktop.panel.service_banner.isVisible())
    assert shown == [Link.LOST, Link.CONNECTED]
    assert took < RECOVERY_S
    qtbot.waitUntil(lambda: not is_alive(runner), timeout=5000)


def test_a_runner_killed_in_mid_chat_is_one_sentence_and_the_next_question_works(
    qtbot: QtBot, desktop: Desktop
) -> None:
    desktop.open_panel("chat")
    chat, session = desktop.panel.chat, desktop._sources.chat
    qtbot.waitUntil(lambda: chat.models.currentText() == "dmr.local/demo")
    chat.draft.setPlainText("What is 3 + 4?")
    chat.send_button.click()
    qtbot.waitUntil(lambda: not session.is_running, timeout=60_000)
    qtbot.waitUntil(lambda: desktop.link.state.runners[0].pid is not None)
    runner = desktop.link.state.runners[0].pid
    assert runner is not None
    os.kill(runner, signal.SIGSTOP)  # so that the answer is surely under way when it dies
    chat.draft.setPlainText("What is 5 + 4?")
    chat.send_button.click()
    qtbot.wait(300)
    assert session.is_running
    os.kill(runner, signal.SIGKILL)
    qtbot.waitUntil(lambda: not session.is_running, timeout=10_000)
    qtbot.waitUntil(lambda: not is_alive(runner), timeout=5000)
    told = session.turns[-1].error
    assert "died" in told
    assert "\n" not in told
    chat.draft.setPlainText("What is 3 + 4?")
    chat.send_button.click()
    qtbot.waitUntil(lambda: not session.is_running, timeout=60_000)
    assert "7" in session.turns[-1].text
    assert desktop.link.state.is_connected


def test_the_third_crash_within_a_minute_ends_the_restarts_and_shows_the_log(qtbot: QtBot, desktop: Desktop) -> None:
    for _ in range(2):
        os.kill(service_pid(desktop), signal.SIGKILL)
        qtbot.waitUntil(lambda: not desktop.link.state.is_connected, timeout=5000)
        qtbot.waitUntil(lambda: desktop.link.state.is_connected, timeout=20_000)
    os.kill(service_pid(desktop), signal.SIGKILL)
    qtbot.waitUntil(lambda: desktop.link.state.link is Link.FAILED, timeout=5000)
    qtbot.waitUntil(lambda: "three times within a minute" in desktop.panel.service_banner.text)
    desktop.panel.service_banner.buttons[-1].click()
    qtbot.waitUntil(lambda: desktop.link.state.is_connected, timeout=20_000)


def loaded_runner(qtbot: QtBot, desktop: Desktop) -> int:
    """Loads the demo model from the Models page; its process."""
    desktop.open_panel("models")
    page = desktop.panel.models
    qtbot.waitUntil(page.load_button.isEnabled, timeout=10_000)
    page.load_button.click()
    qtbot.waitUntil(page.unload_button.isEnabled, timeout=60_000)
    pid = desktop.link.state.runners[0].pid
    assert pid is not None
    return pid


def test_an_idle_runner_that_is_killed_is_told_and_loads_again(qtbot: QtBot, desktop: Desktop) -> None:
    os.kill(loaded_runner(qtbot, desktop), signal.SIGKILL)
    qtbot.waitUntil(lambda: trouble_of(desktop.link.state) != "", timeout=5000)
    told = trouble_of(desktop.link.state)
    assert told.startswith("dmr.local/demo: ")
    assert "\n" not in told
    qtbot.waitUntil(lambda: desktop.tray.shape is Shape.ERROR, timeout=2000)
    assert loaded_runner(qtbot, desktop) > 0
    assert trouble_of(desktop.link.state) == ""
    assert desktop.tray.shape is Shape.READY
    assert desktop.panel.banner.text == ""


@pytest.mark.parametrize("victim", ["runner", "service"])
def test_killed_while_a_model_loads(qtbot: QtBot, desktop: Desktop, victim: str) -> None:
    desktop.open_panel("models")
    page = desktop.panel.models
    qtbot.waitUntil(page.load_button.isEnabled, timeout=10_000)
    page.load_button.click()
    service = psutil.Process(service_pid(desktop))
    qtbot.waitUntil(lambda: any("runner" in child.cmdline() for child in service.children()), timeout=20_000)
    runner = next(child.pid for child in service.children() if "runner" in child.cmdline())
    os.kill(runner, signal.SIGSTOP)  # so that it surely still loads
    os.kill(runner if victim == "runner" else service_pid(desktop), signal.SIGKILL)
    if victim == "service":
        qtbot.waitUntil(lambda: desktop.link.state.link is Link.LOST, timeout=2000)
        os.kill(runner, signal.SIGCONT)
    # One that has not begun to watch its parent yet does so within its start.
    qtbot.waitUntil(lambda: not is_alive(runner), timeout=20_000)
    qtbot.waitUntil(desktop.panel.banner.isVisible, timeout=10_000)
    assert desktop.panel.banner.text.startswith("Could not load dmr.local/demo\n")
    qtbot.waitUntil(lambda: desktop.link.state.is_connected, timeout=20_000)
    assert loaded_runner(qtbot, desktop) != runner
