"""Every call's request and what it makes of the answer, over a played service."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dmr_desktop.client.answers import ChatChunk, DiskUsage, Removal
from dmr_desktop.client.client import Client
from dmr_desktop.client.endpoint import TcpEndpoint, UnixEndpoint
from dmr_desktop.client.openai_server import OpenAIServer
from dmr_desktop.protocol import wire
from dmr_desktop.protocol.errors import (
    AccessDenied,
    DMRError,
    InvalidReference,
    ModelNotFound,
    PortInUse,
    RegistryError,
    RunnerCrashed,
    ServiceUnreachable,
    Unauthorized,
)
from dmr_desktop.protocol.models import Progress
from dmr_desktop.protocol.notices import GpuSample, Snapshot, TcpStatus, TelemetrySample
from tests.fakes.played_http import Handler, PlayedHTTP

TCP = TcpStatus(enabled=True, listening=True, port=12434, addresses=("127.0.0.1:12434",))


def client_for(handler: Handler) -> Client:
    return Client(TcpEndpoint("http://dmr.test"), transport=PlayedHTTP(handler))


def answer(value: object, status: int = 200) -> Handler:
    return lambda request: httpx.Response(status, json=value)


def lines(*values: object) -> httpx.Response:
    return httpx.Response(200, content="".join(json.dumps(value) + "\n" for value in values))


def sse(*data: str) -> httpx.Response:
    content = "".join(f"data: {item}\n\n" for item in data)
    return httpx.Response(200, content=content, headers={"Content-Type": "text/event-stream"})


def test_requests_are_those_of_the_contract() -> None:
    seen: list[tuple[str, str, object]] = []
    answers: dict[str, object] = {
        "/version": {"version": "1"},
        "/engines/df": {"models_disk_usage": 5, "default_backend_disk_usage": 6},
        "/engines/unload": {"unloaded_runners": 2},
        "/settings/tcp": wire.dump(TCP),
        "/models/docker.io/ai/x:1": [{"Untagged": "docker.io/ai/x:1"}],
    }

    def handler(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, str(request.url).removeprefix("http://dmr.test"), body))
        return httpx.Response(200, json=answers.get(request.url.path))

    with client_for(handler) as client:
        assert client.version() == "1"
        assert client.disk_usage() == DiskUsage(5, 6)
        assert client.unload(["ai/x"], backend="llama.cpp") == 2
        assert client.set_tcp(True, 12434) == TCP
        assert client.remove("docker.io/ai/x:1", force=True) == (Removal("Untagged", "docker.io/ai/x:1"),)
        client.tag("ai/x", "reg.example.com:5000/me/y")
        client.tag("ai/x", "me/y:v1")
        client.configure("ai/x", context_size=4096, keep_alive="-1")
        client.stop_service()
    assert seen == [
        ("GET", "/version", None),
        ("GET", "/engines/df", None),
        ("POST", "/engines/unload", {"all": False, "backend": "llama.cpp", "models": ["ai/x"]}),
        ("PUT", "/settings/tcp", {"enabled": True, "port": 12434}),
        ("DELETE", "/models/docker.io/ai/x:1?force=true", None),
        ("POST", "/models/ai/x/tag?repo=reg.example.com%3A5000%2Fme%2Fy&tag=latest", None),
        ("POST", "/models/ai/x/tag?repo=me%2Fy&tag=v1", None),
        ("POST", "/engines/_configure", {"model": "ai/x", "context-size": 4096, "keep_alive": "-1"}),
        ("POST", "/service/stop", None),
    ]


def test_management_errors_keep_their_text_and_get_their_type() -> None:
    with (
        client_for(lambda request: httpx.Response(404, text="model not found\n")) as client,
        pytest.raises(ModelNotFound, match="model not found"),
    ):
        client.inspect("ai/x")
    with (
        client_for(answer({"error": {"message": "port 1 is taken", "code": "port_in_use"}}, 409)) as client,
        pytest.raises(PortInUse),
    ):
        client.set_tcp(True, 1)


@pytest.mark.parametrize("reference", ["", "../x", "a/../b", "a//b", "/etc/passwd", ".", "a/."])
def test_names_that_would_climb_out_are_refused_here(reference: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    with client_for(handler) as client, pytest.raises(InvalidReference):
        client.inspect(reference)


def test_special_characters_of_a_name_stay_in_the_path() -> None:
    paths: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(200, json={"id": "x"})

    with client_for(handler) as client:
        client.inspect("a?b#c d%2F:tag@sha256:00")
    assert paths == [b"/models/a%3Fb%23c%20d%252F:tag@sha256:00"]


def test_a_pull_gives_its_lines_and_ends_with_success() -> None:
    sent = [Progress("progress", "", 10, "sha256:a", 10, 4), Progress("success", "Model pulled successfully")]
    with client_for(lambda request: lines(*(item.to_json() for item in sent))) as client:
        assert list(client.pull("ai/x")) == sent


def test_a_pull_that_fails_or_breaks_off_raises() -> None:
    failure = Progress("error", "Error: digest mismatch").to_json()
    with client_for(lambda request: lines(failure)) as client, pytest.raises(RegistryError, match=r"^digest mismatch$"):
        list(client.pull("ai/x"))
    with (
        client_for(lambda request: lines(Progress("progress", "").to_json())) as client,
        pytest.raises(ServiceUnreachable, match="broke off"),
    ):
        list(client.pull("ai/x"))
    with (
        client_for(lambda request: httpx.Response(200, text="Model not found\n")) as client,
        pytest.raises(DMRError, match="not JSON"),
    ):
        list(client.pull("ai/x"))


def test_chat_streams_until_done() -> None:
    chunk = '{"choices":[{"delta":{"content":"a\\u2028b"}}]}'
    with client_for(lambda request: sse(chunk, "[DONE]")) as client:
        assert list(client.chat("m", [{"role": "user", "content": "x"}], temperature=0)) == [ChatChunk("a\u2028b")]


def test_chat_lines_are_not_cut_at_unicode_line_separators() -> None:
    chunk = '{"choices":[{"delta":{"content":"a\u2028b\u0085c"}}]}'
    with client_for(lambda request: sse(chunk, "[DONE]")) as client:
        assert [item.text for item in client.chat("m", [])] == ["a\u2028b\u0085c"]


def test_chat_raises_an_error_in_mid_stream_and_a_missing_end() -> None:
    chunk = '{"choices":[{"delta":{"content":"a"}}]}'
    crash = '{"error":{"message":"died","code":"runner_crashed"}}'
    with client_for(lambda request: sse(chunk, crash)) as client:
        stream = client.chat("m", [])
        assert next(stream).text == "a"
        with pytest.raises(RunnerCrashed, match="died"):
            next(stream)
    with client_for(lambda request: sse(chunk)) as client, pytest.raises(ServiceUnreachable):
        list(client.chat("m", []))


def test_events_become_protocol_values() -> None:
    snapshot = Snapshot("1", "/run/s", "/models", 5.0, TCP)
    content = f'event: snapshot\ndata: {json.dumps(wire.dump(snapshot))}\n\nevent: models\ndata: {{"models": []}}\n\n'
    with client_for(lambda request: httpx.Response(200, content=content)) as client:
        assert list(client.events()) == [("snapshot", snapshot), ("models", {"models": []})]


def test_telemetry() -> None:
    sample = TelemetrySample(1.0, 50.0, 1, 2, 3, 4.0, 0, (GpuSample("g", None, 1, 2),))
    with client_for(answer({"telemetry": wire.dump([sample])})) as client:
        assert client.telemetry() == (sample,)


def test_an_older_or_newer_service_is_named_as_the_cause() -> None:
    content = 'event: tcp\ndata: {"new": 1}\n\n'
    with (
        client_for(lambda request: httpx.Response(200, content=content)) as client,
        pytest.raises(DMRError) as caught,
    ):
        list(client.events())
    assert "restart" in caught.value.hint


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (httpx.ConnectError("refused"), ServiceUnreachable),
        (httpx.ReadError("reset"), ServiceUnreachable),
        (httpx.RemoteProtocolError("cut"), ServiceUnreachable),
        (httpx.ReadTimeout("slow"), DMRError),
    ],
)
def test_foreign_errors_become_ours_with_a_next_step(foreign: Exception, ours: type[DMRError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise foreign

    with client_for(handler) as client:
        with pytest.raises(ours) as caught:
            client.version()
        assert caught.value.hint
        with pytest.raises(ours):
            list(client.pull("x"))


@pytest.mark.parametrize("call", [Client.models, lambda client: list(client.pull("ai/x"))])
def test_a_service_that_wants_its_key_is_told_from_a_registry_that_does(call: Callable[[Client], object]) -> None:
    text = '{"error": {"message": "an API key is needed", "code": "unauthorized"}}'
    own = httpx.Response(401, headers={"WWW-Authenticate": "Bearer"}, text=text)
    client = Client(TcpEndpoint("http://h:1"), transport=PlayedHTTP(lambda _: own))
    with pytest.raises(AccessDenied, match="http://h:1 wants its API key") as caught:
        call(client)
    assert "set DMR_API_KEY" in caught.value.hint
    registrys = httpx.Response(401, text="unauthorized")
    with pytest.raises(Unauthorized):
        call(Client(TcpEndpoint("http://h:1"), transport=PlayedHTTP(lambda _: registrys)))


def test_no_socket_means_no_service(tmp_path: Path) -> None:
    with Client(UnixEndpoint(tmp_path / "none.sock")) as client, pytest.raises(ServiceUnreachable) as caught:
        client.version()
    assert "dmr serve" in caught.value.hint


@pytest.mark.parametrize("call", [Client.models, Client.ps, Client.version, Client.backends, Client.disk_usage])
def test_another_program_at_the_address_is_not_a_missing_model(call: Callable[[Client], object]) -> None:
    client = client_for(lambda request: httpx.Response(404, text="404 page not found\n"))
    with pytest.raises(DMRError, match=r"what answers at http://dmr\.test is no model runner") as caught:
        call(client)
    assert not isinstance(caught.value, ModelNotFound)
    assert caught.value.evidence == "404 page not found"


def test_who_set_an_address_is_told_where_it_stands(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ServiceUnreachable) as caught:
        client_for(refuse).models()
    assert "MODEL_RUNNER_HOST" in caught.value.hint
    with pytest.raises(ServiceUnreachable) as caught:
        Client(UnixEndpoint(tmp_path / "none.sock")).models()
    assert caught.value.hint.startswith("start it with `dmr serve")
    server = OpenAIServer(TcpEndpoint("http://dmr.test"), transport=PlayedHTTP(refuse))
    with pytest.raises(ServiceUnreachable, match="no service answers") as caught:
        server.openai_models_at_root()
    assert caught.value.hint.startswith("is that server running")
