"""A container as the network sees one: a namespace of its own behind a bridge address. Needs root and ``ip``."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_backend import Script
from tests.fixtures_service import free_port, live_in_process

GATEWAY, INSIDE = "10.231.77.1", "10.231.77.2"
CHAT = json.dumps({"model": "dmr.local/demo", "messages": [{"role": "user", "content": "hi"}]})


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"dmr{os.getpid() % 100000}"
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("curl") is None:
        pytest.skip("needs root, ip and curl")
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode()[:100]}")
    try:
        ip("link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}c", "netns", name)
        ip("addr", "add", f"{GATEWAY}/30", "dev", f"{name}h")
        ip("link", "set", f"{name}h", "up")
        ip("-n", name, "addr", "add", f"{INSIDE}/30", "dev", f"{name}c")
        ip("-n", name, "link", "set", f"{name}c", "up")
        yield name
    finally:
        ip("netns", "del", name)


async def curl(namespace: str, url: str, *arguments: str) -> tuple[int, str]:
    """Status (0: no answer) and body, asked from inside."""
    command = ["netns", "exec", namespace, "curl", "-s", "-m", "10", "-w", "\n%{http_code}", *arguments, url]
    process = await asyncio.create_subprocess_exec("ip", *command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    body, _, status = output.decode().rpartition("\n")
    return int(status), body


async def test_a_container_uses_models_only_if_that_is_switched_on(home: Path, namespace: str) -> None:
    port = free_port()
    base = f"http://{GATEWAY}:{port}"
    async with live_in_process(home, Script(), container_addresses=(GATEWAY,), tcp_port=port) as live:
        await live.service.tcp.set(True, port)
        assert await curl(namespace, f"{base}/engines/v1/models") == (0, "")
        assert (await live.http.put("/settings/containers", json={"enabled": True})).status_code == 200
        status, body = await curl(namespace, f"{base}/engines/v1/chat/completions", "-d", CHAT)
        assert (status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "Hello world")
        status, body = await curl(
            namespace,
            f"http://host.docker.internal:{port}/v1/models",
            "--resolve",
            f"host.docker.internal:{port}:{GATEWAY}",
        )
        assert (status, len(json.loads(body)["data"])) == (200, 1)
        for path, data in (
            ("/models/create", '{"from": "ai/smollm2"}'),
            ("/engines/_configure", '{"model": "x", "runtime-flags": ["--log-file", "/tmp/x"]}'),
            ("/engines/unload", '{"all": true}'),
            ("/service/stop", "{}"),
        ):
            assert (await curl(namespace, f"{base}{path}", "-d", data))[0] == 403
        assert (await curl(namespace, f"{base}/logs"))[0] == 403
        # Nor by the door of localhost, which is bound to it.
        assert (await live.http.put("/settings/containers", json={"enabled": False})).status_code == 200
        assert await curl(namespace, f"{base}/engines/v1/models") == (0, "")
