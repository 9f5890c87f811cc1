"""What a restricted process can still do, tried in one."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")

SCRIPT = """
import ctypes, os, signal, socket, sys
from pathlib import Path
from dmr_desktop.runner.landlock import restrict
ctypes.CDLL(None).prctl(38, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
model, secret, port, files = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "files"
if not restrict([model], files=files):
    print("unsupported")
    raise SystemExit
def attempt(name, action):
    try:
        action()
        print(name, "yes")
    except PermissionError:
        print(name, "no")
attempt("model", model.read_bytes)
attempt("secret", secret.read_bytes)
attempt("listing", lambda: list(secret.parent.iterdir()))
attempt("writing", lambda: secret.with_name("new").write_text("x"))
attempt("module", lambda: __import__("xml.dom.minidom"))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", port)))
attempt("signal", lambda: os.kill(os.getppid(), 0))
attempt("own signal", lambda: os.kill(os.getpid(), 0))
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def tried(tmp_path: Path, listening: socket.socket, mode: str) -> dict[str, str]:
    model, secret = tmp_path / "model.gguf", tmp_path / "secret" / "key"
    secret.parent.mkdir()
    model.write_text("weights")
    secret.write_text("secret")
    arguments = [str(model), str(secret), str(listening.getsockname()[1]), mode]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    if "unsupported" in done.stdout:
        pytest.skip("this kernel has no Landlock")
    return {name: answer for name, _, answer in (line.rpartition(" ") for line in done.stdout.splitlines())}


def test_only_the_model_and_the_system_stay_readable(tmp_path: Path, listening: socket.socket) -> None:
    found = tried(tmp_path, listening, "files")
    assert found.pop("signal") in ("yes", "no")  # since Linux 6.12
    assert found == {
        "model": "yes",
        "secret": "no",
        "listing": "no",
        "writing": "no",
        "module": "yes",
        "tcp": "no",
        "own signal": "yes",
    }


def test_files_can_be_left_alone(tmp_path: Path, listening: socket.socket) -> None:
    found = tried(tmp_path, listening, "network only")
    assert (found["secret"], found["writing"], found["tcp"]) == ("yes", "yes", "no")
