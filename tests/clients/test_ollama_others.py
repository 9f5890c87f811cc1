"""Programs written for Ollama besides its Python client: LangChain's package and the JavaScript client."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NODE, MODULES = shutil.which("node"), os.environ.get("OLLAMA_JS", "node_modules")
SCRIPT = """
const { Ollama } = require(process.argv[1] + "/ollama");
(async () => {
  const client = new Ollama({ host: process.argv[2] }), model = process.argv[3];
  const messages = [{ role: "user", content: "What is 3 plus 4?" }];
  let text = "", last;
  for await (const part of await client.chat({ model, messages, stream: true })) {
    text += part.message.content;
    last = part;
  }
  const names = (await client.list()).models.map((entry) => entry.name);
  const vectors = (await client.embed({ model, input: ["a", "b"] })).embeddings.length;
  const capabilities = (await client.show({ model })).capabilities;
  const missing = await client.chat({ model: "none", messages }).catch((error) => [error.name, error.status_code]);
  const pulled = [];
  for await (const part of await client.pull({ model, stream: true })) pulled.push(part.status);
  console.log(JSON.stringify({ text, reason: last.done_reason, names, vectors, capabilities, missing, pulled }));
})();
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a service with an open port: these clients have no Unix sockets."""
    service: LiveService = start_live_service(tmp_path_factory.mktemp("dmr"))
    port = free_port()
    try:
        with service.http() as http:
            http.put("/settings/tcp", json={"enabled": True, "port": port}).raise_for_status()
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_live_service(service)


def test_langchain(address: str) -> None:
    langchain_ollama: Any = pytest.importorskip("langchain_ollama")
    chat = langchain_ollama.ChatOllama(model=DEMO, base_url=address, temperature=0, validate_model_on_init=True)
    answer = chat.invoke("What is 3 plus 4?")
    assert "7" in answer.content
    assert answer.usage_metadata["output_tokens"] > 0
    assert "".join(chunk.content for chunk in chat.stream("What is 3 plus 4?")) == answer.content
    schema = {"title": "N", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert isinstance(chat.with_structured_output(schema).invoke("give me a number")["n"], int)
    embeddings = langchain_ollama.OllamaEmbeddings(model=DEMO, base_url=address)
    assert len(embeddings.embed_documents(["a", "b"])) == 2
    for client in (chat, embeddings):
        client._client.close()  # it has no other way, and open sockets are warned of


@pytest.mark.skipif(NODE is None or not (Path(MODULES) / "ollama").is_dir(), reason="npm's ollama is not installed")
def test_javascript(address: str) -> None:
    assert NODE is not None
    command = [NODE, "-e", SCRIPT, str(Path(MODULES).resolve()), address, DEMO]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert "7" in found["text"]
    assert found["names"] == [f"{DEMO}:latest"]
    assert (found["reason"], found["vectors"], found["missing"]) == ("stop", 2, ["ResponseError", 404])
    assert "tools" in found["capabilities"]
    assert (found["pulled"][0], found["pulled"][-1]) == ("pulling manifest", "success")
