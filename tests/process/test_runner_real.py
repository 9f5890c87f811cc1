"""The real runner process with a real model: through the backend, as the service uses it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dmr_desktop.backends.llamacpp import LlamaCpp, LlamaCppRunner
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import DMRError, InvalidRequest, RunnerStartFailed
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    JsonSchema,
    Message,
    SamplingParams,
    Started,
    TextDelta,
    TextPart,
    TextPrompt,
    TokenPrompt,
    Tool,
    ToolCallArguments,
    ToolCallStarted,
)
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig
from dmr_desktop.settings import asset

# One loop for all, so that tests which do the runner no harm can share one.
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ENDLESS = GenerationRequest(TextPrompt("the water"), SamplingParams(temperature=0.0), ignore_eos=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path, TinyShape(layers=2, context_size=8192))
    return path


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that the CPU is checked once."""
    return tmp_path_factory.mktemp("state")


@asynccontextmanager
async def runner_of(
    model: Path, state_dir: Path, mode: Mode = Mode.COMPLETION, **config: Any
) -> AsyncIterator[LlamaCppRunner]:
    runner = await LlamaCpp(state_dir).start(LaunchSpec(str(model), mode, RunnerConfig(**config)), lambda line: None)
    try:
        yield runner
    finally:
        await runner.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner(model: Path, state_dir: Path) -> AsyncIterator[LlamaCppRunner]:
    async with runner_of(model, state_dir) as started:
        yield started


async def collect(runner: LlamaCppRunner, request: GenerationRequest) -> list[Event]:
    return [event async for group in runner.generate(request) for event in group]


def text_of(events: list[Event], choice: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.choice == choice)


def say(text: str, **fields: Any) -> GenerationRequest:
    return GenerationRequest(TextPrompt(text), SamplingParams(temperature=0.0), **fields)


async def test_text_comes_with_facts_usage_and_timings(runner: LlamaCppRunner) -> None:
    assert runner.facts.context_size == 4096
    assert runner.facts.train_context_size == 8192
    events = await collect(runner, say("the water", max_tokens=12, ignore_eos=True))
    assert isinstance(events[0], Started)
    assert [event for event in events if isinstance(event, ChoiceFinished)] == [ChoiceFinished("length")]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.usage.completion_tokens == 12
    assert (
        finished.usage.prompt_tokens == events[0].prompt_tokens == len(await runner.tokenize(TextPrompt("the water")))
    )
    assert finished.timings.predicted_ms > 0
    again = await collect(runner, say("the water", max_tokens=12, ignore_eos=True))
    assert text_of(again) == text_of(events)
    assert (await runner.stats())["running"] == 0


async def test_choices_echo_and_token_prompts(runner: LlamaCppRunner) -> None:
    tokens = await runner.tokenize(TextPrompt("the water"))
    request = GenerationRequest(
        TokenPrompt(tuple(tokens)), SamplingParams(seed=1), 8, num_choices=3, echo=True, ignore_eos=True
    )
    events = await collect(runner, request)
    texts = [text_of(events, choice) for choice in range(3)]
    assert all("the water" in text for text in texts)
    assert len(set(texts)) > 1, "one seed must not make all choices the same"
    assert sorted(event.choice for event in events if isinstance(event, ChoiceFinished)) == [0, 1, 2]
    assert sum(isinstance(event, Started) for event in events) == 1
    assert isinstance(events[-1], Finished)
    assert events[-1].usage.completion_tokens == 24


async def test_requests_run_at_the_same_time(runner: LlamaCppRunner) -> None:
    async with aclosing(runner.generate(ENDLESS)) as first:
        await anext(first)
        second = await collect(runner, say("and the", max_tokens=5, ignore_eos=True))
        assert isinstance(second[-1], Finished)
        assert not isinstance((await anext(first))[-1], Finished | Failed)


async def test_a_schema_holds(runner: LlamaCppRunner) -> None:
    schema = JsonSchema({"type": "object", "properties": {"a": {"enum": ["the", "and"]}}, "required": ["a"]})
    request = GenerationRequest(
        TextPrompt("the"), SamplingParams(temperature=0.0), 100, num_choices=2, response_format=schema
    )
    events = await collect(runner, request)
    for choice in range(2):
        assert json.loads(text_of(events, choice))["a"] in ("the", "and")


async def test_what_is_wrong_with_a_request_is_its_own_failure(runner: LlamaCppRunner) -> None:
    hostile = JsonSchema({"type": "array", "minItems": 10**9, "items": {"pattern": "^+"}})
    bad = [
        say("the " * 9000),
        say("x", num_choices=99),
        GenerationRequest(TokenPrompt(())),
        GenerationRequest(TokenPrompt((10**9,))),
        GenerationRequest(TextPrompt("x"), response_format=hostile, max_tokens=5),
    ]
    good = asyncio.create_task(collect(runner, say("the water", max_tokens=200, ignore_eos=True)))
    for request in bad:
        last = (await collect(runner, request))[-1]
        assert isinstance(last, Failed)
        assert last.error.code in ("invalid_request_error", "context_length_exceeded")
    assert isinstance((await good)[-1], Finished)
    with pytest.raises(InvalidRequest):
        await runner.embed(EmbeddingRequest(("x",)))


async def test_leaving_stops_the_engine(runner: LlamaCppRunner) -> None:
    async with aclosing(runner.generate(ENDLESS)) as groups:
        await anext(groups)
        assert (await runner.stats())["running"] == 1
    async with asyncio.timeout(5):
        while (await runner.stats())["running"] != 0:
            pass
    generated = (await runner.stats())["generated_tokens"]
    await collect(runner, say("x", max_tokens=1, ignore_eos=True))
    assert (await runner.stats())["generated_tokens"] == generated + 1  # type: ignore[operator]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
async def test_a_death_in_mid_stream(model: Path, state_dir: Path, number: signal.Signals) -> None:
    async with runner_of(model, state_dir) as runner, aclosing(runner.generate(ENDLESS)) as groups:
        await anext(groups)
        os.kill(runner.pid, number)
        async with asyncio.timeout(2):
            last = [event async for group in groups for event in group][-1]
        assert isinstance(last, Failed)
        assert number.name in last.error.message


async def test_it_answers_during_a_long_prompt(runner: LlamaCppRunner) -> None:
    reader = asyncio.create_task(collect(runner, say("the water " * 1500, max_tokens=1)))
    answers = 0
    while not reader.done():
        await runner.stats()
        answers += 1
    assert isinstance((await reader)[-1], Finished)
    assert answers > 10


async def test_a_conversation_of_thousands_of_messages_is_its_own_failure(runner: LlamaCppRunner) -> None:
    """Others stream on, short chats do not wait for the engine, and the runner answers all the time."""
    messages = tuple(
        Message("assistant" if number % 2 else "user", (TextPart(f"message {number}"),)) for number in range(10_001)
    )
    async with aclosing(runner.generate(ENDLESS)) as groups:
        await anext(groups)
        long = asyncio.create_task(collect(runner, GenerationRequest(ChatPrompt(messages))))
        slowest, streamed = 0.0, 0
        while not long.done():
            asked = time.monotonic()
            assert (await runner.stats())["running"] == 1
            slowest = max(slowest, time.monotonic() - asked)
            streamed += sum(event.pieces for event in await anext(groups) if isinstance(event, TextDelta))
        [failed] = await long
        assert isinstance(failed, Failed)
        assert failed.error.code == "context_length_exceeded"
        assert f"{runner.facts.context_size} tokens" in failed.error.message
        assert streamed > 20
        # With its words under way the service asks after 15 s of silence and kills after 10 more.
        assert slowest < 5


async def test_a_request_cancelled_while_it_is_prepared_never_runs(runner: LlamaCppRunner) -> None:
    before = (await runner.stats())["prompt_tokens"]
    assert isinstance(before, int)
    # The first one keeps the desk busy, so that the cancels are there before the others' turn, however late they are.
    for count, text in ((1, "water " * 400_000), *[(500, "water")] * 5):
        messages = tuple(Message("user", (TextPart(text),)) for _ in range(count))
        leaving = asyncio.create_task(collect(runner, GenerationRequest(ChatPrompt(messages))))
        await asyncio.sleep(0)
        leaving.cancel()
    await collect(runner, say("x", max_tokens=1))
    stats = await runner.stats()
    assert isinstance(stats["prompt_tokens"], int)
    assert stats["running"] == stats["waiting"] == 0
    assert stats["prompt_tokens"] <= before + 10


async def test_vectors(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir, Mode.EMBEDDING) as runner:
        assert runner.facts.embedding_length == 256
        texts = ("the water", "and the other", "the water")
        one = await runner.embed(EmbeddingRequest(texts))
        assert one.vectors[0] == pytest.approx(one.vectors[2], abs=1e-5)
        assert one.vectors[0] != pytest.approx(one.vectors[1], abs=1e-2)
        assert sum(value * value for value in one.vectors[0]) == pytest.approx(1.0, abs=1e-5)
        tokens = tuple(await runner.tokenize(TextPrompt("the water")))
        together = await asyncio.gather(
            runner.embed(EmbeddingRequest((tokens,))),
            runner.embed(EmbeddingRequest(("x",) * 150)),
            *(runner.embed(EmbeddingRequest(("the water",))) for _ in range(4)),
        )
        assert together[0].vectors[0] == pytest.approx(one.vectors[0], abs=1e-3)
        assert len(together[1].vectors) == 150
        results = await asyncio.gather(
            runner.embed(EmbeddingRequest(("good",))),
            runner.embed(EmbeddingRequest((tuple([5] * 10_000),))),
            runner.embed(EmbeddingRequest(((),))),
            return_exceptions=True,
        )
        assert not isinstance(results[0], BaseException)
        assert isinstance(results[1], DMRError)
        assert results[1].code == "context_length_exceeded"
        assert isinstance(results[2], InvalidRequest)
        last = (await collect(runner, say("x")))[-1]
        assert isinstance(last, Failed)
        assert last.error.code == "invalid_request_error"


@pytest.fixture
def cut_model(model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cut.gguf"
    path.write_bytes(model.read_bytes()[:4000])
    return path


async def test_models_that_cannot_be_loaded(model: Path, state_dir: Path, cut_model: Path) -> None:
    with pytest.raises(RunnerStartFailed):
        async with runner_of(cut_model, state_dir):
            pass


async def test_a_template_file_replaces_the_models_own(model: Path, state_dir: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}[assistant]")
    spec = LaunchSpec(str(model), Mode.COMPLETION, chat_template=str(template))
    runner = await LlamaCpp(state_dir).start(spec, lambda line: None)
    try:
        chat = ChatPrompt((Message("user", (TextPart("the water"),)),))
        expected = await runner.tokenize(TextPrompt("[user] the water[assistant]"))
        assert (await runner.tokenize(chat))[-8:] == expected[-8:]
    finally:
        await runner.stop()


async def test_a_runner_without_amx_says_so(model: Path, state_dir: Path, tmp_path: Path) -> None:
    async with runner_of(model, state_dir):
        pass
    known = json.loads((state_dir / "cpu-check.json").read_text())
    assert known["verdict"] == "fine", "this test suite needs a llama-cpp-python that works on this CPU"
    (tmp_path / "cpu-check.json").write_text(json.dumps({**known, "verdict": "refuse-amx"}))
    async with runner_of(model, tmp_path) as runner:
        assert any("matrix unit" in note for note in runner.facts.notes)
        assert isinstance((await collect(runner, say("the water " * 40, max_tokens=2)))[-1], Finished)


async def test_rights_are_given_up(runner: LlamaCppRunner) -> None:
    status, limits, score, sockets = await asyncio.to_thread(facts_of_process, runner.pid)
    assert "NoNewPrivs:\t1" in status
    [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    assert score == "500"
    assert len(sockets) == 1, "its channel and nothing else"


def facts_of_process(pid: int) -> tuple[str, str, str, list[str]]:
    folder = Path(f"/proc/{pid}")
    opened = [os.readlink(path) for path in (folder / "fd").iterdir()]
    return (
        (folder / "status").read_text(),
        (folder / "limits").read_text(),
        (folder / "oom_score_adj").read_text().strip(),
        [name for name in opened if name.startswith("socket:")],
    )


async def test_calls_that_begin_by_themselves_are_held_to_the_tools(state_dir: Path) -> None:
    """What the model writes is as random as can be; what a client gets fits the tools."""
    schema = {"type": "object", "properties": {"level": {"enum": [10, 25]}}, "required": ["level"]}
    tools = (Tool("dim_the_light", "Dims the light", schema), Tool("stop_it", "Stops it"))
    prompt = ChatPrompt((Message("user", (TextPart("Dim the light to 10"),)),), tools)
    sampling = SamplingParams(temperature=1.2, seed=1)
    async with runner_of(asset("demo/demo.gguf"), state_dir) as started:
        events = await collect(started, GenerationRequest(prompt, sampling, max_tokens=200, num_choices=8))
        stats = await started.stats()
    calls: dict[tuple[int, int], list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallStarted):
            calls[event.choice, event.call_index] = [event.name, ""]
        elif isinstance(event, ToolCallArguments):
            calls[event.choice, event.call_index][1] += event.text
    assert len(calls) >= 4
    for name, arguments in calls.values():
        assert (name, json.loads(arguments)) in [
            ("dim_the_light", {"level": 10}),
            ("dim_the_light", {"level": 25}),
            ("stop_it", {}),
        ]
    assert "<tool_call>" not in "".join(text_of(events, choice) for choice in range(8))
    assert stats["forced_tokens"] > 0
