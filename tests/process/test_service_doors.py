"""The doors besides the socket and TCP's main one: for containers, for other machines, and extra ports.

127.0.0.2 and 127.0.0.3 stand for the address of a container bridge and of a network.
"""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.protocol.wire import load
from dmr_desktop.service import container_switch
from dmr_desktop.settings import Settings, SettingsError
from tests.fakes.scripted_backend import Script
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess, free_port, live_in_process

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is there")

BRIDGE, NETWORK, KEY = "127.0.0.2", "127.0.0.3", "a-key-of-many-characters"
MODEL = "dmr.local/demo"
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def live(home: Path) -> AsyncIterator[LiveInProcess]:
    async with live_in_process(home, Script(), container_addresses=(BRIDGE,), tcp_port=free_port()) as found:
        yield found


async def switch(live: LiveInProcess, enabled: bool, **more: int) -> TcpStatus:
    response = await live.http.put("/settings/containers", json={"enabled": enabled, **more})
    assert response.status_code == 200, response.text
    return load(TcpStatus, response.json())


@asynccontextmanager
async def container(live: LiveInProcess, host: str = BRIDGE, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    port = live.service.containers.status.port
    async with httpx.AsyncClient(base_url=f"http://{BRIDGE}:{port}", headers={"Host": host, **headers}) as http:
        yield http


def is_open(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


async def test_it_is_closed_until_it_is_switched_on_and_the_wish_is_remembered(home: Path) -> None:
    port = free_port()
    async with live_in_process(home, Script(), container_addresses=(BRIDGE,), tcp_port=port) as live:
        assert not is_open(BRIDGE, port)
        assert await switch(live, True) == TcpStatus(True, True, port, (BRIDGE,))
        assert is_open(BRIDGE, port)
        assert not is_open("127.0.0.1", port)
        settings = (await live.http.get("/settings")).json()
        assert settings["containers"]["listening"] is True
    assert not is_open(BRIDGE, port)
    async with live_in_process(home, Script(), container_addresses=(BRIDGE,), tcp_port=port) as live:
        assert is_open(BRIDGE, port)
        assert (await switch(live, False)).listening is False
        assert not is_open(BRIDGE, port)
    async with live_in_process(home, Script(), container_addresses=(BRIDGE,), tcp_port=port):
        assert not is_open(BRIDGE, port)


async def test_containers_use_models_and_nothing_else(live: LiveInProcess) -> None:
    await switch(live, True)
    async with container(live) as http:
        assert (await http.post("/v1/chat/completions", json=CHAT)).status_code == 200
        assert (await http.get("/models")).json()[0]["tags"] == [f"{MODEL}:latest"]
        assert (await http.get("/api/tags")).status_code == 200
        for method, path in (
            ("POST", "/models/create"),
            ("DELETE", f"/models/{MODEL}"),
            ("GET", f"/models/{MODEL}?remote=true"),
            ("POST", "/engines/_configure"),
            ("POST", "/engines//_configure"),
            ("POST", "/engines/unload"),
            ("GET", "/engines/requests"),
            ("GET", "/logs"),
            ("GET", "/metrics"),
            ("GET", "/v1/models/../../logs"),
            ("PUT", "/settings/containers"),
            ("POST", "/service/stop"),
            ("POST", "/api/pull"),
        ):
            refused = await http.request(method, path, json={"enabled": True, "all": True, "from": "ai/x"})
            assert refused.status_code == 403, (method, path, refused.text)
    assert not live.service.stopping.is_set()
    assert len((await live.http.get("/models")).json()) == 1


@pytest.mark.parametrize("name", ["host.docker.internal:12434", "model-runner.docker.internal", "localhost", BRIDGE])
async def test_the_names_that_containers_use(live: LiveInProcess, name: str) -> None:
    await switch(live, True)
    async with container(live, name) as http:
        assert (await http.get("/v1/models")).status_code == 200


async def test_web_pages_are_kept_out_of_this_door_too(live: LiveInProcess) -> None:
    await switch(live, True)
    async with container(live, "evil.example") as http:
        assert (await http.get("/v1/models")).status_code == 403
    async with container(live, Origin="http://evil.example") as http:
        assert (await http.get("/v1/models")).status_code == 403
    port = await live.open_tcp()
    async with httpx.AsyncClient() as http:
        outside = await http.get(f"http://127.0.0.1:{port}/v1/models", headers={"Host": "host.docker.internal"})
    assert outside.status_code == 403  # these names are for that door alone


async def test_an_address_that_is_not_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_switch, "RETRY_SECONDS", 0.05)
    addresses = ("192.0.2.1",)
    async with live_in_process(home, Script(), container_addresses=addresses, tcp_port=free_port()) as live:
        refused = await live.http.put("/settings/containers", json={"enabled": True})
        assert refused.status_code == 409
        assert refused.text == ("this machine has no network with the address 192.0.2.1: is the container engine on?\n")
        assert (await live.http.get("/settings")).json()["containers"]["enabled"] is False
    # A wish that was fulfilled once is kept, and fulfilled as soon as the address is there.
    (home / "state" / "containers.json").write_text(f'{{"enabled": true, "port": {free_port()}}}')
    async with live_in_process(home, Script(), container_addresses=addresses) as live:
        status = live.service.containers.status
        assert (status.enabled, status.listening) == (True, False)
        assert "192.0.2.1" in status.error
        monkeypatch.setattr(live.service.containers, "_addresses", (BRIDGE,))
        await until(lambda: live.service.containers.status.listening)
        assert is_open(BRIDGE, live.service.containers.status.port)


async def test_a_port_that_is_taken(live: LiveInProcess) -> None:
    with socket.socket() as other:
        other.bind((BRIDGE, 0))
        other.listen()
        response = await live.http.put("/settings/containers", json={"enabled": True, "port": other.getsockname()[1]})
    assert response.status_code == 409
    assert "is in use by" in response.text


@pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": True, "port": 0}, []])
async def test_a_bad_wish(live: LiveInProcess, body: object) -> None:
    assert (await live.http.put("/settings/containers", json=body)).status_code == 400
    assert live.service.containers.status.listening is False


# ---- other machines ----------------------------------------------------------------------------


async def test_other_addresses_need_the_key(home: Path) -> None:
    port = free_port()
    async with live_in_process(home, Script(), bind_addresses=(NETWORK,), api_key=KEY, tcp_port=port) as live:
        base = f"http://{NETWORK}:{port}"
        async with httpx.AsyncClient(base_url=base, headers={"Host": "some-machine.lan"}) as http:
            assert (await http.get("/")).text == "Docker Model Runner is running"
            for headers in ({}, {"x-api-key": "wrong"}, {"Authorization": "Bearer wrong"}, {"Cookie": KEY}):
                refused = await http.post("/v1/chat/completions", json=CHAT, headers=headers)
                assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
                assert refused.json()["error"]["type"] == "authentication_error"
            assert (await http.get(f"/v1/models?api_key={KEY}")).status_code == 401
            assert (await http.get("/none")).status_code == 401
            for headers in ({"x-api-key": KEY}, {"Authorization": f"Bearer {KEY}"}):
                assert (await http.get("/logs", headers=headers)).status_code == 200
        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=KEY) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=CHAT["messages"])
            assert answer.choices[0].message.content == "Hello world"
        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        assert KEY not in (await live.http.get("/settings")).text
        assert not is_open("127.0.0.1", port)


async def test_the_key_opens_the_control_plane_to_containers(home: Path) -> None:
    async with live_in_process(
        home, Script(), container_addresses=(BRIDGE,), api_key=KEY, tcp_port=free_port()
    ) as live:
        await switch(live, True)
        async with container(live) as http:
            assert (await http.get("/logs")).status_code == 403
            assert (await http.get("/logs", headers={"x-api-key": KEY})).status_code == 200


def test_other_addresses_without_a_key_are_refused(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("models_path", "socket_path", "state_dir", "config_dir")}
    with pytest.raises(SettingsError, match="set api_key"):
        Settings(**places, bind_addresses=("0.0.0.0",))
    with pytest.raises(SettingsError, match="at least 16"):
        Settings(**places, api_key="short")
    with pytest.raises(SettingsError, match="not an IP address"):
        Settings(**places, container_addresses=("docker0",))
    assert KEY not in repr(Settings(**places, api_key=KEY))


async def test_an_address_that_is_taken_ends_the_start(home: Path) -> None:
    with socket.socket() as other:
        other.bind((NETWORK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Conflict, match=f"{NETWORK}: port {port} is in use"):
            async with live_in_process(home, Script(), bind_addresses=(NETWORK,), api_key=KEY, tcp_port=port):
                pass


async def test_an_address_that_this_machine_has_not_ends_the_start(home: Path) -> None:
    with pytest.raises(Conflict, match="no network with the address 192") as caught:
        async with live_in_process(home, Script(), bind_addresses=("192.0.2.1",), api_key=KEY, tcp_port=free_port()):
            pass
    assert "bind_addresses" in caught.value.hint


# ---- extra ports -------------------------------------------------------------------------------


async def test_extra_ports_open_and_close_with_tcp(home: Path) -> None:
    first, second = free_port(), free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        async with live_in_process(home, Script(), extra_ports=(first, taken, second)) as live:
            assert not is_open("127.0.0.1", first)
            port = await live.open_tcp()
            assert [is_open("127.0.0.1", number) for number in (port, first, second)] == [True] * 3
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"http://localhost:{second}/v1/models")).status_code == 200
            await live.service.tcp.set(False)
            assert [is_open("127.0.0.1", number) for number in (port, first, second)] == [False] * 3
