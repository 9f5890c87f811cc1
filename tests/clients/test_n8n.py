"""Real n8n, headless: it imports our credential and workflows and runs each against the real service.

Install it once (Node 20 or newer, some minutes) into a folder of its own, and name that in ``DMR_TEST_N8N``::

    cp tests/clients/n8n/package.json FOLDER
    npm install --prefix FOLDER --legacy-peer-deps --ignore-scripts
    npm rebuild --prefix FOLDER sqlite3

``DMR_TEST_MINILM`` may name the folder of the files of all-MiniLM-L6-v2, for a test with a real embedding model.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dmr_desktop.settings import asset
from tests.clients.n8n_program import Execution, N8n, chat, find_n8n
from tests.fakes.minilm import write_minilm
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

N8N = find_n8n()
MINILM = os.environ.get("DMR_TEST_MINILM")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(N8N is None, reason="n8n is not installed (DMR_TEST_N8N)"),
]

CHAIN, AGENT, DOCUMENTS = "basic-llm-chain", "ai-agent-with-a-tool", "documents"
PATHS = {True: "/engines/llama.cpp/v1/responses", False: "/engines/llama.cpp/v1/chat/completions"}
MODEL_NODE = "@n8n/n8n-nodes-langchain.lmChatOpenAi"
EMBEDDINGS_NODE = "@n8n/n8n-nodes-langchain.embeddingsOpenAi"
PASSWORD = "Only4tests"


def workflow(name: str, *, responses: bool, **changes: Any) -> dict[str, Any]:
    """A shipped workflow with a new id; ``changes`` are parameters of its chat model."""
    found: dict[str, Any] = json.loads(asset(f"n8n/workflows/{name}.json").read_text())
    model = node(found, MODEL_NODE)
    assert model["parameters"]["responsesApiEnabled"] is True, "new nodes of n8n have it on, and so have ours"
    model["parameters"] |= {"responsesApiEnabled": responses, **changes}
    found["id"] = f"{name}-{'responses' if responses else 'chat'}"[:36]
    return found


def node(found: dict[str, Any], kind: str) -> dict[str, Any]:
    (only,) = (entry for entry in found["nodes"] if entry["type"] == kind)
    return only  # type: ignore[no-any-return]


def renamed(found: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    return {**copy.deepcopy(found), "id": workflow_id}


def as_webhook(found: dict[str, Any], mode: str) -> dict[str, Any]:
    """The same, to be chatted with from outside. Its hook is its id."""
    found = renamed(found, f"{found['id']}-hook"[:36])
    trigger = node(found, "@n8n/n8n-nodes-langchain.chatTrigger")
    trigger["parameters"] = {"public": True, "mode": "webhook", "options": {"responseMode": mode}}
    trigger["webhookId"] = found["id"]
    return found


# ---- one service, one n8n --------------------------------------------------------------------


class OpenService:
    """A service whose TCP door is open."""

    def __init__(self, service: LiveService, port: int) -> None:
        self.service = service
        self.base_url = f"http://localhost:{port}/engines/llama.cpp/v1"

    def count(self, path: str) -> int:
        """How many requests to a path its log tells of."""
        return self.service.log().count(f" {path} ")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenService]:
    directory = tmp_path_factory.mktemp("dmr")
    live = start_live_service(directory)
    try:
        port = free_port()
        with live.http() as http:
            assert http.put("/settings/tcp", json={"enabled": True, "port": port}).is_success
        yield OpenService(live, port)
    finally:
        assert stop_live_service(live) == 0


@pytest.fixture(scope="module")
def n8n(service: OpenService, tmp_path_factory: pytest.TempPathFactory) -> N8n:
    assert N8N is not None
    found = N8n(N8N, tmp_path_factory.mktemp("n8n"))
    credentials = json.loads(asset("n8n/credentials.json").read_text())
    assert [entry["data"]["url"] for entry in credentials] == ["http://localhost:12434/engines/llama.cpp/v1"]
    credentials[0]["data"]["url"] = service.base_url
    found.import_credentials(credentials)
    every = [workflow(name, responses=value) for name in (CHAIN, AGENT, DOCUMENTS) for value in (True, False)]
    found.import_workflows([*every, *_hooks()])
    return found


def _hooks() -> list[dict[str, Any]]:
    chains = [as_webhook(workflow(CHAIN, responses=value), "lastNode") for value in (True, False)]
    return chains + [as_webhook(workflow(AGENT, responses=value), "streaming") for value in (True, False)]


def run(n8n: N8n, found: dict[str, Any]) -> Execution:
    """A workflow that went well, in all its nodes."""
    done = n8n.execute(found["id"])
    assert (done.status, done.error) == ("success", "")
    assert all(entry["executionStatus"] == "success" for runs in done.runs.values() for entry in runs)
    return done


# ---- the shipped workflows -------------------------------------------------------------------


@pytest.mark.parametrize("responses", [True, False])
def test_basic_llm_chain(n8n: N8n, service: OpenService, responses: bool) -> None:
    before = service.count(PATHS[responses])
    done = run(n8n, workflow(CHAIN, responses=responses))
    assert "dmr enable --tcp" in done.outputs("Ask the model")[0]["text"]
    assert service.count(PATHS[responses]) == before + 1


@pytest.mark.parametrize("responses", [True, False])
def test_the_agent_calls_its_tool(n8n: N8n, service: OpenService, responses: bool) -> None:
    before = service.count(PATHS[responses])
    done = run(n8n, workflow(AGENT, responses=responses))
    assert done.outputs("get_weather", "ai_tool") == [{"response": "sunny, 21 degrees"}]
    assert "21" in done.outputs("Agent")[0]["output"]
    assert service.count(PATHS[responses]) == before + 2


@pytest.mark.parametrize("responses", [True, False])
def test_a_question_over_documents(n8n: N8n, service: OpenService, responses: bool) -> None:
    done = run(n8n, workflow(DOCUMENTS, responses=responses))
    assert len(done.outputs("Keep")) == 4
    (found,) = done.outputs("Look up", "ai_vectorStore")
    assert len(found["response"]) == 2
    assert "dmr enable --tcp" in done.outputs("Answer")[0]["response"]
    assert service.count("/engines/llama.cpp/v1/embeddings") > 0


@pytest.mark.skipif(MINILM is None, reason="no embedding model (DMR_TEST_MINILM)")
def test_a_real_embedding_model_finds_the_right_documents(n8n: N8n, service: OpenService, tmp_path: Path) -> None:
    gguf = write_minilm(Path(str(MINILM)), tmp_path / "minilm.gguf")
    with service.service.http() as http:
        packed = http.post("/models/package", json={"gguf": str(gguf), "target": "dmr.local/minilm"})
    assert packed.is_success, packed.text
    found = renamed(workflow(DOCUMENTS, responses=True), "documents-minilm")
    node(found, EMBEDDINGS_NODE)["parameters"]["model"] = "dmr.local/minilm"
    n8n.import_workflows([found])
    done = run(n8n, found)
    (looked_up,) = done.outputs("Look up", "ai_vectorStore")
    nearest = [document["pageContent"] for document in looked_up["response"]]
    assert "TCP access" in nearest[0]
    assert "Felix" not in "".join(nearest)


@pytest.mark.parametrize(
    ("version", "parameters", "path"),
    [
        (
            2,
            {
                "resource": "text",
                "operation": "response",
                "modelId": {"__rl": True, "mode": "id", "value": DEMO},
                "responses": {"values": [{"content": "Hello"}]},
                "options": {"maxTokens": 60},
            },
            PATHS[True],
        ),
        (
            1.8,
            {
                "resource": "text",
                "operation": "message",
                "modelId": {"__rl": True, "mode": "id", "value": DEMO},
                "messages": {"values": [{"content": "Hello"}]},
                "options": {"maxTokens": 60},
            },
            PATHS[False],
        ),
    ],
)
def test_the_openai_node(n8n: N8n, service: OpenService, version: float, parameters: dict[str, Any], path: str) -> None:
    found = renamed(workflow(CHAIN, responses=True), f"openai-{version}")
    found["nodes"] = [
        node(found, "n8n-nodes-base.manualTrigger"),
        {
            "id": "openai",
            "name": "OpenAI",
            "type": "@n8n/n8n-nodes-langchain.openAi",
            "typeVersion": version,
            "position": [200, 0],
            "parameters": parameters,
            "credentials": node(found, MODEL_NODE)["credentials"],
        },
    ]
    found["connections"] = {"Try it": {"main": [[{"node": "OpenAI", "type": "main", "index": 0}]]}}
    n8n.import_workflows([found])
    before = service.count(path)
    assert "demo model" in json.dumps(run(n8n, found).outputs("OpenAI"))
    assert service.count(path) == before + 1


# ---- what a user may run into ----------------------------------------------------------------


@pytest.mark.parametrize("responses", [True, False])
@pytest.mark.parametrize(
    ("name", "model", "text", "said"),
    [
        ("unknown-model", "ai/not-here", "Hello", "could not be found"),
        ("too-long", DEMO, "={{ 'word '.repeat(20000) }}", "maximum context length"),
    ],
)
def test_errors_say_what_is_wrong(n8n: N8n, name: str, model: str, text: str, said: str, responses: bool) -> None:
    found = workflow(CHAIN, responses=responses, model={"__rl": True, "mode": "id", "value": model})
    found = renamed(found, f"{name}-{responses}")
    node(found, "@n8n/n8n-nodes-langchain.chainLlm")["parameters"]["text"] = text
    assert said in failure(n8n, found)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("web-search", {"builtInTools": {"webSearch": {"searchContextSize": "medium"}}}, "Unsupported tool type"),
        ("conversation", {"options": {"conversationId": "conv_1"}}, "'conversation' is not supported"),
        ("time-out", {"options": {"timeout": 1, "maxRetries": 0}}, "timed out"),
    ],
)
def test_options_that_need_openai_are_refused_by_name(n8n: N8n, name: str, changes: dict[str, Any], said: str) -> None:
    assert said in failure(n8n, renamed(workflow(CHAIN, responses=True, **changes), name))


def test_an_old_agent_is_told_from_ours(n8n: N8n) -> None:
    found = renamed(workflow(AGENT, responses=True), "old-agent")
    node(found, "@n8n/n8n-nodes-langchain.agent")["typeVersion"] = 2.2
    assert "not supported in 2.2 version of the Agent node" in failure(n8n, found)


def failure(n8n: N8n, found: dict[str, Any]) -> str:
    n8n.import_workflows([found])
    done = n8n.execute(found["id"])
    assert done.status == "error"
    return done.error


# ---- the server: chats, the credential's test, the lists of models ---------------------------


@pytest.fixture(scope="module")
def server(n8n: N8n) -> Iterator[httpx.Client]:
    for hook in _hooks():
        n8n.publish(hook["id"])
    with n8n.serving() as client:
        person = {"email": "a@example.com", "firstName": "A", "lastName": "B", "password": PASSWORD}
        assert client.post("/rest/owner/setup", json=person).is_success
        yield client


@pytest.mark.parametrize("responses", [True, False])
def test_a_chat(server: httpx.Client, responses: bool) -> None:
    hook = as_webhook(workflow(CHAIN, responses=responses), "lastNode")
    assert "demo model" in chat(server, hook["id"], "Hello").json()["text"]


@pytest.mark.parametrize("responses", [True, False])
def test_a_streamed_chat_with_a_tool_and_memory(server: httpx.Client, responses: bool) -> None:
    hook = as_webhook(workflow(AGENT, responses=responses), "streaming")
    session = f"session {responses}"
    pieces = _pieces(chat(server, hook["id"], "What is the weather in London?", session))
    assert "14" in "".join(pieces)
    assert len([piece for piece in pieces if piece]) > 1  # what is made within a few milliseconds comes together
    story = _pieces(chat(server, hook["id"], "Tell me a long story", session))
    assert len([piece for piece in story if piece]) > 3
    _pieces(chat(server, hook["id"], "Remember the number 4711", session))
    assert "4711" in "".join(_pieces(chat(server, hook["id"], "What was the number?", session)))


def _pieces(answer: httpx.Response) -> list[str]:
    lines = [json.loads(line) for line in answer.text.splitlines() if line]
    assert {line["type"] for line in lines} <= {"begin", "item", "end"}, answer.text
    return [line["content"] for line in lines if line["type"] == "item"]


def test_the_test_of_the_credential(server: httpx.Client, service: OpenService) -> None:
    def tested(url: str) -> dict[str, Any]:
        changed = {**credential, "data": {**credential["data"], "url": url}}
        found: dict[str, Any] = server.post("/rest/credentials/test", json={"credentials": changed}).json()["data"]
        return found

    (listed,) = server.get("/rest/credentials").json()["data"]
    full = server.get(f"/rest/credentials/{listed['id']}", params={"includeData": "true"}).json()["data"]
    credential = {name: full[name] for name in ("id", "name", "type", "data")}
    assert tested(service.base_url)["status"] == "OK"
    assert "could not be found" in tested(service.base_url.replace("/v1", "/v2"))["message"]
    assert "refused the connection" in tested(f"http://localhost:{free_port()}/v1")["message"]


def test_the_lists_of_models(server: httpx.Client) -> None:
    asked = {
        "path": "parameters.model",
        "methodName": "searchModels",
        "nodeTypeAndVersion": {"name": MODEL_NODE, "version": 1.3},
        "currentNodeParameters": {},
        "credentials": {"openAiApi": {"id": "dmrDesktopOpenAi", "name": "DMR Desktop"}},
    }
    answer = server.post("/rest/dynamic-node-parameters/resource-locator-results", json=asked)
    assert f"{DEMO}:latest" in [entry["value"] for entry in answer.json()["data"]["results"]]
