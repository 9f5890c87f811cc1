"""The whole service in the test's own event loop, over real sockets, with a scripted backend."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dmr_desktop.service.app import Service
from dmr_desktop.service.logs import Logs
from dmr_desktop.settings import Settings
from tests.fakes.scripted_backend import Script, ScriptedBackend


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
async def live_in_process(directory: Path, script: Script, **changes: object) -> AsyncIterator[LiveInProcess]:
    """A started service whose demo model is stored, on a fresh directory."""
    settings = Settings(
        models_path=directory / "models",
        socket_path=directory / "run" / "dmr.sock",
        state_dir=directory / "state",
        config_dir=directory / "config",
        **changes,  # type: ignore[arg-type]
    )
    logs = Logs(settings.log_dir)
    logs.open("info", to_stderr=False)
    service = Service(settings, {"llama.cpp": ScriptedBackend(script)}, logs)
    service.demo.store_once()
    try:
        await service.start()
        transport = httpx.AsyncHTTPTransport(uds=str(settings.socket_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=20) as http:
            yield LiveInProcess(service, script, http, settings)
    finally:
        await service.close()
        logs.close()
