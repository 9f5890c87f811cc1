"""The real runner process ends when it should, started by hand so that the test holds the other end."""

import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.generation import GenerationRequest, TextPrompt
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig
from dmr_desktop.protocol.wire import dump
from dmr_desktop.settings import self_command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path, TinyShape(layers=2, context_size=8192))
    return path


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that the CPU is checked once."""
    return tmp_path_factory.mktemp("state")


def start_by_hand(model: Path, state_dir: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    command = self_command("runner", "--channel-fd", str(theirs.fileno()), "--state-dir", str(state_dir))
    process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdout=subprocess.DEVNULL)
    theirs.close()
    send(ours, {"op": "launch", "spec": dump(LaunchSpec(str(model), Mode.COMPLETION, RunnerConfig(context_size=-1)))})
    return process, ours


def send(sock: socket.socket, message: object) -> None:
    data = json.dumps(message).encode()
    sock.sendall(struct.pack("<I", len(data)) + data)


def test_the_end_of_the_channel_ends_it_while_loading(model: Path, state_dir: Path) -> None:
    process, ours = start_by_hand(model, state_dir)
    ours.close()
    assert process.wait(5) == 0


def test_the_end_of_the_channel_ends_it_in_the_middle_of_a_prompt(model: Path, state_dir: Path) -> None:
    process, ours = start_by_hand(model, state_dir)
    with ours:
        assert b'"ready"' in ours.recv(65536)
        send(ours, {"op": "generate", "id": 1, "request": dump(GenerationRequest(TextPrompt("the water " * 3500)))})
        before = psutil.Process(process.pid).cpu_times().user
        while psutil.Process(process.pid).cpu_times().user < before + 0.2:
            time.sleep(0.01)
    started = time.monotonic()
    assert process.wait(5) == 0
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<I", 4) + b"nope", struct.pack("<I", 2) + b"[]"]
)
def test_garbage_from_the_service_ends_it(model: Path, state_dir: Path, data: bytes) -> None:
    process, ours = start_by_hand(model, state_dir)
    with ours:
        ours.sendall(data)
        assert process.wait(5) in (0, 1)


PARENT = (
    "import subprocess, sys; p = subprocess.Popen(sys.argv[1:], close_fds=False); print(p.pid, flush=True); p.wait()"
)


def test_the_death_of_the_service_ends_it(model: Path, state_dir: Path) -> None:
    """Also when the channel stays open, because somebody else holds it."""
    ours, theirs = socket.socketpair()
    command = self_command("runner", "--channel-fd", str(theirs.fileno()), "--state-dir", str(state_dir))
    fds = (theirs.fileno(),)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *command], pass_fds=fds, stdout=subprocess.PIPE)
    theirs.close()
    with ours, parent:
        assert parent.stdout is not None
        runner = psutil.Process(int(parent.stdout.readline()))
        send(ours, {"op": "launch", "spec": dump(LaunchSpec(str(model), Mode.COMPLETION))})
        assert b'"ready"' in ours.recv(65536)
        parent.kill()
        parent.wait()
        psutil.wait_procs([runner], timeout=3)
        assert not runner.is_running()
