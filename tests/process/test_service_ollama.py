"""Ollama's API through the running service, with a backend that says what the test tells it to."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from dmr_desktop.protocol.embedding import EmbeddingRequest, EmbeddingResult
from dmr_desktop.protocol.errors import ContextOverflow, DoesNotFit, ErrorInfo, RunnerStartFailed
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Failed,
    Finished,
    Message,
    Started,
    TextDelta,
    TextPart,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)
from tests.fakes.scripted_backend import FACTS, ScriptedRunner
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess

MODEL = "dmr.local/demo"
NAME = "dmr.local/demo:latest"
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT: dict[str, Any] = {"model": MODEL, "messages": MESSAGES}
CRASH = Failed(ErrorInfo("runner_crashed", "the model's process died: killed by SIGSEGV"))
NDJSON = "application/x-ndjson"


def lines_of(response: httpx.Response) -> list[Any]:
    assert response.headers["content-type"] == NDJSON
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


async def loaded(live: LiveInProcess) -> list[Any]:
    return list((await live.http.get("/api/ps")).json()["models"])


# ---- answers -----------------------------------------------------------------------------------


async def test_chat_and_generate_streamed_and_not(live: LiveInProcess) -> None:
    lines = lines_of(await live.http.post("/api/chat", json=CHAT))
    assert "".join(line["message"]["content"] for line in lines) == "Hello world"
    whole = (await live.http.post("/api/chat", json={**CHAT, "stream": False})).json()
    assert whole["message"] == {"role": "assistant", "content": "Hello world"}
    for last in (lines[-1], whole):
        assert (last["model"], last["done"], last["done_reason"]) == (MODEL, True, "stop")
        assert (last["prompt_eval_count"], last["eval_count"]) == (5, 2)
    prompt = {"model": MODEL, "prompt": "hi", "system": "s"}
    assert "".join(line["response"] for line in lines_of(await live.http.post("/api/generate", json=prompt))) == (
        "Hello world"
    )
    assert (await live.http.post("/api/generate", json={**prompt, "stream": False})).json()["response"] == "Hello world"
    assert live.script.requests[-1].prompt == ChatPrompt(
        (Message("system", (TextPart("s"),)), Message("user", (TextPart("hi"),)))
    )


async def test_any_content_type_and_both_names(live: LiveInProcess) -> None:
    body = json.dumps({"name": "dmr.local/demo:latest", "messages": MESSAGES, "stream": False})
    for content_type in ("application/x-www-form-urlencoded", "application/json", ""):
        response = await live.http.post("/api/chat", content=body, headers={"Content-Type": content_type})
        assert response.json()["model"] == "dmr.local/demo:latest"


async def test_a_models_configuration_and_recommendation_hold(live: LiveInProcess) -> None:
    flags = ["--top-k", "3", "--predict", "17"]
    answer = await live.http.post("/engines/_configure", json={"model": MODEL, "runtime-flags": flags})
    assert answer.status_code == 202
    await live.http.post("/api/chat", json={**CHAT, "options": {"num_predict": 4}})
    await live.http.post("/api/generate", json={"model": MODEL, "prompt": "x"})
    first, second = live.script.requests[-2:]
    assert (first.sampling.temperature, first.sampling.top_k, first.max_tokens) == (0.0, 3, 4)
    assert second.max_tokens == 17


async def test_a_tool_call(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [
        (Started(1, 0),),
        (ToolCallStarted(0, "call_1", "f"), ToolCallArguments(0, '{"a":')),
        (ToolCallArguments(0, "1}"), ChoiceFinished("tool_calls"), Finished(Usage(1, 2))),
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    lines = lines_of(await live.http.post("/api/chat", json={**CHAT, "tools": tools}))
    assert [call["function"] for call in lines[0]["message"]["tool_calls"]] == [
        {"index": 0, "name": "f", "arguments": {"a": 1}}
    ]
    assert [line["done"] for line in lines] == [False, True]


def missing(name: str) -> str:
    """Ollama's sentence, then the next step."""
    return f"model '{name}' not found, try pulling it first: `dmr pull {name}`, or POST /api/pull"


# ---- refusals and failures ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/chat", {}, 400, "model is required"),
        ("/api/chat", {"model": "ai/none", "messages": MESSAGES}, 404, missing("ai/none")),
        ("/api/generate", {"name": "none", "prompt": "x"}, 404, missing("none")),
        ("/api/embed", {"model": "none", "input": "x"}, 404, missing("none")),
        ("/api/embeddings", {"model": "none", "prompt": "x"}, 404, missing("none")),
        ("/api/show", {"model": "none"}, 404, missing("none")),
        ("/api/copy", {"source": "none", "destination": "x"}, 404, missing("none")),
        ("/api/create", {"model": "x", "from": "none"}, 404, missing("none")),
        ("/api/push", {"model": "none"}, 404, missing("none")),
    ],
)
async def test_refusals(live: LiveInProcess, path: str, body: dict[str, Any], status: int, message: str) -> None:
    response = await live.http.post(path, json=body)
    assert (response.status_code, response.json()["error"]) == (status, message)
    assert response.headers["content-type"] == "application/json"
    assert live.script.launches == []


@pytest.mark.parametrize("path", ["chat", "generate", "embed", "embeddings", "show", "pull", "push", "copy", "create"])
async def test_a_body_that_is_no_json_object(live: LiveInProcess, path: str) -> None:
    for body in (b"{", b"[]", b""):
        response = await live.http.post(f"/api/{path}", content=body)
        assert response.status_code == 400
        assert isinstance(response.json()["error"], str)


@pytest.mark.parametrize("path", ["chat", "generate", "embed", "embeddings"])
async def test_a_wrong_method_is_405_with_allow(live: LiveInProcess, path: str) -> None:
    response = await live.http.get(f"/api/{path}")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_crash_before_and_after_the_first_line(live: LiveInProcess) -> None:
    live.script.answer = lambda request: [(CRASH,)]
    for stream in (True, False):
        response = await live.http.post("/api/chat", json={**CHAT, "stream": stream})
        assert response.status_code == 500
        assert "SIGSEGV" in response.json()["error"]
    live.script.answer = lambda request: [(Started(1, 0), TextDelta("a")), (CRASH,)]
    lines = lines_of(await live.http.post("/api/chat", json=CHAT))
    assert [line.get("done") for line in lines] == [False, None]
    assert "SIGSEGV" in lines[-1]["error"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_cancels_its_request(live: LiveInProcess, stream: bool) -> None:
    live.script.gate = asyncio.Semaphore(1)
    request = asyncio.create_task(live.http.post("/api/chat", json={**CHAT, "stream": stream}))
    await live.script.begun.get()
    request.cancel()
    async with asyncio.timeout(5):
        await live.script.cancelled.wait()
    live.script.gate = None
    assert (await live.http.post("/api/chat", json=CHAT)).status_code == 200


# ---- loading and unloading ---------------------------------------------------------------------


async def test_loading_keeping_and_unloading(live: LiveInProcess) -> None:
    assert await loaded(live) == []
    found = (await live.http.post("/api/chat", json={"model": MODEL, "keep_alive": "1h"})).json()
    assert (found["done"], found["done_reason"]) == (True, "load")
    (entry,) = await loaded(live)
    assert (entry["name"], entry["model"], entry["context_length"]) == (NAME, NAME, 4096)
    left = datetime.fromisoformat(entry["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    await live.http.post("/api/generate", json={"model": MODEL, "prompt": "", "keep_alive": -1})
    (entry,) = await loaded(live)
    assert datetime.fromisoformat(entry["expires_at"]) - datetime.now(UTC) > timedelta(days=365)
    for hours in (2_562_047, 99_999_999):  # the second is longer than Go can count, and longer than any calendar
        await live.http.post("/api/generate", json={"model": MODEL, "keep_alive": f"{hours}h"})
        (entry,) = await loaded(live)
        assert datetime.fromisoformat(entry["expires_at"]) - datetime.now(UTC) > timedelta(days=365)
    unload = {"model": MODEL, "keep_alive": 0, "prompt": ""}
    found = (await live.http.post("/api/generate", json=unload)).json()
    assert (found["response"], found["done_reason"]) == ("", "unload")
    assert await loaded(live) == []
    assert len(live.script.launches) == 1
    assert (await live.http.post("/api/generate", json=unload)).status_code == 200
    assert len(live.script.launches) == 1


async def test_a_model_in_use_is_unloaded_when_its_request_has_ended(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/api/chat", json=CHAT))
    await live.script.begun.get()
    assert (await live.http.post("/api/generate", json={"model": MODEL, "keep_alive": 0})).status_code == 200
    assert len(await loaded(live)) == 1
    for _ in range(9):
        live.script.gate.release()
    assert lines_of(await request)[-1]["done"]
    for _ in range(500):
        if not await loaded(live):
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("it is still loaded")


@pytest.fixture
def long_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners whose model was trained for more than they are loaded with."""
    monkeypatch.setattr(ScriptedRunner, "facts", replace(FACTS, train_context_size=131072))


@pytest.mark.usefixtures("long_trained")
async def test_a_wished_context_only_grows(live: LiveInProcess) -> None:
    async def ask(**options: int) -> list[int | None]:
        response = await live.http.post("/api/chat", json={**CHAT, "options": options})
        assert response.status_code == 200
        return [launch.config.context_size for launch in live.script.launches]

    assert await ask() == [None]
    assert await ask(num_ctx=2048) == [None]
    assert await ask(num_ctx=32768) == [None, 32768]
    assert await ask(num_ctx=20000) == [None, 32768]
    assert await ask() == [None, 32768]
    assert await ask(num_ctx=65536) == [None, 32768, 65536]


async def test_what_a_model_was_trained_for_is_enough(live: LiveInProcess) -> None:
    for num_ctx in (2048, 32768, 65536):
        await live.http.post("/api/chat", json=CHAT)
        assert (await live.http.post("/api/chat", json={**CHAT, "options": {"num_ctx": num_ctx}})).status_code == 200
    assert len(live.script.launches) == 1


@pytest.mark.usefixtures("long_trained")
async def test_a_model_in_use_is_not_loaded_again_for_a_larger_context(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    first = asyncio.create_task(live.http.post("/api/chat", json=CHAT))
    await live.script.begun.get()
    live.script.gate.release()
    second = asyncio.create_task(live.http.post("/api/chat", json={**CHAT, "options": {"num_ctx": 32768}}))
    await live.script.begun.get()
    for _ in range(20):
        live.script.gate.release()
    assert [(await request).status_code for request in (first, second)] == [200, 200]
    assert len(live.script.launches) == 1


async def test_a_context_that_does_not_fit_is_forgotten(live: LiveInProcess) -> None:
    wish = {"options": {"num_ctx": 1_000_000}}
    for error, status in (
        (DoesNotFit("needs 9 MiB, 1 MiB can be had", hint="a smaller context"), 507),
        (RunnerStartFailed("9 MiB could not be allocated"), 500),
    ):
        live.script.load_error = error
        for body in ({**CHAT, **wish}, {"model": MODEL, **wish}):
            response = await live.http.post("/api/chat", json=body)
            assert response.status_code == status
            assert "9 MiB" in response.json()["error"]
        live.script.load_error = None
    assert (await live.http.post("/api/chat", json=CHAT)).status_code == 200
    assert live.script.launches[-1].config.context_size is None


# ---- vectors -----------------------------------------------------------------------------------


async def test_embeddings_in_both_forms(live: LiveInProcess) -> None:
    found = (await live.http.post("/api/embed", json={"model": MODEL, "input": ["a", "b"], "truncate": True})).json()
    assert (len(found["embeddings"]), found["prompt_eval_count"]) == (2, 6)
    older = (await live.http.post("/api/embeddings", json={"model": MODEL, "prompt": "a"})).json()
    assert older == {"embedding": found["embeddings"][0]}
    nothing = (await live.http.post("/api/embed", json={"model": MODEL, "input": ""})).json()
    assert nothing["embeddings"] == []
    assert len(live.script.launches) == 1
    await live.http.post("/api/embed", json={"model": MODEL, "keep_alive": 0})
    assert await loaded(live) == []


async def test_a_text_that_is_too_long_is_cut_unless_that_was_forbidden(live: LiveInProcess) -> None:
    def vectors(request: EmbeddingRequest) -> EmbeddingResult:
        if any(isinstance(value, str) for value in request.inputs):
            raise ContextOverflow("5000 tokens, but the maximum context length is 4096")
        return EmbeddingResult(tuple((1.0, 0.0) for _ in request.inputs), 3)

    live.script.vectors = vectors
    found = await live.http.post("/api/embed", json={"model": MODEL, "input": "long"})
    assert found.json()["embeddings"] == [[1.0, 0.0]]
    assert live.script.embeddings[-1].inputs == ((1, 2, 3),)
    refused = await live.http.post("/api/embed", json={"model": MODEL, "input": "long", "truncate": False})
    assert refused.status_code == 400
    assert "maximum context length" in refused.json()["error"]


# ---- models ------------------------------------------------------------------------------------


async def test_lists_and_liveness(live: LiveInProcess) -> None:
    for method in ("GET", "HEAD"):
        for path in ("/", "/api/version", "/api/tags"):
            assert (await live.http.request(method, path)).status_code == 200
    version = (await live.http.get("/api/version")).json()["version"]
    assert all(part.isdigit() for part in version.split("."))
    (entry,) = (await live.http.get("/api/tags")).json()["models"]
    openai = (await live.http.get("/v1/models")).json()["data"]
    assert entry["model"] == entry["name"] == openai[0]["id"] == NAME
    assert entry["size"] > 1_000_000
    assert len(entry["digest"]) == 64


async def test_show(live: LiveInProcess) -> None:
    found = (await live.http.post("/api/show", json={"name": MODEL})).json()
    assert found["details"]["family"] == "llama"
    info = found["model_info"]
    assert (info["general.architecture"], info["llama.context_length"]) == ("llama", 4096)
    assert info["tokenizer.ggml.tokens"] is None
    assert "<|im_start|>" in found["template"]
    assert found["capabilities"] == ["completion", "tools"]


async def test_names_come_and_go(live: LiveInProcess) -> None:
    async def names() -> list[str]:
        return [entry["name"] for entry in (await live.http.get("/api/tags")).json()["models"]]

    async def delete(name: str) -> httpx.Response:
        return await live.http.request("DELETE", "/api/delete", json={"model": name})

    copy = {"source": MODEL, "destination": "my/copy:v1"}
    assert (await live.http.post("/api/copy", json=copy)).status_code == 200
    lines = lines_of(await live.http.post("/api/create", json={"model": "mine", "from": "my/copy:v1"}))
    assert lines[-1] == {"status": "success"}
    whole = await live.http.post("/api/create", json={"model": "other", "from": MODEL, "stream": False})
    assert whole.json() == {"status": "success"}
    assert await names() == [NAME, "docker.io/my/copy:v1", "docker.io/ai/mine:latest", "docker.io/ai/other:latest"]
    for name in ("my/copy:v1", "mine", "other"):
        assert (await delete(name)).status_code == 200
    assert await names() == [NAME]
    assert (await delete("mine")).status_code == 404


async def test_a_model_in_use_is_not_deleted(live: LiveInProcess) -> None:
    live.script.gate = asyncio.Semaphore(0)
    request = asyncio.create_task(live.http.post("/api/chat", json=CHAT))
    await live.script.begun.get()
    refused = await live.http.request("DELETE", "/api/delete", json={"model": MODEL})
    assert refused.status_code == 409
    assert "in use" in refused.json()["error"]
    for _ in range(9):
        live.script.gate.release()
    assert (await request).status_code == 200
    assert (await live.http.request("DELETE", "/api/delete", json={"model": MODEL})).status_code == 200
    assert (await live.http.post("/api/chat", json=CHAT)).status_code == 404


@pytest.mark.parametrize("field", ["files", "adapters", "template", "system", "parameters", "messages", "quantize"])
async def test_what_would_make_another_model_is_refused_by_name(live: LiveInProcess, field: str) -> None:
    refused = await live.http.post("/api/create", json={"model": "x", "from": MODEL, field: {"a": "b"}})
    assert refused.status_code == 400
    assert f"'{field}'" in refused.json()["error"]


async def test_files_are_not_taken(live: LiveInProcess) -> None:
    path = "/api/blobs/sha256:" + "a" * 64
    assert (await live.http.head(path)).status_code == 404
    refused = await live.http.post(path, content=b"GGUF")
    assert refused.status_code == 400
    assert "dmr package" in refused.json()["error"]


async def test_pulls_that_fail_at_once_have_a_status(live: LiveInProcess) -> None:
    for body, status in (({"model": "a b"}, 400), ({"model": "dmr.local/none"}, 404), ({}, 400)):
        response = await live.http.post("/api/pull", json={**body, "insecure": True})
        assert response.status_code == status
        assert response.json()["error"]


async def test_a_pull_of_what_is_here(live: LiveInProcess) -> None:
    lines = lines_of(await live.http.post("/api/pull", json={"name": MODEL}))
    assert (lines[0], lines[-1]) == ({"status": "pulling manifest"}, {"status": "success"})
    assert (await live.http.post("/api/pull", json={"model": MODEL, "stream": False})).json() == {"status": "success"}


async def test_a_slow_registry_is_waited_for_until_the_client_leaves(live: LiveInProcess) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        body = {"model": f"127.0.0.1:{port}/ai/x:y"}
        async with live.http.stream("POST", "/api/pull", json=body) as response:
            lines = response.aiter_lines()
            assert json.loads(await anext(lines)) == {"status": "pulling manifest"}
            assert len(live.service.pulls.statuses()) == 1
        await until(lambda: not live.service.pulls.statuses())
