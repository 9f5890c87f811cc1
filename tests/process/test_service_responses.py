"""OpenAI's Responses through the running service, with a backend that says what the test tells it to."""

import asyncio
import json
import threading
from typing import Any

import httpx
import openai
import pytest

from dmr_desktop.dialects import responses, responses_input
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.responses_input import FindItem, ReadInput
from dmr_desktop.protocol.errors import ErrorInfo, QueueFull
from dmr_desktop.protocol.generation import ChatPrompt, Failed, Message, ReasoningDelta, Started, TextDelta, TextPart
from dmr_desktop.service import generate
from dmr_desktop.service.bodies import LARGE_BODY_BYTES
from dmr_desktop.service.response_store import ResponseStore
from tests.fakes.scripted_backend import words
from tests.fixtures_service import LiveInProcess

ASKED: dict[str, Any] = {"model": "dmr.local/demo", "input": "hi"}
CRASH = Failed(ErrorInfo("runner_crashed", "the model's process died: killed by SIGSEGV"))
BASES = ("", "/engines", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/engines/llama.cpp")


def events_of(answer: httpx.Response) -> list[Any]:
    assert answer.headers["content-type"] == "text/event-stream"
    frames = answer.text.split("\n\n")
    assert frames.pop() == ""
    return [json.loads(frame.split("\ndata: ")[1]) for frame in frames]


def asked_of(live: LiveInProcess) -> tuple[Message, ...]:
    """The messages of the last request that reached the runner."""
    prompt = live.script.requests[-1].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt.messages


@pytest.mark.parametrize("base", BASES)
async def test_what_one_base_keeps_another_finds(live: LiveInProcess, base: str) -> None:
    made = (await live.http.post(f"{base}/responses", json=ASKED)).json()
    for other in BASES:
        assert (await live.http.get(f"{other}/responses/{made['id']}")).json() == made
    items = (await live.http.get(f"{base}/responses/{made['id']}/input_items")).json()
    assert [item["content"][0]["text"] for item in items["data"]] == ["hi"]
    assert items["first_id"] == items["last_id"] == items["data"][0]["id"]
    gone = (await live.http.delete(f"{base}/responses/{made['id']}")).json()
    assert gone == {"id": made["id"], "object": "response.deleted", "deleted": True}
    missing = await live.http.get(f"{base}/responses/{made['id']}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "response_not_found")


async def test_a_long_conversation_is_read_apart_from_the_loop_and_its_memory_is_not(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a megabyte takes long enough to be felt by every stream; the memory belongs to the loop."""
    first = (await live.http.post("/responses", json=ASKED)).json()
    (listed,) = (await live.http.get(f"/responses/{first['id']}/input_items")).json()["data"]
    loop, readers = threading.get_ident(), []
    for name in ("response", "item", "keep"):
        method = getattr(ResponseStore, name)

        def watched(store: ResponseStore, given: Any, method: Any = method) -> Any:
            assert threading.get_ident() == loop
            return method(store, given)

        monkeypatch.setattr(ResponseStore, name, watched)

    def read_input(body: Fields, find_item: FindItem) -> ReadInput:
        readers.append(threading.get_ident())
        return responses_input.read_input(body, find_item)

    monkeypatch.setattr(responses, "read_input", read_input)
    given = [{"type": "item_reference", "id": listed["id"]}, {"role": "user", "content": "x" * 2 * LARGE_BODY_BYTES}]
    body = {**ASKED, "previous_response_id": first["id"], "input": given}
    assert (await live.http.post("/responses", json=body)).status_code == 200
    assert len(readers) == 1
    assert readers[0] != loop
    texts = [part.text for message in asked_of(live) for part in message.content if isinstance(part, TextPart)]
    assert texts[:3] == ["hi", "Hello world", "hi"]


async def test_pages_of_input_items(live: LiveInProcess) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(5)]
    made = (await live.http.post("/v1/responses", json={**ASKED, "input": items})).json()

    async def page(**query: str) -> tuple[list[str], bool, str]:
        found = (await live.http.get(f"/v1/responses/{made['id']}/input_items", params=query)).json()
        return [item["content"][0]["text"] for item in found["data"]], found["has_more"], found["last_id"]

    texts, has_more, last = await page(limit="2")
    assert (texts, has_more) == (["4", "3"], True)
    assert (await page(limit="3", after=last))[:2] == (["2", "1", "0"], False)
    assert (await page(order="asc"))[0] == ["0", "1", "2", "3", "4"]
    for path in ("", "/input_items"):
        assert (await live.http.head(f"/v1/responses/{made['id']}{path}")).status_code == 200
    for query in ({"limit": "0"}, {"limit": "x"}, {"order": "up"}, {"after": "msg_none"}):
        refused = await live.http.get(f"/v1/responses/{made['id']}/input_items", params=query)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, next(iter(query)))


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/v1/responses", 405, "POST"),
        ("PUT", "/v1/responses/resp_x", 405, "GET, DELETE"),
        ("POST", "/v1/responses/resp_x/input_items", 405, "GET"),
        ("GET", "/v1/responses/resp_x/cancel", 405, "POST"),
        ("POST", "/engines/other/v1/responses", 404, None),
        ("GET", "/engines/other/v1/responses/resp_x", 404, None),
    ],
)
async def test_wrong_methods_and_backends(
    live: LiveInProcess, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await live.http.request(method, path, json=ASKED)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert answer.json()["error"]["message"]


async def test_a_failure_half_way_is_told_and_not_kept(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(Started(5, 0), TextDelta("Hel")), (CRASH,)]
    answer = await live.http.post("/v1/responses", json={**ASKED, "stream": True})
    assert answer.status_code == 200
    events = events_of(answer)
    assert [event["type"] for event in events[-2:]] == ["response.failed", "error"]
    assert (await live.http.get(f"/v1/responses/{events[0]['response']['id']}")).status_code == 404
    transport = httpx.AsyncHTTPTransport(uds=str(live.settings.socket_path))
    http = httpx.AsyncClient(transport=transport)
    async with openai.AsyncOpenAI(base_url="http://localhost/v1", api_key="any", http_client=http) as client:
        stream = await client.responses.create(**ASKED, stream=True)
        with pytest.raises(openai.APIError, match="SIGSEGV"):
            async for _ in stream:
                pass


@pytest.mark.parametrize("streams", [True, False])
async def test_a_failure_before_anything_has_its_own_status(live: LiveInProcess, streams: bool) -> None:
    live.script.answer = lambda request: [(Failed(QueueFull("too many requests").info),)]
    answer = await live.http.post("/v1/responses", json={**ASKED, "stream": streams})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "queue_full")
    assert answer.headers["retry-after"]


async def test_a_failure_after_long_waiting_is_a_whole_stream(
    live: LiveInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "PATIENCE_SECONDS", 0.05)
    live.script.gate = asyncio.Semaphore(0)
    live.script.answer = lambda request: [(CRASH,)]
    async with live.http.stream("POST", "/v1/responses", json={**ASKED, "stream": True}) as answer:
        live.script.gate.release()
        await answer.aread()
    types = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert types == ["response.created", "response.in_progress", "response.failed", "error"]


async def test_who_leaves_is_not_remembered(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(2)
    async with live.http.stream("POST", "/v1/responses", json={**ASKED, "stream": True}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                response_id = json.loads(line.removeprefix("data: "))["response"]["id"]
                break
    await asyncio.wait_for(live.script.cancelled.wait(), 5)
    assert (await live.http.get(f"/v1/responses/{response_id}")).status_code == 404


async def test_thinking_goes_out_and_comes_back(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(ReasoningDelta("hm"),), *words("Hello")[1:]]
    first = (await live.http.post("/v1/responses", json=ASKED)).json()
    assert [item["type"] for item in first["output"]] == ["reasoning", "message"]
    again = {"role": "user", "content": "again"}
    expected = (
        Message("user", (TextPart("hi"),)),
        Message("assistant", (TextPart("Hello"),), reasoning="hm"),
        Message("user", (TextPart("again"),)),
    )
    await live.http.post("/v1/responses", json={**ASKED, "input": "again", "previous_response_id": first["id"]})
    assert asked_of(live) == expected
    await live.http.post(
        "/v1/responses", json={**ASKED, "input": [{"role": "user", "content": "hi"}, *first["output"], again]}
    )
    assert asked_of(live) == expected
