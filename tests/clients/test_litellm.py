"""LiteLLM's own client against the real service, by each of its providers that lead here."""

import asyncio
import gc
import json
import os
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.engine.tiny_model import write_tiny_model
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service
from tests.fixtures_service import free_port

# Read when it is imported: it would fetch its list of prices.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
litellm: Any = pytest.importorskip("litellm", reason="litellm is not installed")
litellm.suppress_debug_info = True

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    # Its own, from pydantic, at the first use of each of its parts; and it never closes its connections.
    pytest.mark.filterwarnings("ignore"),
]

DEFAULT_PORT = 22088
"""Where LiteLLM looks for Docker Model Runner when nobody says where it is."""

BASES = {
    "docker_model_runner": "/engines/llama.cpp",
    "openai": "/engines/v1",
    "anthropic": "/anthropic",
    "ollama_chat": "",
}
SUM = [{"role": "user", "content": "What is 3 plus 4?"}]
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

every_provider = pytest.mark.parametrize("provider", BASES)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    """A service with TCP open; ``call`` gives what LiteLLM's functions need for one of its providers."""

    def __init__(self, service: LiveService, port: int) -> None:
        self.service = service
        self.address = f"http://127.0.0.1:{port}"

    def call(self, provider: str, model: str = DEMO) -> dict[str, Any]:
        base = self.address + BASES[provider]
        return {"model": f"{provider}/{model}", "api_base": base, "api_key": "any", "max_retries": 0}

    def last_state(self, model: str) -> str:
        """Of the newest request that came in."""
        with self.service.http() as http:
            (group,) = http.get("/engines/requests", params={"model": model}).json()
        return str(group["records"][-1]["state"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    extra = {"DMR_EXTRA_PORTS": str(DEFAULT_PORT)} if is_free(DEFAULT_PORT) else {}
    service = start_live_service(tmp_path_factory.mktemp("dmr"), "--tcp", str(port), **extra)
    try:
        yield Server(service, port)
    finally:
        stop_live_service(service)


@pytest.fixture(scope="module", autouse=True)
def _dropped_connections() -> Iterator[None]:
    """LiteLLM keeps those of every event loop there was; Python would warn of them in the midst of other tests."""
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def endless(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that does not stop by itself: whoever looks late still finds it at work."""
    gguf: Path = tmp_path_factory.mktemp("endless") / "tiny.gguf"
    write_tiny_model(gguf)
    with server.service.http() as http:
        packaged = http.post("/models/package", json={"gguf": str(gguf), "target": "test.local/endless"})
    assert packaged.is_success, packaged.text
    return "test.local/endless"


def text_of(answer: Any) -> str:
    return str(answer.choices[0].message.content)


# ---- chat ---------------------------------------------------------------------------------------


def test_without_any_address(server: Server) -> None:
    """``extra_ports = [22088]`` makes LiteLLM's default right."""
    if "DMR_EXTRA_PORTS" not in server.service.environment:
        pytest.skip(f"another program listens on port {DEFAULT_PORT}")
    answer = litellm.completion(model=f"docker_model_runner/{DEMO}", messages=SUM, max_retries=0)
    assert "7" in text_of(answer)


@every_provider
def test_whole_and_streamed(server: Server, provider: str) -> None:
    whole = litellm.completion(**server.call(provider), messages=SUM, temperature=0)
    assert "7" in text_of(whole)
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.prompt_tokens > 5
    assert whole.usage.completion_tokens > 1
    chunks = list(
        litellm.completion(
            **server.call(provider), messages=SUM, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    built = litellm.stream_chunk_builder(chunks, messages=SUM)
    assert text_of(built) == text_of(whole)
    assert built.choices[0].finish_reason == "stop"
    assert built.usage.completion_tokens == whole.usage.completion_tokens


@every_provider
async def test_many_at_once(server: Server, provider: str) -> None:
    async def streamed() -> str:
        stream = await litellm.acompletion(**server.call(provider), messages=SUM, temperature=0, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def whole() -> str:
        return text_of(await litellm.acompletion(**server.call(provider), messages=SUM, temperature=0))

    answers = await asyncio.gather(*(ask() for _ in range(3) for ask in (streamed, whole)))
    assert len(set(answers)) == 1
    assert "7" in answers[0]


@every_provider
def test_limits_and_content_parts(server: Server, provider: str) -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "Count from 1 to 50."}]},
    ]
    answer = litellm.completion(**server.call(provider), messages=messages, max_tokens=5, temperature=0)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


# ---- tools --------------------------------------------------------------------------------------


@every_provider
def test_a_tool_is_called_and_its_result_read(server: Server, provider: str) -> None:
    call = {**server.call(provider), "temperature": 0, "tools": [TOOL]}
    answer = litellm.completion(**call, messages=WEATHER)
    message = answer.choices[0].message
    (wanted,) = message.tool_calls
    assert wanted.function.name == "get_weather"
    assert json.loads(wanted.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": wanted.id, "name": "get_weather", "content": '{"weather": "sunny"}'}
    last = litellm.completion(**call, messages=[*WEATHER, message.model_dump(), result])
    assert text_of(last)
    assert not last.choices[0].message.tool_calls


@every_provider
def test_a_streamed_tool_call(server: Server, provider: str) -> None:
    stream = litellm.completion(**server.call(provider), messages=WEATHER, tools=[TOOL], temperature=0, stream=True)
    built = litellm.stream_chunk_builder(list(stream), messages=WEATHER)
    (wanted,) = built.choices[0].message.tool_calls
    assert (wanted.function.name, json.loads(wanted.function.arguments)) == ("get_weather", {"city": "Paris"})
    assert built.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("provider", ["docker_model_runner", "openai"])
def test_an_answer_of_a_schema(server: Server, provider: str) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    question = [{"role": "user", "content": "Make up a person."}]
    answer = litellm.completion(**server.call(provider), messages=question, response_format=wanted)
    found = json.loads(text_of(answer))
    assert found.keys() == {"name", "age"}
    assert isinstance(found["age"], int)


# ---- what goes wrong ----------------------------------------------------------------------------


@every_provider
def test_an_unknown_model(server: Server, provider: str) -> None:
    with pytest.raises(litellm.NotFoundError, match=r"not found"):
        litellm.completion(**server.call(provider, "nobody/nothing"), messages=SUM)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["docker_model_runner", "openai", "anthropic"])
def test_too_long_for_the_context(server: Server, provider: str, stream: bool) -> None:
    """The class that LiteLLM's fallbacks to a model with more context wait for."""
    messages = [{"role": "user", "content": "time " * 9000}]
    with pytest.raises(litellm.ContextWindowExceededError):
        list(litellm.completion(**server.call(provider), messages=messages, stream=stream))
    assert "7" in text_of(litellm.completion(**server.call(provider), messages=SUM, temperature=0))


def test_a_wrong_parameter(server: Server) -> None:
    with pytest.raises(litellm.BadRequestError, match="temperature"):
        litellm.completion(**server.call("docker_model_runner"), messages=SUM, temperature=-3)


@every_provider
async def test_who_leaves_is_not_computed_for(server: Server, endless: str, provider: str) -> None:
    call = {**server.call(provider, endless), "messages": SUM, "temperature": 0, "max_tokens": 3500}
    stream = await litellm.acompletion(**call, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.aclose()
    deadline = time.monotonic() + 10
    while (state := server.last_state(endless)) == "running" and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert state == "cancelled"


# ---- the rest of OpenAI's API -------------------------------------------------------------------


def test_embeddings(server: Server) -> None:
    answer = litellm.embedding(**server.call("openai"), input=["the water", "other people"])
    vectors = [entry["embedding"] for entry in answer.data]
    assert len(vectors) == 2
    assert all(isinstance(number, float) for number in vectors[0])
    assert answer.usage.prompt_tokens > 2
    by_ollama = litellm.embedding(model=f"ollama/{DEMO}", api_base=server.address, input=["the water", "other people"])
    assert by_ollama.data[1]["embedding"] == pytest.approx(vectors[1], abs=1e-5)


def test_completions(server: Server) -> None:
    call = {**server.call("openai"), "model": f"text-completion-openai/{DEMO}"}
    answer = litellm.text_completion(**call, prompt="the water", max_tokens=4)
    assert answer.usage.completion_tokens <= 4


@pytest.mark.parametrize("provider", ["openai", "docker_model_runner"])
def test_responses(server: Server, provider: str) -> None:
    """Sent as they are by ``openai/``; ``docker_model_runner/`` makes chat of them."""
    call = server.call(provider)
    whole = litellm.responses(**call, input="What is 3 plus 4?", temperature=0)
    assert "7" in whole.output[-1].content[0].text
    events = list(litellm.responses(**call, input="What is 3 plus 4?", temperature=0, stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output[-1].content[0].text
    assert events[-1].type == "response.completed"


def test_the_list_of_models(server: Server) -> None:
    call = server.call("openai")
    found = litellm.get_valid_models(
        check_provider_endpoint=True, custom_llm_provider="openai", api_key="any", api_base=call["api_base"]
    )
    assert f"{DEMO}:latest" in found
