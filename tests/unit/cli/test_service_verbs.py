import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dmr_desktop import __version__
from dmr_desktop.cli.desktop_verb import desktop
from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.quickstart import tcp_line
from dmr_desktop.cli.service_verbs import disable, enable, open_tcp, stop, version
from dmr_desktop.cli.status import status
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import InvalidRequest, PortInUse
from dmr_desktop.protocol.notices import NetworkStatus, TcpStatus

OPEN = TcpStatus(True, True, 12434, ("127.0.0.1",))
CLOSED = TcpStatus(False, False, 12434)


def service(tcp: TcpStatus) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        answers: dict[str, Any] = {
            "/version": {"version": "1.2.3"},
            "/engines/status": {"vllm": "Not Installed: Python not found", "llama.cpp": "Running: llama.cpp b1"},
            "/settings": {"tcp": wire.dump(tcp)},
            "/settings/tcp": wire.dump(tcp),
        }
        return httpx.Response(200, json=answers[request.url.path])

    return handler


def test_status_lists_backends_and_the_doors(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(service(OPEN))
    assert status(screen.session, parse(["status"])) == 0
    lines = [line.rstrip() for line in screen.out.splitlines()]
    assert lines[0] == "DMR Desktop is running"
    assert lines[2:5] == [
        "BACKEND    STATUS         DETAILS",
        "llama.cpp  Running        llama.cpp b1",
        "vllm       Not Installed  Python not found",
    ]
    assert lines[-1].endswith("on, http://localhost:12434")


def test_status_as_json_is_one_line(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(service(OPEN))
    status(screen.session, parse(["status", "--json"]))
    assert screen.out.count("\n") == 1
    found = json.loads(screen.out)
    assert found["running"] is True
    assert found["endpoint"] == "http://localhost:12434/v1/"
    assert found["backends"]["llama.cpp"] == "Running: llama.cpp b1"
    screen = screen_for(service(CLOSED))
    status(screen.session, parse(["status", "--json"]))
    found = json.loads(screen.out)
    assert (found["endpoint"], found["tcp"]) == ("http://localhost:12434/v1/", False)


def test_status_of_a_service_that_is_not_there_is_exit_1(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    assert status(screen.session, parse(["status"])) == 1
    assert screen.out == "DMR Desktop is not running\n"
    assert "dmr serve" in screen.err
    screen = screen_for()
    assert status(screen.session, parse(["status", "--json"])) == 1
    found = json.loads(screen.out)
    assert found["running"] is False
    assert found["backends"] == {}


def test_a_taken_port_keeps_the_services_words_and_offers_another(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(lambda request: httpx.Response(409, text="port 12434 is taken by nginx (pid 7)\n"))
    with pytest.raises(PortInUse, match="nginx") as caught:
        open_tcp(screen.session, 12434)
    assert "--tcp 12435" in caught.value.hint
    with pytest.raises(PortInUse) as caught:
        open_tcp(screen.session, 65535)
    assert "--tcp 65534" in caught.value.hint


def test_disable_and_version(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(service(CLOSED))
    assert disable(screen.session, parse(["disable"])) == 0
    assert version(screen.session, parse(["version"])) == 0
    assert " Version:    1.2.3" in screen.out
    screen = screen_for()
    assert version(screen.session, parse(["version"])) == 0
    assert "(not reachable)" in screen.out


@pytest.mark.parametrize("doors", [("--containers",), ("--lan",), ("--containers", "--lan"), ()])
def test_disable_closes_every_door_that_was_named(screen_for: Callable[..., Any], doors: tuple[str, ...]) -> None:
    closed: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "PUT":
            closed.append("--lan" if b"network" in request.content else path.removeprefix("/settings/"))
        both = {"tcp": wire.dump(OPEN), "containers": wire.dump(OPEN)}
        return httpx.Response(200, json=both if path == "/settings" else wire.dump(CLOSED))

    screen = screen_for(handler)
    assert disable(screen.session, parse(["disable", *doors])) == 0
    assert set(closed) == ({door.replace("--containers", "containers") for door in doors} or {"containers", "tcp"})


@pytest.mark.parametrize("more", [["--lan"], ["--new-key"], ["--cors", "all"]])
def test_container_access_is_a_door_of_its_own(screen_for: Callable[..., Any], more: list[str]) -> None:
    screen = screen_for()
    with pytest.raises(InvalidRequest, match="a door of its own"):
        enable(screen.session, parse(["enable", "--containers", *more]))


@pytest.mark.parametrize("door", ["--containers", "--lan"])
def test_no_tcp_opens_and_closes_no_other_door(screen_for: Callable[..., Any], door: str) -> None:
    screen = screen_for()
    with pytest.raises(InvalidRequest, match="--no-tcp"):
        desktop(screen.session, parse(["desktop", "enable", "model-runner", "--no-tcp", door]))


def test_quickstart_says_who_gets_in() -> None:
    assert tcp_line(OPEN) == "TCP is open on port 12434, for programs on this machine only"
    wide = replace(OPEN, network=NetworkStatus(True, ("192.168.1.5",), "", "stored"))
    assert tcp_line(wide).endswith("for programs on this machine and, with the API key, the local network")


def test_versions_as_json(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(service(CLOSED))
    assert version(screen.session, parse(["version", "--json"])) == 0
    told = json.loads(screen.out)
    assert told["client"]["version"] == __version__
    assert told["server"] == {"version": "1.2.3", "engine": "DMR Desktop"}
    screen = screen_for()
    assert version(screen.session, parse(["version", "--json"])) == 0
    assert json.loads(screen.out)["server"] is None


def test_stopping_what_does_not_run_is_fine(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    assert stop(screen.session, parse(["stop"])) == 0
    assert screen.out == "The service is not running.\n"
