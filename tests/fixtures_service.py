"""The whole service in the test's own event loop, over real sockets, with a scripted backend."""

import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dmr_desktop.backends.base import Backend
from dmr_desktop.protocol.models import DEMO_REFERENCE
from dmr_desktop.service.app import Service
from dmr_desktop.service.logs import Logs
from dmr_desktop.settings import Settings, asset
from dmr_desktop.store.store import ModelStore
from tests.fakes.scripted_backend import Script, ScriptedBackend

MARK = "demo-stored"


@dataclass
class LiveInProcess:
    service: Service
    script: Script
    http: httpx.AsyncClient
    """Over the Unix socket."""
    settings: Settings

    async def open_tcp(self) -> int:
        port = free_port()
        await self.service.tcp.set(True, port)
        return port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def live_in_process(
    directory: Path, script: Script, backend: Backend | None = None, **changes: object
) -> AsyncIterator[LiveInProcess]:
    """A started service over ``directory``, which it may have used before. ``backend``: in place of the script's."""
    settings = Settings(
        models_path=directory / "models",
        socket_path=directory / "run" / "dmr.sock",
        state_dir=directory / "state",
        config_dir=directory / "config",
        **changes,  # type: ignore[arg-type]
    )
    logs = Logs(settings.log_dir)
    logs.open("info", to_stderr=False)
    service = Service(settings, {"llama.cpp": backend or ScriptedBackend(script)}, logs)
    try:
        await service.start()
        transport = httpx.AsyncHTTPTransport(uds=str(settings.socket_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=20) as http:
            yield LiveInProcess(service, script, http, settings)
    finally:
        await service.close()
        logs.close()


@pytest.fixture(scope="session")
def home_with_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service's directory in which the demo model is stored; tests work on copies."""
    home = tmp_path_factory.mktemp("home")
    ModelStore(home / "models").package_gguf(asset("demo/demo.gguf"), DEMO_REFERENCE)
    (home / "state").mkdir(mode=0o700)
    (home / "state" / MARK).touch()
    return home


@pytest.fixture
def home(home_with_demo: Path, tmp_path: Path) -> Path:
    shutil.copytree(home_with_demo, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
async def live(home: Path) -> AsyncIterator[LiveInProcess]:
    async with live_in_process(home, Script()) as found:
        yield found
