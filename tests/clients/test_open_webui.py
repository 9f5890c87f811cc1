"""Open WebUI itself, started from its package, with two services behind it and both kinds of connections.

The second service is reached by the door of containers, with its key, as from the compose file.

Skipped unless ``open-webui`` is on the PATH or ``OPEN_WEBUI`` names it.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures_live import LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

OPEN_WEBUI = os.environ.get("OPEN_WEBUI") or shutil.which("open-webui")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(OPEN_WEBUI is None, reason="open-webui is not installed"),
]

MODEL = "dmr.local/demo:latest"
KEY = "a-key-of-our-own-0123"
CONTAINER_HOST = "127.0.0.9"
HELLO = [{"role": "user", "content": "Hello"}]
START_SECONDS = 240.0


def opened(service: LiveService, switch: str, host: str) -> str:
    port = free_port()
    with service.http() as http:
        http.put(f"/settings/{switch}", json={"enabled": True, "port": port}).raise_for_status()
    return f"http://{host}:{port}"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Of two services on this machine, the second as containers see it."""
    key = {"DMR_API_KEY": KEY, "DMR_CONTAINER_ADDRESSES": CONTAINER_HOST}
    services = [start_live_service(tmp_path_factory.mktemp("dmr"), **more) for more in ({}, key)]
    try:
        yield opened(services[0], "tcp", "127.0.0.1"), opened(services[1], "containers", CONTAINER_HOST)
    finally:
        for service in services:
            stop_live_service(service)


@pytest.fixture(scope="module")
def web(addresses: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Signed in, without a login as its own setting has it."""
    home, port = tmp_path_factory.mktemp("webui"), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DATA_DIR": str(home),
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "test",
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "false",
        "OLLAMA_BASE_URLS": ";".join(addresses),
        "OLLAMA_API_CONFIGS": json.dumps({"1": {"enable": True, "key": KEY}}),
        "OPENAI_API_BASE_URLS": f"{addresses[0]}/engines/v1",
        "OPENAI_API_KEYS": "any",
        "RAG_EMBEDDING_ENGINE": "ollama",
        "RAG_EMBEDDING_MODEL": MODEL,
        "RAG_OLLAMA_BASE_URL": addresses[0],
    }
    command = [str(OPEN_WEBUI), "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90) as client:
            wait_until_up(client, process, home / "log")
            answer = client.post("/api/v1/auths/signin", json={"email": "", "password": ""}).json()
            client.headers["Authorization"] = f"Bearer {answer['token']}"
            yield client
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"Open WebUI did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def ask(web: httpx.Client, path: str = "/api/chat/completions", **body: Any) -> httpx.Response:
    return web.post(path, json={"model": MODEL, "messages": HELLO, **body})


def test_one_entry_for_a_model_of_two_services_and_three_connections(web: httpx.Client) -> None:
    (model,) = web.get("/api/models").json()["data"]
    assert (model["id"], model["owned_by"], model["ollama"]["urls"]) == (MODEL, "ollama", [0, 1])
    assert web.get("/ollama/api/version").json()["version"]


def test_connections_are_verified(web: httpx.Client, addresses: tuple[str, str]) -> None:
    assert web.post("/ollama/verify", json={"url": addresses[0], "key": ""}).status_code == 200
    assert web.post("/openai/verify", json={"url": f"{addresses[0]}/engines/v1", "key": "x"}).status_code == 200


def test_the_chat_window_streamed_and_not(web: httpx.Client) -> None:
    streamed = ask(web, stream=True, params={"temperature": 0, "max_tokens": 40, "num_ctx": 8192, "keep_alive": "5m"})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    chunks = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert chunks.pop() == "[DONE]"
    text = "".join(
        choice.get("delta", {}).get("content") or "" for chunk in chunks for choice in json.loads(chunk)["choices"]
    )
    whole = ask(web, stream=False, params={"temperature": 0, "max_tokens": 40}).json()
    assert text == whole["choices"][0]["message"]["content"] != ""
    assert whole["usage"]["completion_tokens"] > 0
    assert whole["usage"]["response_token/s"] > 0


def test_each_service_answers(web: httpx.Client) -> None:
    for index in (0, 1):
        lines = ask(web, f"/ollama/api/chat/{index}").text.splitlines()
        assert json.loads(lines[-1])["done"]


def test_tools(web: httpx.Client) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = {"name": "get_weather", "description": "Get the weather of a city", "parameters": parameters}
    question = [{"role": "user", "content": "What is the weather in Paris?"}]
    found = ask(web, messages=question, tools=[{"type": "function", "function": function}], stream=False).json()
    (call,) = found["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/openai/chat/completions", {"messages": HELLO}),
        ("/ollama/v1/chat/completions", {"messages": HELLO}),
        ("/ollama/v1/messages", {"messages": HELLO, "max_tokens": 20}),
        ("/ollama/v1/responses", {"input": "Hello"}),
        ("/ollama/v1/completions", {"prompt": "Hello", "max_tokens": 5}),
        ("/ollama/v1/embeddings", {"input": "Hello"}),
        ("/ollama/api/embed", {"input": ["a", "b"]}),
        ("/ollama/api/embeddings", {"prompt": "a"}),
        ("/ollama/api/generate", {"prompt": "Hello"}),
        ("/ollama/api/show", {}),
        ("/api/embeddings", {"input": ["a"]}),
    ],
)
def test_every_way_through(web: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = web.post(path, json={"model": MODEL, **body})
    assert answer.status_code == 200, answer.text
    assert answer.content


def test_documents(web: httpx.Client) -> None:
    text = "The lighthouse stands on the cliff. Its lamp is green."
    added = {"name": "t", "content": text, "collection_name": "lighthouse"}
    assert web.post("/api/v1/retrieval/process/text", json=added).status_code == 200
    wanted = {"collection_name": "lighthouse", "query": "lamp", "k": 1}
    assert web.post("/api/v1/retrieval/query/doc", json=wanted).json()["documents"] == [[text]]


def test_the_admin_page(web: httpx.Client) -> None:
    ask(web, "/ollama/api/chat/0")
    assert [model["model"] for model in web.get("/ollama/api/ps").json()["models"]] == [MODEL]
    assert web.post("/ollama/api/unload", json={"model": MODEL}).json() == {"status": True}
    assert web.get("/ollama/api/ps").json()["models"] == []
    for index in (0, 1):
        pulled = web.post(f"/ollama/api/pull/{index}", json={"model": MODEL}).text.splitlines()
        assert json.loads(pulled[-1]) == {"status": "success"}
    copied = web.post("/ollama/api/copy/0", json={"source": MODEL, "destination": "copy:v1"})
    assert copied.json() is True
    deleted = web.request("DELETE", "/ollama/api/delete/0", json={"model": "copy:v1"})
    assert deleted.json() is True


def test_a_container_without_the_key_changes_nothing(web: httpx.Client, addresses: tuple[str, str]) -> None:
    with httpx.Client(base_url=addresses[1]) as http:
        assert http.get("/api/tags").status_code == 200
        refused = http.post("/api/pull", json={"model": MODEL})
    assert (refused.status_code, "not open to containers" in refused.json()["error"]) == (403, True)


def test_refusals_reach_the_user(web: httpx.Client) -> None:
    pulled = web.post("/ollama/api/pull", json={"model": "dmr.local/none"})
    assert pulled.json()["detail"] == "Model not found: names in dmr.local are local only"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    refused = ask(web, messages=[{"role": "user", "content": [image]}], stream=False)
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "This model cannot look at images. Leave the image out, or use a model that comes with a vision projector.",
    )
