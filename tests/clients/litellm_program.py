"""LiteLLM's proxy as a process, from one of our own configurations."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.fixtures_service import free_port

LITELLM = os.environ.get("DMR_TEST_LITELLM") or shutil.which("litellm")
"""Installed with ``litellm[proxy]``; ``scripts/clients.py`` does that."""

MASTER_KEY = f"sk-{secrets.token_hex(32)}"
"""Of every proxy that is started here."""

START_SECONDS = 300.0
STOP_SECONDS = 20.0


@contextmanager
def litellm_proxy(config: Path, changes: Mapping[str, str], home: Path, **variables: str) -> Iterator[str]:
    """The proxy's address. ``config`` is changed as its user would, ``changes``' keys to its values, in ``home``."""
    text = config.read_text()
    for shipped, here in changes.items():
        assert shipped in text, f"{config.name} does not name {shipped}"
        text = text.replace(shipped, here)
    (home / "config.yaml").write_text(text)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    # Without it, its list of prices is fetched at each start.
    own = {"HOME": str(home), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": MASTER_KEY}
    port = free_port()
    command = [str(LITELLM), "--config", str(home / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    with (home / "litellm.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--telemetry", "False"],
            env={**kept, **own, **variables},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}", process, home / "litellm.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health/readiness", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"LiteLLM's proxy did not come up:\n{log.read_text(errors='replace')[-3000:]}")
