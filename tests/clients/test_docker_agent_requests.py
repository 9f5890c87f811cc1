"""What docker-agent sends to its provider ``dmr``, byte for byte, and what it reads of the answers.

It is a Go program, so types are read strictly: a number of a wrong kind or a null list is an error there.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from dmr_desktop.settings import DEFAULT_PORT, asset
from tests.clients.raw_http import Answer, exchange, head
from tests.fakes.own_folder import own_folder
from tests.fakes.ranking_models import CrossEncoder
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HOST = "127.0.0.1:12434"
INT32 = range(-(2**31), 2**31)


def get(service: LiveService, path: str) -> Answer:
    return exchange(service, head(f"GET {path}", Host=HOST, User_Agent="Go-http-client/1.1", Accept_Encoding="gzip"))


def post(service: LiveService, path: str, body: bytes, **more: str) -> Answer:
    """As Go's own client does; ``more`` headers come before those that it adds."""
    first = head(
        f"POST {path}",
        Host=HOST,
        User_Agent="Go-http-client/1.1",
        Content_Length=str(len(body)),
        **more,
        Content_Type="application/json",
        Accept_Encoding="gzip",
    )
    return exchange(service, first, body)


def ask(service: LiveService, path: str, body: bytes) -> Answer:
    """By openai-go, with the empty key that docker-agent gives it."""
    more = {"Accept": "application/json", "Authorization": "Bearer", "X_Stainless_Lang": "go"}
    return post(service, path, body, **more)


@pytest.fixture(autouse=True)
def unconfigured(live_service: LiveService) -> Iterator[None]:
    yield
    with live_service.http() as http:
        http.post("/engines/unload", json={"all": True})


# ---- finding us ---------------------------------------------------------------------------------


def test_discovery_by_the_command_line(tmp_path: Path) -> None:
    """``docker model status --json``, and what docker-agent makes of its answer."""
    with own_folder("dmr-") as directory:
        port = free_port()
        service = start_live_service(directory, "--tcp", str(port))
        environment = service.environment | {"MODEL_RUNNER_PORT": str(port)}
        try:
            install = [sys.executable, "-m", "dmr_desktop"]
            subprocess.run([*install, "plugin", "install"], env=environment, check=True, capture_output=True)
            plugin = directory / ".docker/cli-plugins/docker-model"

            def docker_model(*words: str) -> subprocess.CompletedProcess[str]:
                command = [str(plugin), "model", *words]
                return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=50)

            status = json.loads(docker_model("status", "--json").stdout)
            assert status["running"] is True
            assert status["backends"]["llama.cpp"].startswith("Running")
            assert all(isinstance(text, str) for text in status["backends"].values())
            base = f"http://127.0.0.1:{urlsplit(status['endpoint']).port}/engines/v1/"
            assert httpx.get(f"{base}models", timeout=2).status_code == 200
            assert docker_model("inspect", DEMO).returncode == 0
            assert docker_model("inspect", "nobody/nothing").returncode != 0
            assert docker_model("pull", DEMO).returncode == 0
        finally:
            stop_live_service(service)


def test_our_agent_asks_here() -> None:
    agent = yaml.safe_load(asset("docker-agent/agent.yaml").read_text())
    model = agent["models"][agent["agents"]["root"]["model"]]
    assert (model["provider"], model["base_url"]) == ("dmr", f"http://localhost:{DEFAULT_PORT}/engines/v1")
    assert model["provider_opts"]["context_size"] > model["max_tokens"]


def test_the_model_is_looked_for_in_the_list(live_service: LiveService) -> None:
    found = get(live_service, "/engines/v1/models").json()
    (model,) = found["data"]
    assert model["id"].split(":")[0] == DEMO
    assert type(model["created"]) is int
    assert (found["object"], model["object"]) == ("list", "model")


def test_the_context_window_of_a_model(live_service: LiveService) -> None:
    """The id as ``url.PathEscape`` writes it: the slash is escaped, the colon is not."""
    for name in ("dmr.local%2Fdemo", "dmr.local%2Fdemo:latest"):
        facts = get(live_service, f"/engines/v1/models/{name}").json()["dmr"]
        assert facts["context_window"] == 4096
        assert all(isinstance(facts[key], str) for key in ("architecture", "parameters", "quantization", "size"))


# ---- configuring --------------------------------------------------------------------------------

OLD = (
    b'{"model":"dmr.local/demo","context-size":1024,"runtime-flags":["--temp","0.7","--top-p","0.9","--threads","2"]'
    b',"speculative":{"num_tokens":5,"min_acceptance_rate":0.5}}'
)
NEW = (
    b'{"model":"dmr.local/demo","mode":"completion","context-size":2048,"runtime-flags":["--threads","2"]'
    b',"keep_alive":"30m"}'
)
THINKING = b'{"model":"dmr.local/demo","raw-runtime-flags":"--threads 2 --temp 0.5","llamacpp":{"reasoning-budget":0}}'
FOR_VLLM = (
    b'{"model":"dmr.local/demo","keep_alive":"-1"'
    b',"vllm":{"gpu-memory-utilization":0.5,"hf-overrides":{"rope":{"a":1}}}}'
)


@pytest.mark.parametrize("body", [OLD, NEW, THINKING, FOR_VLLM], ids=["old", "new", "thinking", "vllm"])
@pytest.mark.parametrize("path", ["/engines/_configure", "/engines/llama.cpp/_configure"])
def test_a_configuration_is_accepted_and_shown(live_service: LiveService, path: str, body: bytes) -> None:
    assert post(live_service, path, body).status == 202
    assert post(live_service, path, body).status == 202, "each session says the same again"
    (entry,) = get(live_service, "/engines/_configure?model=dmr.local%2Fdemo").json()
    assert (entry["Backend"], entry["Mode"]) == ("llama.cpp", "completion")
    assert entry["Config"].get("context-size", 0) in INT32
    assert entry["Config"].get("context-size") == json.loads(body).get("context-size")
    assert chat(live_service, b"What is 3 plus 4?")


def test_nothing_is_configured_at_first(live_service: LiveService) -> None:
    assert get(live_service, "/engines/_configure?model=dmr.local%2Fdemo").json() == []


def test_a_tiny_window_by_mistake_spoils_nothing(live_service: LiveService) -> None:
    """Releases up to spring 2026 send a model's ``max_tokens`` as its context size."""
    body = b'{"model":"dmr.local/demo","context-size":16}'
    assert post(live_service, "/engines/_configure", body).status == 202
    assert "7" in chat(live_service, b"What is 3 plus 4?")
    (entry,) = get(live_service, "/engines/_configure?model=dmr.local%2Fdemo").json()
    assert entry["Config"] == {"context-size": 16}


@pytest.mark.parametrize("path", ["/engines/_unload", "/engines/llama.cpp/_unload"])
def test_a_model_is_unloaded_when_agents_take_turns(live_service: LiveService, path: str) -> None:
    """Its built-in hook ``unload``; the configuration is for the next turn, too."""
    assert post(live_service, "/engines/_configure", NEW).status == 202
    assert chat(live_service, b"What is 3 plus 4?")
    assert get(live_service, "/engines/ps").json() != []
    assert post(live_service, path, b'{"model":"dmr.local/demo"}').status == 200
    assert get(live_service, "/engines/ps").json() == []
    assert len(get(live_service, "/engines/_configure?model=dmr.local%2Fdemo").json()) == 1
    assert post(live_service, path, b'{"model":"nobody/nothing"}').status == 200
    assert post(live_service, path, b'{"model":7}').status == 400
    assert post(live_service, "/engines/other/_unload", b"{}").status == 404


# ---- chat ---------------------------------------------------------------------------------------

TOOL = (
    b'{"type":"function","function":{"name":"get_weather","description":"Get the weather of a city","parameters":'
    b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}'
)


def stream(service: LiveService, messages: bytes, rest: bytes = b"") -> list[dict[str, Any]]:
    body = (
        b'{"messages":' + messages + b',"model":"dmr.local/demo","max_tokens":64'
        b',"stream_options":{"include_usage":true}' + rest + b',"stream":true}'
    )
    events = ask(service, "/engines/v1/chat/completions", body).events()
    assert events.pop() == ("", "[DONE]")
    return [json.loads(data) for _, data in events]


def chat(service: LiveService, question: bytes) -> str:
    return content(stream(service, b'[{"content":"' + question + b'","role":"user"}]', b',"temperature":0'))


def content(chunks: list[dict[str, Any]]) -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_a_turn_ends_with_its_only_usage(live_service: LiveService) -> None:
    messages = b'[{"content":"be brief","role":"system"},{"content":"What is 3 plus 4?","role":"user"}]'
    rest = b',"temperature":0,"top_p":0.9,"frequency_penalty":0,"presence_penalty":0,"parallel_tool_calls":true'
    chunks = stream(live_service, messages, rest + b',"chat_template_kwargs":{"enable_thinking":false}')
    assert content(chunks)
    assert len({chunk["id"] for chunk in chunks}) == 1
    for chunk in chunks:
        assert (chunk["object"], chunk["model"]) == ("chat.completion.chunk", DEMO)
        assert type(chunk["created"]) is int
    *spoken, last = chunks
    assert all(chunk.get("usage") is None and chunk["choices"] for chunk in spoken)
    assert last["choices"] == []
    usage = last["usage"]
    counts = [usage["prompt_tokens"], usage["completion_tokens"], usage["prompt_tokens_details"]["cached_tokens"]]
    assert all(type(count) is int for count in counts)
    assert type(usage["completion_tokens_details"]["reasoning_tokens"]) is int
    reasons = [choice["finish_reason"] for chunk in spoken for choice in chunk["choices"]]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]


def test_a_tool_and_its_result(live_service: LiveService) -> None:
    rest = b',"temperature":0,"parallel_tool_calls":true,"tools":[' + TOOL + b"]"
    question = b'{"content":"What is the weather in Paris?","role":"user"}'
    chunks = stream(live_service, b"[" + question + b"]", rest)
    fragments = [
        fragment
        for chunk in chunks
        for choice in chunk["choices"]
        for fragment in choice["delta"].get("tool_calls") or []
    ]
    assert {fragment["index"] for fragment in fragments} == {0}
    call_id = fragments[0]["id"]
    assert fragments[0]["function"]["name"] == "get_weather"
    assert not any(fragment.get("id") for fragment in fragments[1:])
    arguments = "".join(fragment["function"].get("arguments") or "" for fragment in fragments)
    assert json.loads(arguments) == {"city": "Paris"}
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    call = {"id": call_id, "function": {"arguments": arguments, "name": "get_weather"}, "type": "function"}
    history = [
        json.loads(question),
        {"content": "", "tool_calls": [call], "role": "assistant"},
        {"content": '{"weather": "sunny"}', "tool_call_id": call_id, "role": "tool"},
    ]
    assert content(stream(live_service, json.dumps(history).encode(), rest))


def test_an_answer_of_a_schema(live_service: LiveService) -> None:
    wanted = (
        b',"response_format":{"json_schema":{"name":"n","description":"d","schema":{"type":"object","properties":'
        b'{"n":{"type":"integer"}},"required":["n"]},"strict":true},"type":"json_schema"}'
    )
    found = content(stream(live_service, b'[{"content":"Give me a number.","role":"user"}]', wanted))
    assert isinstance(json.loads(found)["n"], int)


def test_errors_have_an_error_object(live_service: LiveService) -> None:
    body = b'{"messages":[{"content":"Hello","role":"user"}],"model":"nobody/nothing","stream":true}'
    answer = ask(live_service, "/engines/v1/chat/completions", body)
    assert answer.status == 404
    assert "not found" in answer.json()["error"]["message"]


# ---- embeddings and ranking ---------------------------------------------------------------------


def test_embeddings_are_plain_numbers(live_service: LiveService) -> None:
    found = ask(live_service, "/engines/v1/embeddings", b'{"input":["a","b","c"],"model":"dmr.local/demo"}').json()
    assert [entry["index"] for entry in found["data"]] == [0, 1, 2]
    assert all(type(number) is float for entry in found["data"] for number in entry["embedding"])
    assert type(found["usage"]["prompt_tokens"]) is type(found["usage"]["total_tokens"]) is int


def test_ranking_at_the_root_of_the_host(live_service: LiveService, tmp_path: Path) -> None:
    """One raw score a document; the client applies a sigmoid."""
    CrossEncoder().write(tmp_path / "ranker.gguf")
    with live_service.http() as http:
        http.post("/models/package", json={"gguf": str(tmp_path / "ranker.gguf"), "target": "test.local/ranker"})
        try:
            body = b'{"model":"test.local/ranker","query":"which water","documents":["the water","time","people"]}'
            found = post(live_service, "/rerank", body, Authorization="Bearer").json()
        finally:
            http.delete("/models/test.local/ranker", params={"force": "true"})
    assert sorted(result["index"] for result in found["results"]) == [0, 1, 2]
    assert all(type(result["relevance_score"]) is float for result in found["results"])
    assert type(found["usage"]["prompt_tokens"]) is type(found["usage"]["total_tokens"]) is int
