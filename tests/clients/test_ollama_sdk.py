"""The whole stack under Ollama's own Python client: service process, runner process, the bundled model."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from dmr_desktop.settings import asset
from dmr_desktop.store.store import ModelStore
from tests.fixtures_live import DEMO, LiveService
from tests.real_registry import Registry, export, needs_registry, push

ollama = pytest.importorskip("ollama")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HELLO = [{"role": "user", "content": "Hello"}]
GREEDY = {"temperature": 0, "num_predict": 40}


def get_weather(city: str) -> str:
    """Get the weather of a city

    Args:
      city: The name of the city
    """
    return f"It is sunny in {city}."


@pytest.fixture
def client(live_service: LiveService) -> Iterator[Any]:
    transport = httpx.HTTPTransport(uds=str(live_service.socket_path))
    with ollama.Client(host="http://localhost", transport=transport, timeout=60) as found:
        yield found


@pytest.fixture
async def async_client(live_service: LiveService) -> AsyncIterator[Any]:
    transport = httpx.AsyncHTTPTransport(uds=str(live_service.socket_path))
    found = ollama.AsyncClient(host="http://localhost", transport=transport, timeout=60)
    yield found
    await found.close()


def check_end(last: Any) -> None:
    assert last.done
    assert last.done_reason in ("stop", "length")
    assert last.prompt_eval_count > 0
    assert last.eval_count > 0
    assert last.total_duration >= last.load_duration >= 0
    assert 0 < last.eval_duration < last.total_duration


# ---- talking -----------------------------------------------------------------------------------


def test_streaming_says_the_same_as_not_streaming(client: Any) -> None:
    whole = client.chat(model=DEMO, messages=HELLO, options=GREEDY)
    parts = list(client.chat(model=DEMO, messages=HELLO, options=GREEDY, stream=True))
    assert whole.message.content
    assert "".join(part.message.content for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count == whole.eval_count
    check_end(whole)
    check_end(parts[-1])


def test_generate(client: Any) -> None:
    whole = client.generate(model=DEMO, prompt="What is 3 plus 4?", options=GREEDY)
    parts = list(client.generate(model=DEMO, prompt="What is 3 plus 4?", options=GREEDY, stream=True))
    assert "7" in whole.response
    assert "".join(part.response for part in parts) == whole.response
    check_end(parts[-1])
    raw = client.generate(model=DEMO, prompt="<|im_start|>user\nHello", raw=True, options={"num_predict": 3})
    assert raw.eval_count <= 3


def test_limits_stops_and_seeds(client: Any) -> None:
    cut = client.chat(model=DEMO, messages=HELLO, options={"temperature": 0, "num_predict": 2})
    assert (cut.done_reason, cut.eval_count) == ("length", 2)
    whole = client.chat(model=DEMO, messages=HELLO, options=GREEDY).message.content
    stop = whole[4:6]
    stopped = client.chat(model=DEMO, messages=HELLO, options={**GREEDY, "stop": [stop]})
    assert stopped.message.content == whole[: whole.index(stop)]
    hot = {"temperature": 1.5, "seed": 7, "num_predict": 12}
    assert len({client.chat(model=DEMO, messages=HELLO, options=hot).message.content for _ in range(3)}) == 1


def test_a_conversation_is_the_one_that_openais_dialect_has(client: Any, live_service: LiveService) -> None:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Remember the number 7."},
        {"role": "assistant", "content": "I will remember the number 7."},
        {"role": "user", "content": "Which number did I tell you?"},
    ]
    found = client.chat(model=DEMO, messages=messages, options=GREEDY)
    body = {"model": DEMO, "messages": messages, "temperature": 0, "max_tokens": GREEDY["num_predict"]}
    with live_service.http() as http:
        other = http.post("/v1/chat/completions", json=body).json()
    assert found.message.content == other["choices"][0]["message"]["content"]
    assert found.prompt_eval_count == other["usage"]["prompt_tokens"]


def test_a_tool_from_call_to_answer(client: Any) -> None:
    question = {"role": "user", "content": "What is the weather in Paris?"}
    called = client.chat(model=DEMO, messages=[question], tools=[get_weather], options={"temperature": 0})
    (call,) = called.message.tool_calls
    assert call.function.name == "get_weather"
    assert dict(call.function.arguments) == {"city": "Paris"}
    parts = list(
        client.chat(model=DEMO, messages=[question], tools=[get_weather], options={"temperature": 0}, stream=True)
    )
    streamed = [call for part in parts for call in part.message.tool_calls or []]
    assert [(call.function.name, dict(call.function.arguments)) for call in streamed] == [
        ("get_weather", {"city": "Paris"})
    ]
    result = {"role": "tool", "tool_name": "get_weather", "content": get_weather(**call.function.arguments)}
    answer = client.chat(model=DEMO, messages=[question, called.message, result], tools=[get_weather], options=GREEDY)
    assert "sunny" in answer.message.content


@pytest.mark.parametrize("stream", [True, False])
def test_a_schema_is_kept(client: Any, stream: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}, "ok": {"type": "boolean"}},
        "required": ["n", "ok"],
        "additionalProperties": False,
    }
    found = client.chat(
        model=DEMO, messages=[{"role": "user", "content": "Give me a number"}], format=schema, stream=stream
    )
    text = "".join(part.message.content for part in found) if stream else found.message.content
    assert set(json.loads(text)) == {"n", "ok"}
    assert isinstance(json.loads(client.generate(model=DEMO, prompt="a number", format="json").response), dict)


def test_log_probabilities(client: Any) -> None:
    found = client.chat(model=DEMO, messages=HELLO, logprobs=True, top_logprobs=2, options=GREEDY)
    assert "".join(entry.token for entry in found.logprobs) == found.message.content
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in found.logprobs)


def test_vectors(client: Any) -> None:
    found = client.embed(model=DEMO, input=["a house", "a home"])
    for vector in found.embeddings:
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)
    assert client.embed(model=DEMO, input="a house").embeddings[0] == pytest.approx(found.embeddings[0], abs=1e-4)
    short = client.embed(model=DEMO, input="a house", dimensions=16).embeddings[0]
    assert (len(short), math.hypot(*short)) == (16, pytest.approx(1, abs=1e-3))
    assert client.embeddings(model=DEMO, prompt="a house").embedding == pytest.approx(found.embeddings[0], abs=1e-4)
    long = "word " * 9_000
    assert len(client.embed(model=DEMO, input=long).embeddings) == 1
    with pytest.raises(ollama.ResponseError, match="maximum context length"):
        client.embed(model=DEMO, input=long, truncate=False)


# ---- models ------------------------------------------------------------------------------------


def test_what_there_is(client: Any) -> None:
    names = [model.model for model in client.list().models]
    assert f"{DEMO}:latest" in names
    shown = client.show(DEMO)
    assert shown.modelinfo["general.architecture"] == shown.details.family == "llama"
    assert {"completion", "tools"} <= set(shown.capabilities)


def test_loading_and_unloading(client: Any) -> None:
    assert client.generate(model=DEMO, keep_alive="10m").done_reason == "load"
    (running,) = client.ps().models
    assert running.model in [model.model for model in client.list().models]
    assert running.context_length == 4096
    assert running.size > 1_000_000
    assert client.generate(model=DEMO, prompt="", keep_alive=0).done_reason == "unload"
    assert client.ps().models == []


def test_names_come_and_go(client: Any) -> None:
    assert client.copy(DEMO, "my/copy:v1").status == "success"
    assert client.create("mine", from_="my/copy:v1").status == "success"
    assert [part.status for part in client.create("mine", from_=DEMO, stream=True)][-1] == "success"
    assert client.chat(model="mine", messages=HELLO, options=GREEDY).message.content
    for name in ("my/copy:v1", "mine"):
        assert client.delete(name).status == "success"
    with pytest.raises(ollama.ResponseError) as caught:
        client.delete("mine")
    assert caught.value.status_code == 404


def test_refusals_are_the_clients_own_exceptions(client: Any) -> None:
    def refused(call: Any) -> tuple[int, str]:
        with pytest.raises(ollama.ResponseError) as caught:
            call()
        return caught.value.status_code, caught.value.error

    status, message = refused(lambda: client.chat(model="none", messages=HELLO))
    assert (status, message.startswith("model 'none' not found, try pulling it first: `dmr pull none`")) == (404, True)
    assert refused(lambda: list(client.chat(model="none", messages=HELLO, stream=True)))[0] == 404
    assert refused(lambda: client.show("none"))[0] == 404
    assert refused(lambda: client.create("x", from_=DEMO, system="be nice"))[1].startswith("'system' is not supported")
    assert refused(lambda: client.generate(model=DEMO, prompt="a", suffix="b"))[0] == 400
    assert refused(lambda: client.chat(model=DEMO, messages=HELLO, options={"temperature": -1}))[0] == 400
    image = [{"role": "user", "content": "what is it?", "images": [b"\x89PNG\r\n\x1a\n"]}]
    status, message = refused(lambda: client.chat(model=DEMO, messages=image))
    assert (status, "image" in message) == (400, True)
    long = [{"role": "user", "content": "word " * 9_000}]
    assert refused(lambda: client.chat(model=DEMO, messages=long))[0] == 400
    assert refused(lambda: client.pull("dmr.local/none"))[0] == 404
    assert refused(lambda: list(client.pull("dmr.local/none", stream=True)))[0] in (404, -1)
    assert client.chat(model=DEMO, messages=HELLO, options=GREEDY).done


@needs_registry
def test_from_a_registry_and_back(client: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("registry")
    gguf = folder / "other.gguf"
    gguf.write_bytes(asset("demo/demo.gguf").read_bytes().replace(b"DMR demo", b"DMR dem3", 1))
    model = ModelStore(folder / "models").package_gguf(gguf, "ai/x:y")
    with Registry(folder / "registry") as registry:
        push(export(folder / "models", model.id, folder / "layout"), f"{registry.host}/ai/x:y")
        name, copy = f"{registry.host}/ai/x:y", f"{registry.host}/mine/x:y"
        check_progress(list(client.pull(name, insecure=True, stream=True)), "pulling", gguf.stat().st_size)
        assert client.pull(name).status == "success"
        try:
            assert client.chat(model=name, messages=HELLO, options=GREEDY).message.content
            client.generate(model=name, keep_alive=0)
            client.copy(name, copy)
            check_progress(list(client.push(copy, insecure=True, stream=True)), "pushing", gguf.stat().st_size)
            assert client.push(copy).status == "success"
            client.delete(copy)
            assert client.pull(copy).status == "success"
        finally:
            for tag in (name, copy):
                client.delete(tag)
        assert "not found" in list_until_error(client, f"{registry.host}/ai/none").lower()


def check_progress(parts: list[Any], verb: str, size: int) -> None:
    """Of a model of one file of ``size`` bytes."""
    assert parts[0].status.endswith(" manifest")
    assert parts[-1].status == "success"
    layers = [part for part in parts if part.digest]
    assert all(part.status == f"{verb} {part.digest.removeprefix('sha256:')[:12]}" for part in layers)
    assert all(0 <= part.completed <= part.total for part in layers)
    assert any(part.completed == part.total == size for part in layers)


def list_until_error(client: Any, name: str) -> str:
    with pytest.raises(ollama.ResponseError) as caught:
        list(client.pull(name, stream=True))
    return str(caught.value.error)


# ---- many at once ------------------------------------------------------------------------------


async def test_async_and_many_at_once(async_client: Any) -> None:
    async def ask(index: int) -> str:
        text = ""
        async for part in await async_client.chat(
            model=DEMO,
            messages=[{"role": "user", "content": f"What is {index} plus 2?"}],
            options=GREEDY,
            stream=True,
        ):
            text += part.message.content
        return text

    answers = await asyncio.gather(*(ask(index) for index in range(8)))
    assert all(str(index + 2) in answer for index, answer in enumerate(answers))
    vectors = await async_client.embed(model=DEMO, input="x")
    assert len(vectors.embeddings) == 1


async def test_leaving_a_stream_frees_its_slot(async_client: Any, live_service: LiveService) -> None:
    endless = {"model": DEMO, "messages": [{"role": "user", "content": "Tell me a long story about a lighthouse"}]}
    stream = await async_client.chat(**endless, stream=True, options={"temperature": 2, "num_predict": -1})
    async for _ in stream:
        break
    await stream.aclose()
    async with live_service.async_http() as http:
        for _ in range(200):
            if not any(line.get("in_use") for line in (await http.get("/engines/ps")).json()):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the request went on without its client")
    assert (await async_client.chat(model=DEMO, messages=HELLO, options=GREEDY)).done
