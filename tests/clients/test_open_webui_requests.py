"""What Open WebUI 0.12.4 sends, byte for byte as it was recorded, and what it reads of the answers.

``test_open_webui.py`` runs the program itself; this needs nothing but the service.
"""

import json
import socket
from datetime import datetime
from http.client import HTTPResponse
from typing import Any

import pytest

from tests.fixtures_live import LiveService

pytestmark = pytest.mark.slow

MODEL = b"dmr.local/demo:latest"
_AGENT = b"Accept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nUser-Agent: Python/3.11 aiohttp/3.14.5\r\n"
_JSON = b"Content-Type: application/json\r\n"
_KEY = b"Authorization: Bearer dmr\r\n"


class Answer:
    """``json`` as aiohttp reads it: any other content type than JSON's is refused."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.content_type = response.headers["content-type"]
        self.body = response.read()

    def json(self) -> Any:
        assert self.content_type == "application/json"
        return json.loads(self.body)

    def lines(self) -> list[Any]:
        assert (self.status, self.content_type) == (200, "application/x-ndjson")
        return [json.loads(line) for line in self.body.splitlines()]


def send(service: LiveService, method: bytes, path: bytes, body: bytes | None = None, headers: bytes = _JSON) -> Answer:
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    head = b"%b %b HTTP/1.1\r\nHost: 127.0.0.1:12434\r\n%b%b%b\r\n" % (method, path, headers, _AGENT, length)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(service.socket_path))
        connection.sendall(head + (body or b""))
        response = HTTPResponse(connection, method=method.decode())
        response.begin()
        return Answer(response)


def chat(service: LiveService, rest: bytes) -> Answer:
    return send(service, b"POST", b"/api/chat", b'{"model":"' + MODEL + b'",' + rest + b"}")


def check_usage(last: Any) -> None:
    """Open WebUI computes with these: a missing one counts as 0, null breaks it."""
    for name in ("prompt_eval_count", "eval_count", "total_duration", "load_duration"):
        assert isinstance(last[name], int)
    for name in ("prompt_eval_duration", "eval_duration"):
        assert last[name] / 10_000_000 > 0
    assert last["done_reason"] in ("stop", "length")


# ---- lists -------------------------------------------------------------------------------------


def test_the_connection_check(live_service: LiveService) -> None:
    version = send(live_service, b"GET", b"/api/version").json()["version"]
    assert len(tuple(map(int, version.split(".")))) >= 2


def test_both_connections_list_a_model_under_one_id(live_service: LiveService) -> None:
    (entry,) = send(live_service, b"GET", b"/api/tags").json()["models"]
    assert entry["model"] == entry["name"] == MODEL.decode()
    assert {"size", "digest", "modified_at", "details"} <= entry.keys()
    listed = send(live_service, b"GET", b"/engines/v1/models", headers=_KEY).json()["data"]
    assert [model["id"] for model in listed] == [entry["model"]]


def test_show(live_service: LiveService) -> None:
    found = send(live_service, b"POST", b"/api/show", b'{"model":"dmr.local/demo:latest"}').json()
    assert found["details"]["family"] == "llama"


def test_what_is_loaded_until_it_is_unloaded(live_service: LiveService) -> None:
    chat(live_service, b'"messages":[{"role":"user","content":"Hello"}],"stream":true')
    (entry,) = send(live_service, b"GET", b"/api/ps").json()["models"]
    assert entry["model"] == MODEL.decode()
    assert datetime.fromisoformat(entry["expires_at"]).timestamp() > 0
    body = b'{"model":"dmr.local/demo:latest","keep_alive":0,"prompt":""}'
    assert send(live_service, b"POST", b"/api/generate", body).json()["done"]
    assert send(live_service, b"GET", b"/api/ps").json()["models"] == []


# ---- chat --------------------------------------------------------------------------------------


def test_the_chat_window(live_service: LiveService) -> None:
    lines = chat(live_service, b'"messages":[{"role":"user","content":"Hello"}],"stream":true').lines()
    assert "".join(line["message"]["content"] for line in lines)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    check_usage(lines[-1])


def test_the_chat_window_with_parameters(live_service: LiveService) -> None:
    rest = (
        b'"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"Hello"}],'
        b'"options":{"temperature":0.2,"num_ctx":8192,"top_k":20,"stop":["zzz"],"seed":3,"num_predict":7},'
        b'"stream":true,"keep_alive":"10m","think":false'
    )
    last = chat(live_service, rest).lines()[-1]
    assert last["eval_count"] <= 7
    check_usage(last)


def test_a_title_is_asked_for_unstreamed(live_service: LiveService) -> None:
    found = chat(live_service, b'"messages":[{"role":"user","content":"What is 2 plus 3?"}],"stream":false').json()
    assert "5" in found["message"]["content"]
    check_usage(found)


def test_a_schema(live_service: LiveService) -> None:
    rest = (
        b'"messages":[{"role":"user","content":"number"}],"format":{"type":"object","properties":{"n":{"type":"integer"'
        b',"maximum":9}},"required":["n"],"additionalProperties":false},"stream":false'
    )
    assert json.loads(chat(live_service, rest).json()["message"]["content"])["n"] <= 9


def test_a_tool_and_its_result(live_service: LiveService) -> None:
    tools = (
        b'"tools":[{"type":"function","function":{"name":"get_weather","description":"Get the weather of a city",'
        b'"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]'
    )
    asked = b'"messages":[{"role":"user","content":"What is the weather in Paris?"}],"stream":false,' + tools
    (call,) = chat(live_service, asked).json()["message"]["tool_calls"]
    assert (call["function"]["name"], call["function"]["index"]) == ("get_weather", 0)
    assert isinstance(call["function"]["arguments"], dict)
    assert isinstance(call["id"], str)
    answered = (
        b'"messages":[{"role":"user","content":"What is the weather in Paris?"},{"role":"assistant","content":"",'
        b'"tool_calls":[{"index":0,"id":"call_1","function":{"name":"get_weather","arguments":{"city":"Paris"}}}]},'
        b'{"role":"tool","content":"sunny, 20 degrees","tool_call_id":"call_1"}],"stream":false,' + tools
    )
    assert "sunny" in chat(live_service, answered).json()["message"]["content"]


@pytest.mark.parametrize(
    ("rest", "status", "word"),
    [
        (b'"messages":[{"role":"user","content":"what?","images":["iVBORw0KGgo="]}],"stream":false', 400, "image"),
        (b'"messages":[{"role":"user","content":"x"}],"options":{"temperature":-1},"stream":true', 400, "temperature"),
    ],
)
def test_refusals_have_a_message_to_show(live_service: LiveService, rest: bytes, status: int, word: str) -> None:
    answer = chat(live_service, rest)
    assert answer.status == status
    assert word in answer.json()["error"]


def test_the_openai_connection(live_service: LiveService) -> None:
    body = b'{"model":"dmr.local/demo:latest","messages":[{"role":"user","content":"Hello"}],"stream":true}'
    answer = send(live_service, b"POST", b"/engines/v1/chat/completions", body, _JSON + _KEY)
    assert answer.content_type.startswith("text/event-stream")
    assert answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        (b"/v1/chat/completions", b'"messages":[{"role":"user","content":"Hello"}]', "choices"),
        (b"/v1/completions", b'"prompt":"Hello","max_tokens":5', "choices"),
        (b"/v1/embeddings", b'"input":"Hello"', "data"),
        (b"/v1/messages", b'"max_tokens":20,"messages":[{"role":"user","content":"Hello"}]', "content"),
        (b"/v1/responses", b'"input":"Hello"', "output"),
    ],
)
def test_other_dialects_below_the_ollama_connection(
    live_service: LiveService, path: bytes, body: bytes, read: str
) -> None:
    answer = send(live_service, b"POST", path, b'{"model":"dmr.local/demo:latest",' + body + b"}")
    assert answer.status == 200
    assert answer.json()[read]


# ---- documents ---------------------------------------------------------------------------------


def test_vectors_of_a_document_and_of_a_question(live_service: LiveService) -> None:
    document = (
        b'{"input": ["The lighthouse stands on the cliff. Its lamp is green."], "model": "dmr.local/demo:latest", '
        b'"truncate": true}'
    )
    question = b'{"input": ["lamp"], "model": "dmr.local/demo:latest", "truncate": true}'
    (first,) = send(live_service, b"POST", b"/api/embed", document).json()["embeddings"]
    (second,) = send(live_service, b"POST", b"/api/embed", question).json()["embeddings"]
    assert len(first) == len(second)
    older = b'{"model":"dmr.local/demo:latest","prompt":"lamp"}'
    assert send(live_service, b"POST", b"/api/embeddings", older).json()["embedding"] == pytest.approx(second, abs=1e-4)


# ---- the admin page ----------------------------------------------------------------------------


def test_pulls(live_service: LiveService) -> None:
    lines = send(live_service, b"POST", b"/api/pull", b'{"model":"dmr.local/demo:latest","insecure":true}').lines()
    assert lines[-1] == {"status": "success"}
    refused = send(live_service, b"POST", b"/api/pull", b'{"model":"dmr.local/none","insecure":true}')
    assert (refused.status, "error" in refused.json()) == (404, True)


def test_names_come_and_go(live_service: LiveService) -> None:
    body = b'{"source":"dmr.local/demo:latest","destination":"copy:v1"}'
    assert send(live_service, b"POST", b"/api/copy", body).status == 200
    created = send(live_service, b"POST", b"/api/create", b'{"model":"mine","from":"dmr.local/demo:latest"}')
    assert created.lines()[-1] == {"status": "success"}
    for name in (b"docker.io/ai/copy:v1", b"docker.io/ai/mine:latest"):
        assert send(live_service, b"DELETE", b"/api/delete", b'{"model":"' + name + b'"}').status == 200
    (entry,) = send(live_service, b"GET", b"/api/tags").json()["models"]
    assert entry["model"] == MODEL.decode()


def test_uploaded_files_are_refused(live_service: LiveService) -> None:
    path = b"/api/blobs/sha256:647d003f99aff357d471e51fe1fec4388b9b0521f2f8a5fb1dddfaf40e795b2a"
    answer = send(live_service, b"POST", path, b"GGUF" * 10, b"Content-Type: application/octet-stream\r\n")
    assert answer.status == 400
    assert answer.json()["error"]
