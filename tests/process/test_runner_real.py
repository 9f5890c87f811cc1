"""The real runner process with a real model: through the backend, as the service uses it."""

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from dmr_desktop.backends.llamacpp import LlamaCpp, LlamaCppRunner
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import DMRError, InvalidRequest, RunnerStartFailed, UnsupportedModel
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
)
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig
from dmr_desktop.protocol.wire import dump
from dmr_desktop.settings import self_command
from tests.fakes.until import until

pytestmark = pytest.mark.slow

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


async def collect(runner: LlamaCppRunner, request: GenerationRequest) -> list[Event]:
    return [event async for group in runner.generate(request) for event in group]


def text_of(events: list[Event], choice: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.choice == choice)


def say(text: str, **fields: Any) -> GenerationRequest:
    return GenerationRequest(TextPrompt(text), SamplingParams(temperature=0.0), **fields)


async def test_text_comes_with_facts_usage_and_timings(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir) as runner:
        assert runner.facts.context_size == 4096
        assert runner.facts.train_context_size == 8192
        events = await collect(runner, say("the water", max_tokens=12, ignore_eos=True))
        assert isinstance(events[0], Started)
        assert [event for event in events if isinstance(event, ChoiceFinished)] == [ChoiceFinished("length")]
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.usage.completion_tokens == 12
        assert (
            finished.usage.prompt_tokens
            == events[0].prompt_tokens
            == len(await runner.tokenize(TextPrompt("the water")))
        )
        assert finished.timings.predicted_ms > 0
        again = await collect(runner, say("the water", max_tokens=12, ignore_eos=True))
        assert text_of(again) == text_of(events)
        stats = await runner.stats()
        assert stats["generated_tokens"] == 24
    assert (await runner.wait_dead()).exit_code == 0


async def test_choices_echo_and_token_prompts(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir) as runner:
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


async def test_requests_run_at_the_same_time(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir) as runner:
        order: list[int] = []

        async def use(number: int) -> None:
            async for group in runner.generate(say(f"{number} the", max_tokens=60, ignore_eos=True)):
                order.extend(number for event in group if isinstance(event, TextDelta))

        await asyncio.gather(use(1), use(2))
        first_end = max(index for index, number in enumerate(order) if number == order[0])
        assert any(number != order[0] for number in order[:first_end])


async def test_a_schema_holds(model: Path, state_dir: Path) -> None:
    schema = JsonSchema({"type": "object", "properties": {"a": {"enum": ["the", "and"]}}, "required": ["a"]})
    async with runner_of(model, state_dir) as runner:
        request = GenerationRequest(
            TextPrompt("the"), SamplingParams(temperature=0.0), 100, num_choices=2, response_format=schema
        )
        events = await collect(runner, request)
        for choice in range(2):
            assert json.loads(text_of(events, choice))["a"] in ("the", "and")


async def test_what_is_wrong_with_a_request_is_its_own_failure(model: Path, state_dir: Path) -> None:
    hostile = JsonSchema({"type": "array", "minItems": 10**9, "items": {"pattern": "^+"}})
    bad = [
        say("the " * 9000),
        say("x", num_choices=99),
        GenerationRequest(TokenPrompt(())),
        GenerationRequest(TokenPrompt((10**9,))),
        GenerationRequest(TextPrompt("x"), response_format=hostile, max_tokens=5),
    ]
    async with runner_of(model, state_dir) as runner:
        good = asyncio.create_task(collect(runner, say("the water", max_tokens=200, ignore_eos=True)))
        for request in bad:
            last = (await collect(runner, request))[-1]
            assert isinstance(last, Failed)
            assert last.error.code in ("invalid_request_error", "context_length_exceeded")
        assert isinstance((await good)[-1], Finished)
        with pytest.raises(InvalidRequest):
            await runner.embed(EmbeddingRequest(("x",)))


async def test_leaving_stops_the_engine(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir) as runner:
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


async def test_it_answers_during_a_long_prompt(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir, context_size=-1) as runner:
        reader = asyncio.create_task(collect(runner, say("the water " * 3000, max_tokens=1)))
        while not reader.done():
            await runner.stats()
        assert isinstance((await reader)[-1], Finished)


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
            runner.embed(EmbeddingRequest(("",) * 0 + ("x",) * 150)),
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


async def test_models_that_cannot_be_loaded(model: Path, state_dir: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:4000])
    for path, error in ((cut, RunnerStartFailed), (tmp_path / "none.gguf", RunnerStartFailed)):
        with pytest.raises(error):
            async with runner_of(path, state_dir):
                pass
    with pytest.raises(UnsupportedModel, match="reranking"):
        async with runner_of(model, state_dir, Mode.RERANKING):
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
        assert len(runner.facts.notes) == 1
        assert "matrix unit" in runner.facts.notes[0]
        assert isinstance((await collect(runner, say("the water " * 40, max_tokens=2)))[-1], Finished)


async def test_rights_are_given_up(model: Path, state_dir: Path) -> None:
    async with runner_of(model, state_dir) as runner:
        status = Path(f"/proc/{runner.pid}/status").read_text()
        limits = Path(f"/proc/{runner.pid}/limits").read_text()
        assert "NoNewPrivs:\t1" in status
        [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]
        assert Path(f"/proc/{runner.pid}/oom_score_adj").read_text().strip() == "500"
        kinds = [os.readlink(path) for path in Path(f"/proc/{runner.pid}/fd").iterdir()]
        assert not [kind for kind in kinds if kind.startswith("socket:")][1:], "one socket: its channel"


def start_by_hand(model: Path, state_dir: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    command = self_command("runner", "--channel-fd", str(theirs.fileno()), "--state-dir", str(state_dir))
    process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdout=subprocess.DEVNULL)
    theirs.close()
    send(ours, {"op": "launch", "spec": dump(LaunchSpec(str(model), Mode.COMPLETION, RunnerConfig(context_size=-1)))})
    return process, ours


def send(sock: socket.socket, message: object) -> None:
    data = json.dumps(message).encode()
    sock.sendall(struct.pack("<I", len(data)) + data)


def test_the_end_of_the_channel_ends_it_while_loading(model: Path, state_dir: Path) -> None:
    process, ours = start_by_hand(model, state_dir)
    ours.close()
    assert process.wait(5) == 0


def test_the_end_of_the_channel_ends_it_in_the_middle_of_a_prompt(model: Path, state_dir: Path) -> None:
    process, ours = start_by_hand(model, state_dir)
    with ours:
        assert b'"ready"' in ours.recv(65536)
        send(ours, {"op": "generate", "id": 1, "request": dump(say("the water " * 3500, max_tokens=1))})
        before = psutil.Process(process.pid).cpu_times().user
        while psutil.Process(process.pid).cpu_times().user < before + 0.2:
            time.sleep(0.01)
    started = time.monotonic()
    assert process.wait(5) == 0
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<I", 4) + b"nope", struct.pack("<I", 2) + b"[]"]
)
def test_garbage_from_the_service_ends_it(model: Path, state_dir: Path, data: bytes) -> None:
    process, ours = start_by_hand(model, state_dir)
    with ours:
        ours.sendall(data)
        assert process.wait(5) in (0, 1)


async def test_the_death_of_the_service_ends_it(model: Path, state_dir: Path) -> None:
    """Also when the channel stays open, because somebody else holds it."""
    ours, theirs = socket.socketpair()
    command = self_command("runner", "--channel-fd", str(theirs.fileno()), "--state-dir", str(state_dir))
    parent = subprocess.Popen(
        [
            "python3",
            "-c",
            f"import subprocess; p = subprocess.Popen({command!r}, close_fds=False); print(p.pid, flush=True); p.wait()",
        ],
        pass_fds=(theirs.fileno(),),
        stdout=subprocess.PIPE,
    )
    theirs.close()
    with ours:
        assert parent.stdout is not None
        runner = psutil.Process(int(parent.stdout.readline()))
        send(ours, {"op": "launch", "spec": dump(LaunchSpec(str(model), Mode.COMPLETION))})
        await asyncio.to_thread(ours.recv, 65536)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        await until(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE, 3)
