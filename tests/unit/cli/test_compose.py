import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.compose import compose, metadata, wish_of
from dmr_desktop.cli.face import DOCKER_DIRECT
from dmr_desktop.cli.model_verbs import ls
from dmr_desktop.cli.parser import parse
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.notices import TcpStatus

CLOSED = TcpStatus(False, False, 12434)
OPEN = TcpStatus(True, True, 12434, ("127.0.0.1",))
BRIDGE = TcpStatus(True, True, 12434, ("172.17.0.1",))


def up(*options: str) -> Any:
    return parse(["compose", "--project-name=p", "up", *options, "llm"], DOCKER_DIRECT)


class Service:
    """Has ai/here; another model can be pulled, unless ``refuses``. ``conflicts`` answers of 409 come first."""

    def __init__(self, tcp: TcpStatus = OPEN, containers: TcpStatus = CLOSED, *, conflicts: int = 0) -> None:
        self.tcp, self.containers, self.conflicts = tcp, containers, conflicts
        self.configured: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        match request.method, request.url.path:
            case "GET", "/settings":
                return httpx.Response(200, json={"tcp": wire.dump(self.tcp), "containers": wire.dump(self.containers)})
            case "GET", "/models":
                return httpx.Response(200, json=[{"id": "sha256:0", "tags": ["docker.io/ai/here:latest"]}])
            case "POST", "/models/create":
                lines = [
                    {"type": "progress", "message": "", "total": 200 << 20, "layer": layer}
                    for layer in ({"id": "sha256:1", "size": 200 << 20, "current": 70 << 20},)
                ]
                done = {"type": "success", "message": "Model pulled successfully"}
                return httpx.Response(200, text="".join(json.dumps(line) + "\n" for line in [*lines, done]))
            case "POST", "/engines/_configure":
                if self.conflicts:
                    self.conflicts -= 1
                    return httpx.Response(409, text="runner already active\n")
                self.configured.append(json.loads(request.content))
                return httpx.Response(202)
        return httpx.Response(404)


@pytest.fixture
def act(screen_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def run(service: Service, *options: str) -> tuple[int, list[tuple[str, str]]]:
        screen = screen_for(service)
        screen.session.face = screen.session.terminal.face = DOCKER_DIRECT
        screen.session.environ = {"MODEL_RUNNER_NO_AUTO_INSTALL": "1"}
        code = compose(screen.session, up(*options))
        assert screen.err == ""
        return code, [(entry["type"], entry["message"]) for entry in map(json.loads, screen.out.splitlines())]

    return run


def test_up_pulls_what_is_missing_and_tells_where(act: Callable[..., Any]) -> None:
    service = Service()
    code, messages = act(service, "--model=ai/here", "--model=ai/there", "--runtime-flags=--temp 0.5")
    assert code == 0
    assert ("info", "Pulling ai/there") in messages
    assert ("info", "Pulling ai/here") not in messages
    assert ("info", "ai/there: Downloaded 73.40MB of 209.72MB") in messages
    assert [message for kind, message in messages if kind == "setenv"] == [
        "MODEL=ai/here,ai/there",
        "URL=http://localhost:12434/engines/v1/",
    ]
    assert service.configured == [
        {"model": "ai/here", "raw-runtime-flags": "--temp 0.5"},
        {"model": "ai/there", "raw-runtime-flags": "--temp 0.5"},
    ]


def test_containers_get_the_address_of_their_own_door(act: Callable[..., Any]) -> None:
    for tcp in (OPEN, CLOSED):
        _, messages = act(Service(tcp, BRIDGE), "--model=ai/here")
        assert messages[-1] == ("setenv", "URL=http://172.17.0.1:12434/engines/v1/")
        assert not any("this machine only" in message for _, message in messages)


def test_closed_doors_are_an_error_with_the_way_out(act: Callable[..., Any]) -> None:
    code, messages = act(Service(CLOSED), "--model=ai/here")
    assert code == 1
    assert messages[-1][0] == "error"
    assert "`docker model enable --containers`" in messages[-1][1]


def test_a_model_that_is_just_loading_is_waited_for(act: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmr_desktop.cli.configure._RETRY_SECONDS", 0.001)
    service = Service(conflicts=3)
    assert act(service, "--model=ai/here", "--context-size=99")[0] == 0
    assert service.configured == [{"model": "ai/here", "context-size": 99}]
    monkeypatch.setattr("dmr_desktop.cli.configure._PATIENCE_SECONDS", 0.0)
    code, messages = act(Service(conflicts=9), "--model=ai/here")
    assert (code, messages[-1]) == (1, ("error", "runner already active"))


@pytest.mark.parametrize("option", ["--context-size=x", "--speculative-num-tokens=x", "--context-size=2147483648"])
def test_bad_numbers_are_told(option: str) -> None:
    with pytest.raises(InvalidRequest):
        wish_of(up("--model=a", option))


def test_down_and_metadata(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    assert compose(screen.session, parse(["compose", "--project-name", "p", "down", "llm"], DOCKER_DIRECT)) == 0
    assert screen.out == ""
    assert compose(screen.session, parse(["compose", "metadata"], DOCKER_DIRECT)) == 0
    assert json.loads(screen.out) == metadata()
    parameters = metadata()["up"]["parameters"]  # type: ignore[index, call-overload]
    assert [entry["name"] for entry in parameters] == sorted(entry["name"] for entry in parameters)
    assert [entry["name"] for entry in parameters if "default" not in entry] == [
        "runtime-flags",
        "speculative-draft-model",
    ]


def test_compose_finds_a_model_under_every_spelling(screen_for: Callable[..., Any]) -> None:
    screen = screen_for(Service())
    screen.session.face = replace(DOCKER_DIRECT)
    ls(screen.session, parse(["ls", "--json"], DOCKER_DIRECT))
    assert json.loads(screen.out)[0]["tags"] == [
        "docker.io/ai/here:latest",
        "ai/here:latest",
        "here:latest",
        "docker.io/ai/here",
        "ai/here",
        "here",
    ]
