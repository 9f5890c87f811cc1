"""The TCP door's side towards the local network. 127.0.0.3 and 127.0.0.4 stand for addresses of this computer there."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus
from dmr_desktop.protocol.wire import load
from dmr_desktop.service import network_door
from dmr_desktop.settings import Settings, SettingsError
from tests.fakes.scripted_backend import Script
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess, free_port, live_in_process

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is there")

ADDRESS, OTHER = "127.0.0.3", "127.0.0.4"
KEY = "a-key-of-many-characters"
CHAT: dict[str, Any] = {"model": "dmr.local/demo", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def live(home: Path) -> AsyncIterator[LiveInProcess]:
    async with live_in_process(home, Script(), network_addresses=(ADDRESS,), tcp_port=free_port()) as found:
        yield found


async def put(live: LiveInProcess, **body: object) -> tuple[TcpStatus, str]:
    response = await live.http.put("/settings/tcp", json={"enabled": True, **body})
    assert response.status_code == 200, response.text
    members = response.json()
    key = members.pop("api_key", "")
    return load(TcpStatus, members), key


def is_open(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


async def ask(port: int, key: str = "", address: str = ADDRESS) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://{address}:{port}/v1/models", headers=headers)).status_code


async def test_it_is_out_until_it_is_let_in_with_a_key(live: LiveInProcess) -> None:
    tcp, _ = await put(live)
    port = tcp.port
    assert tcp.network == NetworkStatus()
    assert not is_open(ADDRESS, port)
    refused = await live.http.put("/settings/tcp", json={"enabled": True, "network": True})
    assert (refused.status_code, "API key" in refused.text) == (409, True)
    assert not is_open(ADDRESS, port)
    assert (await live.http.get("/settings")).json()["network_addresses"] == [ADDRESS]
    tcp, key = await put(live, network=True, new_key=True)
    assert tcp.network == NetworkStatus(True, (ADDRESS,), "", "stored")
    assert await ask(port) == 401
    assert await ask(port, "wrong") == 401
    assert await ask(port, key) == 200
    assert await ask(port, address="127.0.0.1") == 200, "no key is needed on this computer"
    for text in ((await live.http.get("/settings")).text, (await live.http.get("/logs")).text):
        assert key not in text
    assert f"the local network can reach the service: {ADDRESS}" in (await live.http.get("/logs")).text
    tcp, told = await put(live, network=True)
    assert told == "", "a key is told once"


async def test_closing_it_leaves_this_computers_side_and_running_requests_alone(home: Path) -> None:
    gate = asyncio.Semaphore(1)
    script = Script(gate=gate)
    async with live_in_process(home, script, network_addresses=(ADDRESS,), tcp_port=free_port()) as live:
        tcp, key = await put(live, network=True, new_key=True)
        async with (
            httpx.AsyncClient(trust_env=False, headers={"x-api-key": key}, timeout=20) as http,
            http.stream(
                "POST", f"http://{ADDRESS}:{tcp.port}/v1/chat/completions", json=CHAT | {"stream": True}
            ) as answer,
        ):
            lines = answer.aiter_lines()
            first = await anext(lines)
            tcp, _ = await put(live, network=False)
            assert tcp == TcpStatus(True, True, tcp.port, tcp.addresses, network=NetworkStatus(key="stored"))
            assert not is_open(ADDRESS, tcp.port)
            for _ in range(8):
                gate.release()
            rest = [line async for line in lines if line]
        assert first.startswith("data: ")
        assert rest[-1] == "data: [DONE]"
        assert await ask(tcp.port, address="127.0.0.1") == 200


async def test_it_is_remembered_with_its_key_but_not_over_an_off(home: Path) -> None:
    port = free_port()
    async with live_in_process(home, Script(), network_addresses=(ADDRESS,), tcp_port=port) as live:
        _, key = await put(live, network=True, new_key=True)
    assert not is_open(ADDRESS, port)
    async with live_in_process(home, Script(), network_addresses=(ADDRESS,), tcp_port=port) as live:
        assert await ask(port, key) == 200
        assert live.service.tcp.status.network == NetworkStatus(True, (ADDRESS,), "", "stored")
        off = await live.http.put("/settings/tcp", json={"enabled": False})
        assert load(TcpStatus, off.json()).network == NetworkStatus(key="stored")
        assert not is_open(ADDRESS, port)
        tcp, _ = await put(live)
        assert tcp.network == NetworkStatus(key="stored"), "on again is this computer only"
        assert not is_open(ADDRESS, port)


async def test_a_remembered_wish_without_a_key_opens_nothing(home: Path) -> None:
    port = free_port()
    (home / "state" / "tcp.json").write_text(json.dumps({"enabled": True, "port": port, "network": True}))
    async with live_in_process(home, Script(), network_addresses=(ADDRESS,)) as live:
        status = live.service.tcp.status
        assert (status.listening, status.network.enabled, status.network.addresses) == (True, True, ())
        assert "API key is gone" in status.network.error
        assert not is_open(ADDRESS, port)
        tcp, key = await put(live, network=True, new_key=True)
        assert (tcp.network.error, await ask(port, key)) == ("", 200)


async def test_a_new_key_voids_the_old_one(live: LiveInProcess) -> None:
    tcp, old = await put(live, network=True, new_key=True)
    tcp, new = await put(live, new_key=True)
    assert tcp.network.addresses == (ADDRESS,)
    assert (await ask(tcp.port, old), await ask(tcp.port, new)) == (401, 200)


async def test_the_settings_key_is_used_and_not_replaced(home: Path) -> None:
    async with live_in_process(home, Script(), network_addresses=(ADDRESS,), tcp_port=free_port(), api_key=KEY) as live:
        tcp, told = await put(live, network=True)
        assert (tcp.network.key, told) == ("settings", "")
        assert await ask(tcp.port, KEY) == 200
        refused = await live.http.put("/settings/tcp", json={"enabled": True, "new_key": True})
        assert (refused.status_code, "config.toml" in refused.text) == (409, True)
        assert await ask(tcp.port, KEY) == 200


async def test_a_port_that_is_taken_there_leaves_all_as_it_was(live: LiveInProcess) -> None:
    with socket.socket() as other:
        other.bind((ADDRESS, 0))
        other.listen()
        port = other.getsockname()[1]
        refused = await live.http.put(
            "/settings/tcp", json={"enabled": True, "port": port, "network": True, "new_key": True}
        )
        assert refused.status_code == 409
        assert f"{ADDRESS}: port {port} is in use by" in refused.text
        status = live.service.tcp.status
        assert (status.enabled, status.listening, status.network) == (False, False, NetworkStatus())
        assert not is_open("127.0.0.1", port)


async def test_it_moves_with_the_port(live: LiveInProcess) -> None:
    tcp, key = await put(live, network=True, new_key=True)
    before, after = tcp.port, free_port()
    tcp, _ = await put(live, port=after)
    assert tcp.network.addresses == (ADDRESS,)
    assert not is_open(ADDRESS, before)
    assert await ask(after, key) == 200


async def test_it_follows_the_addresses_of_this_computer(live: LiveInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_door, "LOOK_SECONDS", 0.05)
    found: list[tuple[str, ...] | OSError] = [()]

    def find() -> tuple[str, ...]:
        if isinstance(found[-1], OSError):
            raise found.pop()
        return found[-1]

    monkeypatch.setattr(live.service.tcp._network, "_find", find)
    tcp, key = await put(live, network=True, new_key=True)
    assert (tcp.network.enabled, tcp.network.addresses) == (True, ())
    assert "no local network" in tcp.network.error
    found.append((ADDRESS, OTHER))
    found.append(OSError(24, "Too many open files"))  # once
    await until(lambda: live.service.tcp.status.network.addresses == (ADDRESS, OTHER))
    assert live.service.tcp.status.network.error == ""
    assert (await ask(tcp.port, key), await ask(tcp.port, key, OTHER)) == (200, 200)
    found.append((OTHER,))
    await until(lambda: live.service.tcp.status.network.addresses == (OTHER,))
    assert not is_open(ADDRESS, tcp.port)
    assert await ask(tcp.port, key, OTHER) == 200
    await put(live, network=False)
    await asyncio.sleep(0.2)
    assert not is_open(OTHER, tcp.port), "it is not followed any more"


async def test_web_pages_can_neither_open_it_nor_read_a_key(live: LiveInProcess) -> None:
    await put(live, origins=["*"])
    port = live.service.tcp.status.port
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as http:
        preflight = await http.options(
            "/settings/tcp", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
        )
    assert "PUT" not in preflight.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "body",
    [{"network": "yes"}, {"new_key": 1}, {"enabled": False, "network": True}],
)
async def test_a_bad_wish(live: LiveInProcess, body: dict[str, object]) -> None:
    response = await live.http.put("/settings/tcp", json={"enabled": True, **body})
    assert response.status_code == 400
    assert not live.service.tcp.status.enabled


def test_an_address_for_everything_is_refused(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("models_path", "socket_path", "state_dir", "config_dir")}
    for address in ("0.0.0.0", "::"):
        with pytest.raises(SettingsError, match="name the addresses"):
            Settings(**places, network_addresses=(address,))
    with pytest.raises(SettingsError, match="network_addresses: 'lan' is not an IP address"):
        Settings(**places, network_addresses=("lan",))
