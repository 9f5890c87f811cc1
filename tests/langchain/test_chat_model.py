"""What ChatDMR sends and what it makes of the answers; the server is scripted."""

import asyncio
import copy
import pickle
import threading
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from pydantic import BaseModel

from dmr_langchain import (
    ChatDMR,
    DMRBadRequestError,
    DMRModelNotFoundError,
    DMRModels,
    DMRTimeoutError,
    init_dmr_model,
)
from tests.fakes.openai_server import FakeOpenAI, Reply, chat_answer, chat_chunk, fake_openai

OPENAI_ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-leak",
    "OPENAI_ORG_ID": "org-leak",
    "OPENAI_ORGANIZATION": "org-leak",
    "OPENAI_PROJECT_ID": "proj-leak",
    "OPENAI_ADMIN_KEY": "admin-leak",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/leak",
    "OPENAI_API_BASE": "http://127.0.0.1:9/leak",
    "OPENAI_CUSTOM_HEADERS": "X-Leak: leak",
    "OPENAI_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


def model_at(fake: FakeOpenAI, **params: Any) -> ChatDMR:
    return ChatDMR(model="dmr.local/demo", base_url=fake.url, **params)


class Joke(BaseModel):
    setup: str
    punchline: str


def test_nothing_of_openai_or_of_a_proxy_reaches_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OPENAI_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DMR_API_KEY", raising=False)
    with fake_openai(Reply(body=chat_answer())) as fake:
        assert model_at(fake).invoke("hi").content == "Hello"
        asyncio.run(model_at(fake).ainvoke("hi"))
    for received in fake.received:
        assert received.headers["authorization"] == "Bearer not-needed"
        assert not [name for name in received.headers if name.startswith("openai-")]
        assert "leak" not in str(received)


def test_a_key_and_headers_of_ones_own_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMR_API_KEY", "mine")
    with fake_openai(Reply(body=chat_answer())) as fake:
        model_at(fake, default_headers={"X-Mine": "1"}).invoke("hi")
    assert fake.received[0].headers["authorization"] == "Bearer mine"
    assert fake.received[0].headers["x-mine"] == "1"


def test_the_request_is_plain_chat_completions_with_our_parameters() -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        model = model_at(
            fake, temperature=0, max_tokens=9, top_k=5, min_p=0.1, repeat_penalty=1.1, thinking=False, seed=3
        )
        model.invoke([("system", "be brief"), ("user", "hi")])
    request = fake.received[0]
    assert request.path == "/engines/v1/chat/completions"
    assert request.body == {
        "model": "dmr.local/demo",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "stream": False,
        "temperature": 0,
        "max_tokens": 9,
        "seed": 3,
        "top_k": 5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "chat_template_kwargs": {"enable_thinking": False},
    }


@pytest.mark.parametrize("name", ["gpt-5-clone", "o1-clone", "codex-clone", "gpt-4-clone"])
def test_names_that_sound_like_openais_change_nothing(name: str) -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        ChatDMR(model=name, base_url=fake.url, temperature=0.3).invoke([("system", "s"), ("user", "hi")])
    assert fake.received[0].path.endswith("/chat/completions")
    assert fake.received[0].body["temperature"] == 0.3
    assert fake.received[0].body["messages"][0]["role"] == "system"


def test_reasoning_and_timings_are_kept_apart_from_the_content() -> None:
    answer = chat_answer("4", reasoning_content="2+2...") | {"timings": {"predicted_per_second": 50.0}}
    with fake_openai(Reply(body=answer)) as fake:
        message = model_at(fake).invoke("2+2")
    assert isinstance(message, AIMessage)
    assert message.content == "4"
    assert message.additional_kwargs["reasoning_content"] == "2+2..."
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
    assert message.response_metadata["timings"] == {"predicted_per_second": 50.0}
    assert message.response_metadata["model_provider"] == "dmr"
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 7


CALL = {"name": "add", "args": {"a": 1}, "id": "call-1", "type": "tool_call"}
THOUGHT = {"type": "reasoning", "reasoning": "2+2..."}


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("", additional_kwargs={"reasoning_content": "2+2..."}, tool_calls=[CALL]),
        AIMessage([THOUGHT, {"type": "text", "text": "4"}], response_metadata={"output_version": "v1"}),
    ],
)
def test_what_the_model_thought_goes_back_with_the_history(message: AIMessage) -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        model_at(fake).invoke([HumanMessage("2+2"), message, HumanMessage("sure?")])
    asked, answered, _ = fake.received[0].body["messages"]
    assert answered["reasoning_content"] == "2+2..."
    assert "2+2..." not in str(answered["content"])
    assert "reasoning_content" not in asked


STREAM = [
    chat_chunk({"role": "assistant", "content": ""}),
    chat_chunk({"reasoning_content": "hm"}),
    chat_chunk({"reasoning_content": "m"}),
    chat_chunk({"content": "Hel"}),
    chat_chunk({"content": "lo"}),
    chat_chunk({}, "stop", timings={"predicted_ms": 3.0}),
    chat_chunk(None, usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
    "[DONE]",
]


def check_stream(fake: FakeOpenAI, chunks: list[AIMessageChunk]) -> None:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content == "Hello"
    assert whole.additional_kwargs["reasoning_content"] == "hmm"
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["timings"] == {"predicted_ms": 3.0}
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 2
    assert fake.received[0].body["stream_options"] == {"include_usage": True}


def test_a_stream_carries_reasoning_usage_and_timings() -> None:
    with fake_openai(Reply(events=STREAM)) as fake:
        check_stream(fake, list(model_at(fake).stream("hi")))


async def test_an_async_stream_carries_the_same() -> None:
    with fake_openai(Reply(events=STREAM)) as fake:
        check_stream(fake, [chunk async for chunk in model_at(fake).astream("hi")])


def test_tools_are_sent_and_calls_are_read() -> None:
    def add(a: int, b: int) -> int:
        """Add two integers."""
        return a + b

    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
    with fake_openai(Reply(body=chat_answer(None, tool_calls=[call]))) as fake:
        bound = model_at(fake).bind_tools([add], tool_choice="any", parallel_tool_calls=False)
        message = bound.invoke("2+3")
    assert message.tool_calls == [{"name": "add", "args": {"a": 2, "b": 3}, "id": "call_1", "type": "tool_call"}]
    body = fake.received[0].body
    assert body["tool_choice"] == "required"
    assert body["tools"][0]["function"]["name"] == "add"


def test_structured_output_uses_the_json_schema_by_default() -> None:
    with fake_openai(Reply(body=chat_answer('{"setup": "a", "punchline": "b"}'))) as fake:
        joke = model_at(fake).with_structured_output(Joke).invoke("joke")
    assert joke == Joke(setup="a", punchline="b")
    assert fake.received[0].body["response_format"]["type"] == "json_schema"


def test_one_model_serves_several_event_loops_and_threads_of_control() -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        model = model_at(fake)
        for _ in range(3):
            assert asyncio.run(model.ainvoke("hi")).content == "Hello"
            assert model.invoke("hi").content == "Hello"
    assert len(fake.received) == 6


@pytest.mark.parametrize("twin_of", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_work_and_keep_their_settings(twin_of: Any) -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        twin = twin_of(model_at(fake, temperature=0.5, api_key="k"))
        assert twin.invoke("hi").content == "Hello"
        assert asyncio.run(twin.ainvoke("hi")).content == "Hello"
    assert fake.received[0].body["temperature"] == 0.5
    assert fake.received[0].headers["authorization"] == "Bearer k"


def test_a_model_that_has_looked_at_the_machine_can_be_copied_too() -> None:
    with fake_openai(Reply(body=[])) as fake:
        model = model_at(fake)
        assert model.models.list() == ()
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert twin.models.list() == ()
    assert len(fake.received) == 3


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_serialization_round_trips_without_the_key() -> None:
    model = ChatDMR(model="m", base_url="http://h:1", temperature=0.5, api_key="sk-mine")
    data = dumpd(model)
    assert "sk-mine" not in str(data)
    assert data["id"] == ["dmr_langchain", "ChatDMR"]
    twin = load(
        data, allowed_objects=[ChatDMR], secrets_map={"DMR_API_KEY": "other"}, valid_namespaces=["dmr_langchain"]
    )
    assert isinstance(twin, ChatDMR)
    assert twin.temperature == 0.5
    assert twin.openai_api_base == "http://h:1/engines/v1"
    assert twin.openai_api_key is not None
    assert twin.openai_api_key.get_secret_value() == "other"


def test_the_service_counts_tokens() -> None:
    with fake_openai(Reply(body={"tokens": [5, 6, 7], "count": 3, "max_model_len": 4096})) as fake:
        model = model_at(fake, thinking=False)
        assert model.get_token_ids("a b c") == [5, 6, 7]
        assert model.get_num_tokens("a b c") == 3

        def add(a: int, b: int) -> int:
            """Add two integers."""
            return a + b

        assert model.get_num_tokens_from_messages([HumanMessage("hi")], tools=[add]) == 3
    assert {received.path for received in fake.received} == {"/engines/v1/tokenize"}
    assert fake.received[0].body == {"model": "dmr.local/demo", "content": "a b c"}
    whole = fake.received[2].body
    assert whole["messages"] == [{"role": "user", "content": "hi"}]
    assert whole["tools"][0]["function"]["name"] == "add"
    assert whole["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_service_that_cannot_count_gets_an_estimate() -> None:
    with fake_openai(Reply(404, "not found\n", content_type="text/plain")) as fake:
        model = model_at(fake)
        assert model.get_num_tokens("12345678") == 2
        assert 1 < model.get_num_tokens_from_messages([HumanMessage("How do I turn on TCP access?")]) < 30
        with pytest.raises(NotImplementedError, match="custom_get_token_ids"):
            model.get_token_ids("x")
    assert ChatDMR(model="m", custom_get_token_ids=lambda text: [1] * len(text)).get_num_tokens("abc") == 3


def test_counting_with_a_model_that_is_not_there_says_so() -> None:
    missing = Reply(404, {"error": {"message": "model not found", "code": "model_not_found"}})
    with fake_openai(missing) as fake, pytest.raises(DMRModelNotFoundError):
        model_at(fake).get_num_tokens("x")


def test_a_unix_socket_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "dmr.sock"
    with fake_openai(Reply(body=chat_answer()), socket_path=path) as fake:
        assert ChatDMR(model="m", socket_path=str(path)).invoke("hi").content == "Hello"
        assert asyncio.run(ChatDMR(model="m", base_url=f"unix://{path}").ainvoke("hi")).content == "Hello"
        assert ChatDMR(model="m", uds=str(path)).invoke("hi").content == "Hello"
    assert fake.received[0].path == "/engines/v1/chat/completions"
    assert fake.received[0].headers["host"] == "localhost:12434"


def test_the_profile_lets_agents_use_native_schemas() -> None:
    profile = ChatDMR(model="m").profile
    assert profile is not None
    assert profile["structured_output"] is True
    assert profile["tool_calling"] is True
    assert "max_input_tokens" not in profile
    known = ChatDMR(model="m", context_size=16384).profile
    assert known is not None
    assert known["max_input_tokens"] == 16384


def test_the_profile_can_be_asked_for() -> None:
    config = {"gguf": {"qwen3.context_length": "40960"}}
    with fake_openai(Reply(body={"id": "sha256:a", "tags": ["ai/x"], "created": 1, "config": config})) as fake:
        profile = model_at(fake, validate_model_on_init=True).profile
    assert profile is not None
    assert profile["max_input_tokens"] == 40960
    assert (fake.received[0].method, fake.received[0].path) == ("GET", "/models/dmr.local/demo")
    missing = Reply(404, "model not found\n", content_type="text/plain")
    with fake_openai(missing) as fake, pytest.raises(DMRModelNotFoundError, match="dmr pull"):
        model_at(fake, validate_model_on_init=True)


@pytest.mark.parametrize(
    "params",
    [
        {"n": 0},
        {"n": 2, "streaming": True},
        {"base_url": "ftp://h"},
        {"socket_path": "x"},
        {"keep_alive": "soon"},
        {"runtime_flags": ["-c", "1"], "raw_runtime_flags": "-c 1"},
        {"thinking_budget": "enormous"},
        {"speculative_acceptance_rate": 2},
    ],
)
def test_bad_parameters_are_refused_at_once(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"n must be|not the address|not an absolute|not a duration|exclude|error"):
        ChatDMR(model="m", **params)


def test_the_model_is_configured_once_before_the_first_request() -> None:
    with fake_openai(Reply(status=202, body=""), Reply(body=chat_answer())) as fake:
        model = model_at(fake, context_size=16384, keep_alive="-1")
        model.invoke("hi")
        asyncio.run(model.ainvoke("hi"))
        model.invoke("hi", model="other")
    assert [received.path.rpartition("/")[2] for received in fake.received] == [
        "_configure",
        "completions",
        "completions",
        "_configure",
        "completions",
    ]
    assert fake.received[0].path == "/engines/_configure"
    assert fake.received[0].body == {
        "model": "dmr.local/demo",
        "mode": "completion",
        "context-size": 16384,
        "keep_alive": "-1",
    }
    assert fake.received[3].body["model"] == "other"


def test_a_refused_configuration_is_told_and_tried_again() -> None:
    busy = Reply(status=409, body="runner already active\n", content_type="text/plain")
    with fake_openai(busy, Reply(status=202, body=""), Reply(body=chat_answer())) as fake:
        model = model_at(fake, context_size=16384, max_retries=0)
        with pytest.raises(DMRBadRequestError, match=r"runner already active.*other settings"):
            model.invoke("hi")
        assert model.invoke("hi").content == "Hello"


def test_a_setting_that_is_not_honoured_is_told_at_once() -> None:
    refused = Reply(500, 'runtime flag "--x" is not allowed for backend "llama.cpp"\n', content_type="text/plain")
    with fake_openai(refused) as fake:
        model = model_at(fake, runtime_flags=["--x"])
        with pytest.raises(DMRBadRequestError, match=r'"--x" is not allowed'):
            model.invoke("hi")
        with pytest.raises(DMRBadRequestError, match=r'"--x" is not allowed'):
            asyncio.run(model.ainvoke("hi"))
    assert len(fake.received) == 2


def test_a_model_that_went_away_is_configured_again() -> None:
    missing = Reply(404, {"error": {"message": "model not found", "code": "model_not_found"}})
    configured, answer = Reply(status=202, body=""), Reply(body=chat_answer())
    with fake_openai(configured, missing, configured, answer) as fake:
        model = model_at(fake, context_size=16384)
        with pytest.raises(DMRModelNotFoundError):
            model.invoke("hi")
        assert model.invoke("hi").content == "Hello"
    assert [received.path.rpartition("/")[2] for received in fake.received] == ["_configure", "completions"] * 2


MISSING = Reply(404, "model not found\n", content_type="text/plain")
PULLED = Reply(
    body='{"type":"progress","message":"...","total":5,"layer":{"id":"a","current":5}}\n{"type":"success"}\n'
)


def test_a_missing_model_is_pulled_only_if_that_was_asked_for() -> None:
    with fake_openai(MISSING, PULLED, Reply(body=chat_answer())) as fake:
        model = model_at(fake, auto_pull=True)
        assert model.invoke("hi").content == "Hello"
        assert model.invoke("hi").content == "Hello"
    assert [(received.method, received.path) for received in fake.received] == [
        ("GET", "/models/dmr.local/demo"),
        ("POST", "/models/create"),
        ("POST", "/engines/v1/chat/completions"),
        ("POST", "/engines/v1/chat/completions"),
    ]
    assert fake.received[1].body == {"from": "dmr.local/demo"}


async def test_a_missing_model_is_pulled_before_an_async_stream() -> None:
    with fake_openai(MISSING, PULLED, Reply(status=202, body=""), Reply(events=STREAM)) as fake:
        model = model_at(fake, auto_pull=True, thinking_budget="low")
        chunks = [chunk async for chunk in model.astream("hi")]
    assert "".join(chunk.text for chunk in chunks) == "Hello"
    assert fake.received[2].body == {
        "model": "dmr.local/demo",
        "mode": "completion",
        "llamacpp": {"reasoning-budget": 2048},
    }


def test_a_copy_with_other_wishes_has_them_set() -> None:
    set_up, answer = Reply(status=202, body=""), Reply(body=chat_answer())
    with fake_openai(answer, set_up, answer, answer, set_up, answer) as fake:
        model = model_at(fake)
        model.invoke("hi")
        larger = model.model_copy(update={"context_size": 8192})
        larger.invoke("hi")
        larger.invoke("hi")
        larger.context_size = 4096
        larger.invoke("hi")
    wishes = [received.body for received in fake.received if received.path.endswith("/_configure")]
    assert [wish["context-size"] for wish in wishes] == [8192, 4096]


def test_batch_sends_as_many_as_are_computed_at_a_time() -> None:
    with fake_openai(Reply(body=chat_answer(), delay_seconds=0.05, gather=8)) as fake:
        model = model_at(fake)
        assert len(model.batch(["hi"] * 20)) == 20
        assert len(asyncio.run(model.abatch(["hi"] * 20, {"tags": ["a"]}))) == 20
        assert fake.most_at_once == 8
        model.batch(["hi"] * 4, {"max_concurrency": 2})
        assert len(model_at(fake, max_concurrency=None).batch(["hi"] * 12)) == 12


async def test_an_answer_is_made_without_a_thread() -> None:
    with fake_openai(Reply(body=chat_answer())) as fake:
        model = model_at(fake)
        await model.ainvoke("hi")
        before = {thread.ident for thread in threading.enumerate() if "asyncio" in thread.name}
        await model.ainvoke("hi")
        assert {thread.ident for thread in threading.enumerate() if "asyncio" in thread.name} == before


def test_a_timeout_is_not_repeated() -> None:
    with fake_openai(Reply(body=chat_answer(), delay_seconds=1.0)) as fake:
        with pytest.raises(DMRTimeoutError, match=r"within 0 s|within 1 s"):
            model_at(fake, timeout=0.2).invoke("hi")
        with pytest.raises(DMRTimeoutError):
            asyncio.run(model_at(fake, timeout=0.2).ainvoke("hi"))
    assert len(fake.received) == 2


@pytest.mark.parametrize("kind", [httpx.Timeout, openai.Timeout])
def test_a_timeout_may_be_httpxs_or_the_sdks(kind: Any) -> None:
    """They are of two libraries since version 3 of the SDK."""
    with fake_openai(Reply(body=chat_answer())) as fake:
        assert model_at(fake, timeout=kind(5.0)).invoke("hi").content == "Hello"
    with fake_openai(Reply(body=[])) as fake:
        assert DMRModels(fake.url, timeout=kind(5.0)).list() == ()
    with fake_openai(Reply(body=chat_answer(), delay_seconds=1.0)) as fake, pytest.raises(DMRTimeoutError):
        model_at(fake, timeout=kind(5.0, read=0.1)).invoke("hi")
    with fake_openai(Reply(body=[], delay_seconds=1.0)) as fake, pytest.raises(DMRTimeoutError):
        DMRModels(fake.url, timeout=kind(5.0, read=0.1)).list()


@pytest.mark.parametrize("kind", [httpx.Client, openai.DefaultHttpxClient])
def test_a_client_of_ones_own_is_used(kind: Any) -> None:
    with fake_openai(Reply(body=chat_answer())) as fake, kind(headers={"X-Mine": "1"}) as client:
        assert model_at(fake, http_client=client).invoke("hi").content == "Hello"
    assert fake.received[0].headers["x-mine"] == "1"


def test_a_name_may_have_the_provider_in_front() -> None:
    model = init_dmr_model("dmr:ai/qwen3", temperature=0.5)
    assert isinstance(model, ChatDMR)
    assert (model.model_name, model.temperature) == ("ai/qwen3", 0.5)
    assert init_dmr_model("ai/qwen3").model_name == "ai/qwen3"
