"""What Olla sends to an endpoint of type ``docker-model-runner``, byte for byte, and what it reads of the answers.

It passes its clients' requests on: bodies become chunked, keys are taken away, and headers of a proxy are added.
"""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
import yaml

from dmr_desktop.settings import asset
from tests.clients.raw_http import Answer, chunked, exchange, head
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HOST = "localhost:12434"
AGENT = "openai-python/2.54.0"
FORWARDED = {
    "Accept_Encoding": "gzip",
    "Transfer_Encoding": "chunked",
    "Via": "1.1 olla/v0.0.20",
    "X_Forwarded_For": "192.0.2.7",
    "X_Forwarded_Host": "olla.example:40114",
    "X_Forwarded_Proto": "http",
    "X_Model": DEMO,
    "X_Proxied_By": "Olla/v0.0.20",
    "X_Real_Ip": "192.0.2.7",
}


def proxied(service: LiveService, path: str, body: bytes, **more: str) -> Answer:
    """The body in two chunks, each written by itself."""
    first = head(f"POST {path}", Host=HOST, User_Agent=AGENT, Content_Type="application/json", **more, **FORWARDED)
    half = len(body) // 2
    wire = chunked(body[:half], body[half:])
    return exchange(service, first, wire[: half + 3], wire[half + 3 :])


# ---- health and discovery -----------------------------------------------------------------------


def test_a_health_check(live_service: LiveService) -> None:
    request = head("GET /engines/v1/models", Host=HOST, User_Agent="Olla-HealthChecker/v0.0.20", Accept_Encoding="gzip")
    assert exchange(live_service, request).status in range(200, 300)


def test_discovery(live_service: LiveService) -> None:
    request = head(
        "GET /engines/v1/models",
        Host=HOST,
        User_Agent="Olla-ModelDiscovery/v0.0.20",
        Accept="application/json",
        Accept_Encoding="gzip",
    )
    answer = exchange(live_service, request)
    assert len(answer.body) < 10 * 1024 * 1024
    found = answer.json()
    assert found["object"] == "list"
    (model,) = found["data"]
    assert (model["id"], model["object"], model["owned_by"]) == (f"{DEMO}:latest", "model", "docker")
    assert type(model["created"]) is int


def test_health_is_told_while_answers_are_written(live_service: LiveService) -> None:
    """A slow list of models would make Olla believe that this machine is busy."""
    body = {
        "model": DEMO,
        "messages": [{"role": "user", "content": "Tell me a long story about a cat."}],
        "stream": True,
        "max_tokens": 400,
    }
    with live_service.http() as http, http.stream("POST", "/engines/v1/chat/completions", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        test_a_health_check(live_service)
        rest = list(lines)
    assert "data: [DONE]" in rest


def test_our_configuration_asks_the_same() -> None:
    """Only its commented lines are for a second machine; they are written as the first."""
    text = asset("olla/olla.yaml").read_text()
    (endpoint,) = yaml.safe_load(text)["discovery"]["static"]["endpoints"]
    assert endpoint["type"] == "docker-model-runner"
    assert endpoint["health_check_url"] == endpoint["model_url"] == "/engines/v1/models"
    both = yaml.safe_load(text.replace("      # - ", "      - ").replace("      #   ", "        "))
    first, second = both["discovery"]["static"]["endpoints"]
    assert first.keys() == second.keys()
    assert first["url"] != second["url"]


# ---- what it passes on --------------------------------------------------------------------------

QUESTION = b'"messages":[{"role":"user","content":"What is 3 plus 4?"}],"temperature":0,"max_tokens":40'
MODEL = b'"model":"dmr.local/demo",'


@pytest.mark.parametrize("base", ["/engines/v1", "/engines/llama.cpp/v1"])
def test_chat_by_both_families_of_paths(live_service: LiveService, base: str) -> None:
    whole = proxied(live_service, f"{base}/chat/completions", b"{" + MODEL + QUESTION + b"}").json()
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert all(type(whole["usage"][name]) is int for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    events = proxied(
        live_service, f"{base}/chat/completions", b"{" + MODEL + b'"stream":true,' + QUESTION + b"}"
    ).events()
    assert events.pop() == ("", "[DONE]")
    deltas = [choice["delta"] for _, data in events for choice in json.loads(data)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole["choices"][0]["message"]["content"]


@pytest.mark.parametrize("base", ["/engines/v1", "/engines/llama.cpp/v1"])
def test_embeddings_and_completions(live_service: LiveService, base: str) -> None:
    found = proxied(live_service, f"{base}/embeddings", b"{" + MODEL + b'"input":["a","b"]}').json()
    assert len(found["data"]) == 2
    found = proxied(live_service, f"{base}/completions", b"{" + MODEL + b'"prompt":"the","max_tokens":3}').json()
    assert found["usage"]["completion_tokens"] <= 3


def test_anthropic_is_passed_through(live_service: LiveService) -> None:
    more = {"Anthropic_Version": "2023-06-01"}
    path, body = "/anthropic/v1/messages", b"{" + MODEL + QUESTION + b"}"
    whole = proxied(live_service, path, body, **more).json()
    assert (whole["type"], whole["stop_reason"]) == ("message", "end_turn")
    events = proxied(live_service, path, body[:-1] + b',"stream":true}', **more).events()
    assert (events[0][0], events[-1][0]) == ("message_start", "message_stop")
    deltas = [json.loads(data)["delta"] for name, data in events if name == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == whole["content"][0]["text"]


def test_errors_are_in_the_dialect_of_the_path(live_service: LiveService) -> None:
    body = b'{"model":"nobody/nothing",' + QUESTION + b"}"
    openai = proxied(live_service, "/engines/v1/chat/completions", body)
    assert (openai.status, openai.json()["error"]["code"]) == (404, "model_not_found")
    anthropic = proxied(live_service, "/anthropic/v1/messages", body)
    assert (anthropic.status, anthropic.json()["type"]) == (404, "error")
    assert anthropic.json()["error"]["type"] == "not_found_error"


def test_a_chunked_body_has_the_same_bounds(live_service: LiveService) -> None:
    first = head("POST /engines/v1/chat/completions", Host=HOST, Content_Type="application/json", **FORWARDED)
    broken = exchange(live_service, first, chunked(b'{"model": '))
    assert broken.status == 400
    assert "message" in broken.json()["error"]
    assert proxied(live_service, "/engines/v1/chat/completions", b"{" + MODEL + QUESTION + b"}").status == 200


# ---- over the network ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a service with TCP open, whose checks of Host and Origin hold there."""
    service, found = start_live_service(tmp_path_factory.mktemp("dmr")), free_port()
    try:
        with service.http() as http:
            http.put("/settings/tcp", json={"enabled": True, "port": found}).raise_for_status()
        yield found
    finally:
        stop_live_service(service)


def test_the_headers_of_a_proxy_pass_and_mean_nothing(port: int) -> None:
    """``Host`` is ours; what Olla's own client called it, and where it is, gives no rights and takes none."""
    headers = {name.replace("_", "-"): value for name, value in FORWARDED.items() if name != "Transfer_Encoding"}
    body = b"{" + MODEL + QUESTION + b"}"

    def parts() -> Iterator[bytes]:
        yield body[:10]
        yield body[10:]

    url = f"http://127.0.0.1:{port}/engines/v1/chat/completions"
    answer = httpx.post(url, content=parts(), headers=headers, timeout=60)
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert answer.status_code == 200, answer.text
    refused = httpx.post(url, json={}, headers={**headers, "Host": "olla.example", "X-Forwarded-Host": "localhost"})
    assert refused.status_code == 403


def test_a_connection_is_kept_for_the_next_request(port: int) -> None:
    request = head("GET /engines/v1/models", Host=f"127.0.0.1:{port}", User_Agent="Olla-HealthChecker/v0.0.20")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"]}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
