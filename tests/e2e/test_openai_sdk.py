"""The whole stack under OpenAI's own client: service process, runner process, the bundled model."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest

from tests.fixtures_live import DEMO, LiveService

pytestmark = pytest.mark.slow

BASES = ("/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp")
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def client(live_service: LiveService) -> Iterator[openai.OpenAI]:
    with live_service.http() as http:
        yield openai.OpenAI(base_url="http://localhost/v1", api_key="any", http_client=http, max_retries=0)


@pytest.fixture
async def async_client(live_service: LiveService) -> AsyncIterator[openai.AsyncOpenAI]:
    async with live_service.async_http() as http:
        yield openai.AsyncOpenAI(base_url="http://localhost/v1", api_key="any", http_client=http, max_retries=0)


@pytest.mark.parametrize("base", BASES)
def test_streaming_says_the_same_as_not_streaming(live_service: LiveService, base: str) -> None:
    with live_service.http() as http:
        client = openai.OpenAI(base_url=f"http://localhost{base}", api_key="any", http_client=http)
        answer = client.chat.completions.create(
            model=DEMO, messages=[{"role": "user", "content": "Hello"}], temperature=0, max_tokens=24
        )
        chunks = list(
            client.chat.completions.create(
                model=DEMO,
                messages=[{"role": "user", "content": "Hello"}],
                temperature=0,
                max_tokens=24,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text
    assert text == answer.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == answer.choices[0].finish_reason
    assert chunks[-1].choices == []
    assert answer.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == answer.usage.total_tokens


def test_max_tokens_and_stop(client: openai.OpenAI) -> None:
    cut = client.chat.completions.create(
        model=DEMO, messages=[{"role": "user", "content": "Hello"}], temperature=0, max_tokens=2
    )
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 2
    story = [{"role": "user", "content": "Tell me a long story."}]
    whole = client.chat.completions.create(model=DEMO, messages=story, temperature=0, max_tokens=16)
    text = whole.choices[0].message.content or ""
    stop = text[3:5]
    stopped = client.chat.completions.create(model=DEMO, messages=story, temperature=0, max_tokens=16, stop=stop)
    assert stopped.choices[0].message.content == text[: text.index(stop)]
    assert stopped.choices[0].finish_reason == "stop"
    begun = "Once upon a time there was a cat that"
    raw = client.completions.create(model=DEMO, prompt=begun, temperature=0, max_tokens=16).choices[0].text
    cut_raw = client.completions.create(model=DEMO, prompt=begun, temperature=0, max_tokens=16, stop=raw[3:5])
    assert cut_raw.choices[0].text == raw[: raw.index(raw[3:5])]
    assert cut_raw.choices[0].finish_reason == "stop"


def test_how_likely_a_text_is(client: openai.OpenAI) -> None:
    """What evaluation programs ask for: no new token, and the log-probability of each of the prompt's."""
    begun = "The capital of France is"
    asked = client.completions.create(model=DEMO, prompt=begun, temperature=0, max_tokens=4, logprobs=2).choices[0]
    assert asked.logprobs is not None
    rest = asked.text
    echoed = client.completions.create(model=DEMO, prompt=begun + rest, max_tokens=0, echo=True, logprobs=2).choices[0]
    assert (echoed.text, echoed.finish_reason) == (begun + rest, "length")
    found = echoed.logprobs
    assert found is not None
    assert found.tokens is not None
    assert found.token_logprobs is not None
    assert found.text_offset is not None
    assert "".join(found.tokens) == begun + rest
    assert found.text_offset == [len("".join(found.tokens[:at])) for at in range(len(found.tokens))]
    assert found.token_logprobs[0] is None
    generated = asked.logprobs.tokens or []
    count = len(generated)
    assert count > 0
    assert found.tokens[-count:] == generated
    assert found.token_logprobs[-count:] == pytest.approx(asked.logprobs.token_logprobs, abs=0.2)
    assert all(found.tokens[at] in top for at, top in enumerate(found.top_logprobs or []) if top)


def test_several_choices_and_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=DEMO,
        messages=[{"role": "user", "content": "Hello"}],
        n=2,
        max_tokens=6,
        logprobs=True,
        top_logprobs=3,
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert choice.logprobs is not None
        assert choice.logprobs.content
        for entry in choice.logprobs.content:
            assert entry.logprob <= 0
            assert len(entry.top_logprobs) == 3


def test_a_json_schema_is_kept(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}, "ok": {"type": "boolean"}},
        "required": ["n", "ok"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model=DEMO,
        messages=[{"role": "user", "content": "Give me a number"}],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}},
        max_tokens=60,
    )
    found = json.loads(answer.choices[0].message.content or "")
    assert set(found) == {"n", "ok"}
    assert isinstance(found["ok"], bool)


def test_a_required_tool_is_called_with_arguments_that_fit(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=DEMO,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[TOOL],
        tool_choice="required",
        temperature=0,
        max_tokens=80,
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)


def test_embeddings(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model=DEMO, input=["a house", "a home", "x"])
    assert len(found.data) == 3
    for entry in found.data:
        assert sum(value * value for value in entry.embedding) == pytest.approx(1.0, abs=1e-3)
    floats = client.embeddings.create(model=DEMO, input="a house", encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(found.data[0].embedding, abs=1e-4)


def test_refusals_are_the_clients_own_exceptions(client: openai.OpenAI) -> None:
    hi: Any = [{"role": "user", "content": "hi"}]
    with pytest.raises(openai.NotFoundError, match="model not found"):
        client.chat.completions.create(model="ai/none", messages=hi)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=DEMO, messages=hi, temperature=9)
    assert caught.value.param == "temperature"
    with pytest.raises(openai.BadRequestError, match="maximum context length") as caught:
        client.completions.create(model=DEMO, prompt="word " * 20_000, max_tokens=1)
    assert caught.value.code == "context_length_exceeded"


async def test_many_at_once(async_client: openai.AsyncOpenAI) -> None:
    async def ask(index: int) -> str:
        answer = await async_client.chat.completions.create(
            model=DEMO, messages=[{"role": "user", "content": f"Hello {index}"}], max_tokens=8, temperature=0
        )
        return answer.choices[0].message.content or ""

    answers = await asyncio.gather(*(ask(index) for index in range(12)))
    assert all(answers)


async def test_leaving_a_stream_frees_its_slot(async_client: openai.AsyncOpenAI, live_service: LiveService) -> None:
    stream = await async_client.completions.create(
        model=DEMO, prompt="Once", max_tokens=3000, stream=True, extra_body={"ignore_eos": True}
    )
    async for _ in stream:
        break
    await stream.close()
    async with live_service.async_http() as http:
        for _ in range(200):
            lines = (await http.get("/engines/ps")).json()
            if not any(line.get("in_use") for line in lines):
                break
        else:
            pytest.fail("the request went on without its client")


def test_the_constraints_of_llama_cpp(client: openai.OpenAI) -> None:
    """What was written for llama.cpp, or for Docker Model Runner over it, sends them beside OpenAI's fields."""
    question: Any = [{"role": "user", "content": "What is the weather in Berlin?"}]
    grammar = {"grammar": 'root ::= ("yes" | "no") "!"'}
    said = client.chat.completions.create(model=DEMO, messages=question, extra_body=grammar).choices[0]
    assert (said.message.content in ("yes!", "no!"), said.finish_reason) == (True, "stop")
    schema = {"json_schema": {"type": "object", "properties": {"sky": {"enum": ["blue", "grey"]}}, "required": ["sky"]}}
    said = client.chat.completions.create(model=DEMO, messages=question, extra_body=schema).choices[0]
    assert json.loads(said.message.content or "")["sky"] in ("blue", "grey")
    for text in (
        client.completions.create(model=DEMO, prompt="One", extra_body=grammar).choices[0].text,
        "".join(
            chunk.choices[0].text
            for chunk in client.completions.create(model=DEMO, prompt="One", extra_body=grammar, stream=True)
        ),
    ):
        assert text in ("yes!", "no!")


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= (",
        'root ::= root "a" | root',
        f"root ::= {'(' * 30000}a{')' * 30000}",
        'root ::= b{1,1000}\nb ::= c{1,1000}\nc ::= d{1,1000}\nd ::= "x" | "y"',
        "root ::= [\\x00-\\x",
    ],
)
def test_hostile_grammars_end_nobody(live_service: LiveService, grammar: str) -> None:
    """Refused, or obeyed if it is none: never the end of the process that others use."""
    body = {"model": DEMO, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    with live_service.http() as http:
        answer = http.post("/v1/chat/completions", json=body | {"grammar": grammar})
        assert answer.status_code in (200, 400), answer.text
        assert answer.status_code == 200 or "rammar" in answer.json()["error"]["message"]
        assert http.post("/v1/chat/completions", json=body).status_code == 200
