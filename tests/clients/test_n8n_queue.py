"""Queue mode with the very variables of our Compose file: main process, worker, real PostgreSQL, real Redis.

``DMR_TEST_REDIS`` may name the redis-server program; PostgreSQL is looked for where Debian has it, and on the PATH.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from dmr_desktop.settings import asset
from tests.clients.n8n_program import N8n, chat, find_n8n
from tests.fixtures_live import start_live_service, stop_live_service
from tests.fixtures_service import free_port

N8N = find_n8n()
REDIS = os.environ.get("DMR_TEST_REDIS") or shutil.which("redis-server")
INITDB = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None) or (
    Path(found) if (found := shutil.which("initdb")) else None
)
DATABASE_USER = "postgres" if os.getuid() == 0 else None
"""PostgreSQL does not run as root."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(N8N is None, reason="n8n is not installed (DMR_TEST_N8N)"),
    pytest.mark.skipif(REDIS is None or INITDB is None, reason="Redis or PostgreSQL is not installed"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the database's user can reach."""
    with tempfile.TemporaryDirectory(prefix="n8n-queue-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def running(*command: str | Path, port: int, user: str | None = None) -> Iterator[None]:
    """A server, from when its port is open."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd="/")
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{command[0]} ended"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def postgres(folder: Path) -> Iterator[int]:
    """The port of a server with an empty database ``n8n``."""
    assert INITDB is not None
    port, data, programs = free_port(), folder / "postgres", INITDB.parent
    data.mkdir()
    if DATABASE_USER is not None:
        shutil.chown(data, DATABASE_USER)

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=DATABASE_USER, cwd="/")

    run(INITDB, "-D", data, "-U", "n8n", "-A", "trust", "--no-sync")
    server = [programs / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", ""]
    with running(*server, port=port, user=DATABASE_USER):
        for _ in range(100):
            ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
            if subprocess.run(ready, check=False, stdout=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        run(programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "n8n", "n8n")
        yield port


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    port = free_port()
    assert REDIS is not None
    server = [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(*server, port=port):
        yield port


def compose_environment(postgres_port: int, redis_port: int) -> dict[str, str]:
    """Of n8n in the Compose file, with the databases of this test."""
    service = yaml.safe_load(asset("n8n/compose.queue.yaml").read_text())["services"]["n8n"]
    found = {name: re.sub(r"\$\{(\w+):([?-])(.*)\}", _filled, value) for name, value in service["environment"].items()}
    ours = {
        "DB_POSTGRESDB_HOST": "127.0.0.1",
        "DB_POSTGRESDB_PORT": str(postgres_port),
        "QUEUE_BULL_REDIS_HOST": "127.0.0.1",
        "QUEUE_BULL_REDIS_PORT": str(redis_port),
    }
    assert ours.keys() <= found.keys()
    return found | ours


def _filled(variable: "re.Match[str]") -> str:
    return variable[3] if variable[2] == "-" else f"value-of-{variable[1]}"


def test_a_worker_asks_the_model(folder: Path, tmp_path: Path) -> None:
    assert N8N is not None
    workflow: dict[str, Any] = json.loads(asset("n8n/workflows/basic-llm-chain.json").read_text())
    (trigger,) = (node for node in workflow["nodes"] if node["type"].endswith("chatTrigger"))
    trigger["parameters"] = {"public": True, "mode": "webhook", "options": {"responseMode": "lastNode"}}
    (credential,) = json.loads(asset("n8n/credentials.json").read_text())
    (folder / "dmr").mkdir()
    service = start_live_service(folder / "dmr")
    try:
        port = free_port()
        with service.http() as http:
            assert http.put("/settings/tcp", json={"enabled": True, "port": port}).is_success
        credential["data"]["url"] = f"http://localhost:{port}/engines/llama.cpp/v1"
        with postgres(folder) as postgres_port, redis(folder) as redis_port:
            n8n = N8n(N8N, tmp_path, compose_environment(postgres_port, redis_port))
            n8n.import_credentials([credential])
            n8n.import_workflows([workflow])
            n8n.publish(workflow["id"])
            with n8n.serving() as main, n8n.working() as worker_log:
                assert "demo model" in chat(main, trigger["webhookId"], "Hello").text
                assert "Worker finished execution" in worker_log.read_text()
    finally:
        assert stop_live_service(service) == 0
