"""A real service on a Unix socket of its own, with the demo model and a tiny embedding model."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmr_desktop.client.client import Client
from dmr_desktop.client.discovery import is_reachable
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.settings import asset, self_command

EMBEDDING_MODEL = "test.local/tiny-embedding"
START_SECONDS = 30


@pytest.fixture(scope="session")
def service_socket() -> Iterator[Path]:
    if not asset("demo/demo.gguf").is_file():
        pytest.skip("the demo model is not part of this source tree")
    with tempfile.TemporaryDirectory(prefix="dmr") as folder:
        home = Path(folder)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DMR_", "MODEL"))}
        environment |= {
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "MODELS_PATH": str(home / "models"),
        }
        with subprocess.Popen(
            self_command("serve"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            path = home / "dmr-desktop" / "dmr.sock"
            try:
                # The service prints one line once it serves.
                first_line = process.stdout.readline().decode()
                assert is_reachable(UnixEndpoint(path)), first_line + process.stdout.read().decode()
                gguf = home / "tiny.gguf"
                write_tiny_model(gguf)
                with Client(UnixEndpoint(path)) as client:
                    client.package(str(gguf), EMBEDDING_MODEL)
                yield path
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(START_SECONDS)


@pytest.fixture
def live_service(service_socket: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models made in a test that uses this find the live service by themselves."""
    for name in ("DMR_BASE_URL", "MODEL_RUNNER_HOST", "DOCKER_MODEL_RUNNER_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DMR_SOCKET", str(service_socket))
    return service_socket
