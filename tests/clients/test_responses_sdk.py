"""OpenAI's Responses under OpenAI's own client: service process, runner process, the bundled model."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.responses import ParsedResponse, Response
from pydantic import BaseModel

from tests.fixtures_live import DEMO, LiveService

pytestmark = pytest.mark.slow

BASES = ("", "/engines", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp")
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class City(BaseModel):
    name: str
    inhabitants: int


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
        answer = client.responses.create(model=DEMO, input="Hello", temperature=0)
        events = list(client.responses.create(model=DEMO, input="Hello", temperature=0, stream=True))
    assert answer.status == "completed"
    assert answer.output_text
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == answer.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == answer.output_text
    assert {event.response.id for event in events if hasattr(event, "response")} == {last.response.id}
    assert answer.usage is not None
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == answer.usage.output_tokens > 0
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_the_stream_helper_follows_the_snapshot(client: openai.OpenAI) -> None:
    with client.responses.stream(model=DEMO, input="Hello", temperature=0) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == final.output_text
    assert [len(text) for text in snapshots] == sorted(len(text) for text in snapshots)


def test_a_parsed_text_format(client: openai.OpenAI) -> None:
    whole: ParsedResponse[City] = client.responses.parse(
        model=DEMO, input="Paris has 2 million inhabitants.", text_format=City, max_output_tokens=200
    )
    assert isinstance(whole.output_parsed, City)
    with client.responses.stream(
        model=DEMO, input="Paris has 2 million inhabitants.", text_format=City, max_output_tokens=200
    ) as stream:
        assert isinstance(stream.get_final_response().output_parsed, City)


def test_json_object(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=DEMO,
        input='Give me a JSON object with the key "city".',
        text={"format": {"type": "json_object"}},
        temperature=0,
        max_output_tokens=100,
    )
    assert isinstance(json.loads(answer.output_text), dict)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("remembers", [False, True])
def test_a_function_is_called_and_its_result_told(client: openai.OpenAI, streams: bool, remembers: bool) -> None:
    question = "What is the weather in Paris?"
    first = _respond(client, streams, input=question)
    (call,) = first.output
    assert call.type == "function_call"
    assert call.name == "get_weather"
    assert json.loads(call.arguments) == {"city": "Paris"}
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"}
    if remembers:
        second = _respond(client, streams, input=[result], previous_response_id=first.id)
    else:
        items: list[Any] = [{"role": "user", "content": question}, *first.output, result]
        second = _respond(client, streams, input=items)
    assert "21" in second.output_text


def _respond(client: openai.OpenAI, streams: bool, **fields: Any) -> Response:
    fields = {"model": DEMO, "tools": [TOOL], "temperature": 0, **fields}
    if not streams:
        found: Response = client.responses.create(**fields)
        return found
    with client.responses.stream(**fields) as stream:
        return stream.get_final_response()


def test_tool_choice(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=DEMO, input="Tell me about Paris.", tools=[TOOL], tool_choice={"type": "function", "name": "get_weather"}
    )
    assert [item.type for item in answer.output] == ["function_call"]
    answer = client.responses.create(model=DEMO, input="What is the weather?", tools=[TOOL], tool_choice="none")
    assert [item.type for item in answer.output] == ["message"]


def test_a_conversation_goes_on_where_it_was(client: openai.OpenAI) -> None:
    first = client.responses.create(model=DEMO, input="The code word is tiger.", temperature=0, instructions="Be kind.")
    second = client.responses.create(
        model=DEMO, input="What is the code word?", temperature=0, previous_response_id=first.id, stream=True
    )
    last = list(second)[-1]
    assert last.type == "response.completed"
    assert "tiger" in last.response.output_text
    assert last.response.previous_response_id == first.id
    assert last.response.instructions is None
    third = client.responses.create(
        model=DEMO, input="Say the code word.", temperature=0, previous_response_id=last.response.id
    )
    assert third.usage is not None
    assert last.response.usage is not None
    assert third.usage.input_tokens > last.response.usage.input_tokens + last.response.usage.output_tokens
    assert third.usage.input_tokens_details.cached_tokens >= last.response.usage.input_tokens


def test_what_is_stored_can_be_read_listed_and_deleted(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model=DEMO,
        input=[{"role": "user", "content": "Hello"}, {"role": "user", "content": "again"}],
        metadata={"topic": "greeting"},
    )
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    items = list(client.responses.input_items.list(made.id, order="asc", limit=1))
    assert [item.content[0].text for item in items] == ["Hello", "again"]  # type: ignore[union-attr]
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(made.id)
    client.responses.delete(made.id)
    for read in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError, match="not found"):
            read(made.id)
    hidden = client.responses.create(model=DEMO, input="Hello", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(hidden.id)


def test_a_cut_answer_is_incomplete(client: openai.OpenAI) -> None:
    answer = client.responses.create(model=DEMO, input="Tell me a story about a cat", max_output_tokens=3)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    events = list(client.responses.create(model=DEMO, input="Tell me a story", max_output_tokens=3, stream=True))
    assert events[-1].type == "response.incomplete"


def test_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=DEMO, input="Hello", top_logprobs=2, include=["message.output_text.logprobs"], max_output_tokens=4
    )
    part = answer.output[0].content[0]  # type: ignore[union-attr, index]
    assert part.type == "output_text"
    assert part.logprobs
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in part.logprobs)


@pytest.mark.parametrize(
    ("fields", "param", "text"),
    [
        ({"background": True}, "background", "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "web_search"),
        ({"temperature": 9}, "temperature", "temperature"),
        ({"previous_response_id": "resp_none"}, "previous_response_id", "resp_none"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]},
            "input[0].content[0].image_url",
            "data:",
        ),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_refusals(client: openai.OpenAI, fields: dict[str, Any], param: str, text: str, streams: bool) -> None:
    with pytest.raises(openai.BadRequestError, match=text) as caught:
        client.responses.create(**{"model": DEMO, "input": "hi", "stream": streams, **fields})
    assert caught.value.param == param


def test_refusals_by_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="model not found"):
        client.responses.create(model="ai/none", input="hi")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=DEMO, input="hi", previous_response_id="resp_none")
    assert caught.value.code == "previous_response_not_found"
    with pytest.raises(openai.BadRequestError, match="maximum context length") as caught:
        client.responses.create(model=DEMO, input="word " * 20_000)
    assert caught.value.code == "context_length_exceeded"
    image: Any = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"}
    with pytest.raises(openai.BadRequestError, match="image"):
        client.responses.create(model=DEMO, input=[{"role": "user", "content": [image]}])
    assert client.responses.create(model=DEMO, input="Hello").status == "completed"


@pytest.mark.timeout(240)  # a whole context is read
@pytest.mark.parametrize("streams", [False, True])
def test_truncation_drops_the_oldest_turns(client: openai.OpenAI, streams: bool) -> None:
    chatter: list[Any] = []
    for index in range(40):
        chatter += [
            {"role": "user", "content": f"Tell me about {index} " + "word " * 200},
            {"role": "assistant", "content": "No."},
        ]
    items = [*chatter, {"role": "user", "content": "Remember the number 4711"}, {"role": "assistant", "content": "Ok."}]
    items.append({"role": "user", "content": "What is 3 + 4?"})
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.responses.create(model=DEMO, input=items)
    asked: dict[str, Any] = {"model": DEMO, "input": items, "truncation": "auto", "max_output_tokens": 8}
    if streams:
        last = list(client.responses.create(**asked, stream=True))[-1]
        assert last.type in ("response.completed", "response.incomplete")
        answer = last.response
    else:
        answer = client.responses.create(**asked)
    assert answer.truncation == "auto"
    assert answer.output_text
    assert answer.usage is not None
    assert 3_000 < answer.usage.input_tokens <= 4_096 - 8


def test_counting_before_asking(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": DEMO, "input": "Hello", "instructions": "Be kind.", "tools": [TOOL]}
    counted = client.responses.input_tokens.count(**asked)
    answer = client.responses.create(**asked)
    assert answer.usage is not None
    assert counted.input_tokens == answer.usage.input_tokens


async def test_leaving_a_stream_frees_its_slot(async_client: openai.AsyncOpenAI, live_service: LiveService) -> None:
    schema: Any = {"type": "array", "items": {"type": "integer"}, "minItems": 500}
    stream = await async_client.responses.create(
        model=DEMO,
        input="Count",
        stream=True,
        text={"format": {"type": "json_schema", "name": "numbers", "schema": schema}},
    )
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    await stream.close()
    async with live_service.async_http() as http:
        for _ in range(100):
            lines = (await http.get("/engines/ps")).json()
            if not any(line.get("in_use") for line in lines):
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("the request went on without its client")


async def test_many_at_once(async_client: openai.AsyncOpenAI) -> None:
    async def ask(index: int) -> str:
        answer = await async_client.responses.create(model=DEMO, input=f"What is {index} + 1?", temperature=0)
        return answer.output_text

    answers = await asyncio.gather(*(ask(index) for index in range(8)))
    assert all(str(index + 1) in answer for index, answer in enumerate(answers)), answers
