"""LiteLLM's proxy with the configuration that we ship, as its own clients use it."""

import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from openai.types.shared_params import FunctionDefinition

from dmr_desktop.settings import asset
from tests.clients.litellm_program import LITELLM, MASTER_KEY, litellm_proxy
from tests.fixtures_live import DEMO, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(360),
    pytest.mark.skipif(LITELLM is None, reason="litellm is not installed"),
]
NAMES = pytest.mark.parametrize("name", ["demo", DEMO])
"""By LiteLLM's own provider, and as any model."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    service = start_live_service(tmp_path_factory.mktemp("dmr"), "--tcp", str(port))
    try:
        addresses = {"http://localhost:12434": f"http://127.0.0.1:{port}"}
        with litellm_proxy(asset("litellm/config.yaml"), addresses, tmp_path_factory.mktemp("litellm")) as address:
            yield address
    finally:
        stop_live_service(service)


@pytest.fixture
def client(proxy: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{proxy}/v1", api_key=MASTER_KEY, max_retries=0, timeout=60) as found:
        yield found


def ask(client: openai.OpenAI, name: str) -> str:
    answer = client.chat.completions.create(
        model=name, messages=[{"role": "user", "content": "What is 3 plus 4?"}], temperature=0
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 1
    return answer.choices[0].message.content or ""


@NAMES
def test_chat(client: openai.OpenAI, name: str) -> None:
    whole = ask(client, name)
    assert "7" in whole
    with client.chat.completions.create(
        model=name, messages=[{"role": "user", "content": "What is 3 plus 4?"}], temperature=0, stream=True
    ) as stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == whole


@NAMES
def test_a_tool(client: openai.OpenAI, name: str) -> None:
    parameters: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    function: FunctionDefinition = {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": parameters,
    }
    answer = client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[{"type": "function", "function": function}],
        temperature=0,
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": "Paris"}


@NAMES
def test_too_long_a_question(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.chat.completions.create(model=name, messages=[{"role": "user", "content": "time " * 9000}])
    assert "7" in ask(client, name)


def test_an_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.chat.completions.create(model="nobody/nothing", messages=[{"role": "user", "content": "Hello"}])


def test_embeddings_completions_and_responses(client: openai.OpenAI) -> None:
    vectors = client.embeddings.create(model=DEMO, input=["the water", "other people"]).data
    assert len(vectors) == 2
    assert len(vectors[0].embedding) > 10
    assert client.completions.create(model=DEMO, prompt="the water", max_tokens=4).choices[0].text
    assert "7" in client.responses.create(model=DEMO, input="What is 3 plus 4?").output_text


def test_anthropic_clients_of_the_proxy(proxy: str) -> None:
    body = {"model": DEMO, "max_tokens": 40, "messages": [{"role": "user", "content": "What is 3 plus 4?"}]}
    answer = httpx.post(f"{proxy}/v1/messages", json=body, headers={"x-api-key": MASTER_KEY}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "7" in answer.json()["content"][0]["text"]


def test_its_health_check_finds_us(proxy: str) -> None:
    found = httpx.get(f"{proxy}/health", headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=120).json()
    assert "docker_model_runner/dmr.local/demo" in [entry["model"] for entry in found["healthy_endpoints"]]
