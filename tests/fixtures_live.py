"""The real program as its users run it: a service process with its own directories, its runners, the demo model."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dmr_desktop.settings import asset
from tests.fakes.own_folder import own_folder

DEMO = "dmr.local/demo"
START_SECONDS = 30.0
STOP_SECONDS = 15.0
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class LiveService:
    """``environment`` makes any other process of this program find it (and only it)."""

    process: "subprocess.Popen[bytes]"
    directory: Path
    environment: dict[str, str]

    @property
    def socket_path(self) -> Path:
        return self.directory / "dmr.sock"

    def http(self, timeout_seconds: float = 60.0) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.socket_path))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=timeout_seconds)

    def async_http(self, timeout_seconds: float = 60.0) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket_path))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=timeout_seconds)

    def log(self) -> str:
        """What it printed and logged, for a failed test."""
        texts = [path.read_text(errors="replace") for path in sorted(self.directory.rglob("*.log"))]
        return "\n".join([(self.directory / "output").read_text(errors="replace"), *texts])


def start_live_service(directory: Path, *arguments: str, **variables: str) -> LiveService:
    """A ready service; the caller stops it. ``variables`` are added to its environment."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment = kept | {
        "HOME": str(directory),
        "MODELS_PATH": str(directory / "models"),
        "MODEL_RUNNER_SOCK": str(directory / "dmr.sock"),
        "DMR_STATE_DIR": str(directory / "state"),
        "DMR_CONFIG_DIR": str(directory / "config"),
        **variables,
    }
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dmr_desktop", "serve", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    service = LiveService(process, directory, environment)
    try:
        _wait_until_ready(service)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return service


def _wait_until_ready(service: LiveService) -> None:
    """Ready is: it answers and has the demo model, if this tree has one."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        if _is_listening(service.socket_path):
            with service.http() as http:
                if http.get("/models").json() or not asset("demo/demo.gguf").is_file():
                    return
        time.sleep(0.05)
    raise AssertionError(f"the service did not come up:\n{service.log()}")


def _is_listening(path: Path) -> bool:
    """Asked with a plain socket, because httpx forgets to close one that could not connect."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def stop_live_service(service: LiveService) -> int:
    """Its exit code after SIGTERM."""
    if service.process.poll() is None:
        service.process.send_signal(signal.SIGTERM)
    try:
        return service.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()
        raise


@pytest.fixture(scope="session")
def live_service() -> Iterator[LiveService]:
    """One for the whole session: tests must leave it as they found it. Skips in a tree without the demo model."""
    if not asset("demo/demo.gguf").is_file():
        pytest.skip("the demo model is not in this tree")
    with own_folder("dmr-live-") as directory:
        service = start_live_service(directory)
        try:
            yield service
        finally:
            assert stop_live_service(service) == 0
