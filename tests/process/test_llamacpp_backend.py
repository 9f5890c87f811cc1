"""The llama.cpp backend against a scripted runner process: every way a runner can behave, and misbehave."""

import asyncio
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.backends import llamacpp
from dmr_desktop.backends.llamacpp import LlamaCpp, LlamaCppRunner
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.errors import PayloadTooLarge, RunnerCrashed, RunnerError, RunnerStartFailed, UnsupportedModel
from dmr_desktop.protocol.frames import MAX_FRAME_BYTES
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Message,
    Started,
    TextDelta,
    TextPart,
    TextPrompt,
)
from dmr_desktop.protocol.runners import LaunchSpec, Mode
from dmr_desktop.protocol.wire import dump
from tests.fakes.fake_runner import FACTS, command
from tests.fakes.until import until

SPEC = LaunchSpec("/models/none.gguf", Mode.COMPLETION)
REQUEST = GenerationRequest(TextPrompt("hello"))


@asynccontextmanager
async def fake(*knobs: str, log: Callable[[str], None] = lambda line: None) -> AsyncIterator[LlamaCppRunner]:
    runner = await LlamaCpp(command=command(*knobs)).start(SPEC, log)
    try:
        yield runner
    finally:
        await runner.stop()


async def collect(runner: LlamaCppRunner, request: GenerationRequest = REQUEST) -> list[Event]:
    return [event async for group in runner.generate(request) for event in group]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def until_journal(path: Path, words: list[str]) -> None:
    await until(lambda: path.exists() and path.read_text().split() == words)


async def test_a_request_is_streamed_and_the_runner_stops() -> None:
    async with fake() as runner:
        assert runner.facts == FACTS
        events = await collect(runner)
        assert isinstance(events[0], Started)
        assert text_of(events) == "w0 w1 w2 "
        assert isinstance(events[-1], Finished)
        assert runner.num_open == 0
    death = await runner.wait_dead()
    assert (death.exit_code, death.signal) == (0, "")


async def test_events_of_one_step_come_together_and_steps_come_one_by_one() -> None:
    async with fake("--tokens", "9", "--hold-after", "2") as runner, aclosing(runner.generate(REQUEST)) as groups:
        first = await anext(groups)
        assert isinstance(first[0], Started)
        second = () if len(first) > 2 else await anext(groups)
        assert text_of([*first, *second]) == "w0 w1 "


@pytest.mark.parametrize(("count", "is_apart"), [(3, False), (5000, True)])
async def test_a_long_conversation_is_written_down_beside_the_event_loop(
    count: int, is_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def watched(value: object) -> Any:
        threads.add(threading.get_ident())
        return dump(value)

    messages = tuple(Message("user", (TextPart("x"),)) for _ in range(count))
    async with fake() as runner:
        monkeypatch.setattr(llamacpp, "dump", watched)
        assert text_of(await collect(runner, GenerationRequest(ChatPrompt(messages)))) == "w0 w1 w2 "
    assert (threading.get_ident() not in threads) == is_apart


async def test_requests_run_at_the_same_time() -> None:
    async with fake("--tokens", "50") as runner:
        answers = await asyncio.gather(*(collect(runner) for _ in range(5)))
        assert {text_of(answer) for answer in answers} == {"".join(f"w{index} " for index in range(50))}


async def test_leaving_early_cancels(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with fake("--hold-after", "1", "--journal", str(journal)) as runner:
        async with aclosing(runner.generate(REQUEST)) as groups:
            await anext(groups)
        await until_journal(journal, ["launch", "generate", "cancel"])
        assert runner.num_open == 0


async def test_a_cancelled_reader_cancels(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with fake("--hold-after", "0", "--journal", str(journal)) as runner:
        reader = asyncio.create_task(collect(runner))
        await until_journal(journal, ["launch", "generate"])
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await until_journal(journal, ["launch", "generate", "cancel"])


async def test_embed_tokenize_stats() -> None:
    async with fake() as runner:
        result = await runner.embed(EmbeddingRequest(("a", "b")))
        assert result.vectors == ((1.0, 0.0, 0.0, 0.0),) * 2
        assert await runner.tokenize(TextPrompt("AB")) == [65, 66]
        assert await runner.stats() == {"running": 0}


async def test_a_refused_launch_is_the_runners_own_error() -> None:
    with pytest.raises(UnsupportedModel, match="does not like") as caught:
        await LlamaCpp(command=command("--fail-load", "unsupported_model")).start(SPEC, lambda line: None)
    assert caught.value.hint == "use another"


async def test_a_death_while_loading_names_the_signal_and_the_last_lines() -> None:
    with pytest.raises(RunnerCrashed, match="SIGABRT") as caught:
        await LlamaCpp(command=command("--crash-on-load")).start(SPEC, lambda line: None)
    assert "GGML_ASSERT" in caught.value.evidence


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(RunnerStartFailed, match="cannot be started"):
        await LlamaCpp(command=["/nonexistent/program"]).start(SPEC, lambda line: None)


async def test_a_program_that_is_no_runner() -> None:
    with pytest.raises(RunnerCrashed, match="exited with code 7"):
        await LlamaCpp(command=[sys.executable, "-c", "raise SystemExit(7)"]).start(SPEC, lambda line: None)


@pytest.mark.parametrize("awaited", ["connect_read_pipe", "subprocess_exec", "create_unix_connection", "launch"])
async def test_a_cancelled_start_leaves_nothing(awaited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled at each of its steps, right after the step has been done."""
    owner: Any = LlamaCppRunner if awaited == "launch" else asyncio.get_running_loop()
    step = getattr(owner, awaited)

    async def cancelled_step(*args: Any, **kwargs: Any) -> Any:
        start.cancel()
        return await step(*args, **kwargs)

    monkeypatch.setattr(owner, awaited, cancelled_step)
    backend = LlamaCpp(command=command("--load-gate", "/nonexistent"))
    before = len(os.listdir("/dev/fd"))
    start = asyncio.create_task(backend.start(SPEC, lambda line: None))
    with pytest.raises(asyncio.CancelledError):
        await start
    await asyncio.sleep(0)
    assert len(os.listdir("/dev/fd")) == before, "all is closed when the start returns, not some time later"


async def test_a_crash_in_mid_stream_ends_all_streams_with_evidence() -> None:
    async with fake("--tokens", "100000", "--crash-after", "5", "--crash-requests", "2") as runner:
        async with asyncio.timeout(2):
            first, second = await asyncio.gather(collect(runner), collect(runner))
        for events in (first, second):
            assert text_of(events).startswith("w0 w1 w2 ")
            last = events[-1]
            assert isinstance(last, Failed)
            assert last.error.code == "runner_crashed"
            assert "SIGSEGV" in last.error.message
            assert "about to crash" in last.error.evidence
        with pytest.raises(RunnerCrashed):
            await runner.stats()
        assert isinstance((await collect(runner))[-1], Failed)


@pytest.mark.parametrize(("knob", "reason"), [("--garbage-after", "not a valid answer"), ("--close-after", "channel")])
async def test_a_runner_that_breaks_the_channel_is_killed(knob: str, reason: str) -> None:
    async with fake("--tokens", "9", knob, "2") as runner:
        last = (await collect(runner))[-1]
        assert isinstance(last, Failed)
        assert reason in last.error.message
        assert (await runner.wait_dead()).signal == "SIGKILL"


async def test_an_end_by_the_runners_watchdog_is_told() -> None:
    async with fake("--tokens", "9", "--hang-after", "2") as runner:
        last = (await collect(runner))[-1]
        assert isinstance(last, Failed)
        assert "a request could not be prepared in time (exited with code 1)" in last.error.message


async def test_a_killed_runner_says_why() -> None:
    async with fake("--hold-after", "0") as runner:
        reader = asyncio.create_task(collect(runner))
        runner.kill("the watchdog bit")
        last = (await reader)[-1]
        assert isinstance(last, Failed)
        assert "the watchdog bit (killed by SIGKILL)" in last.error.message


async def test_open_requests_end_with_the_reason_of_a_stop() -> None:
    async with fake("--hold-after", "1") as runner:
        groups = runner.generate(REQUEST)
        await anext(groups)
        await runner.stop(RunnerError("it was unloaded"))
        assert [group[-1] async for group in groups] == [Failed(RunnerError("it was unloaded").info)]


async def test_one_that_ignores_every_request_to_stop_is_killed() -> None:
    async with fake("--ignore-stop", "--ignore-term") as runner:
        await runner.stop()
        assert (await runner.wait_dead()).signal == "SIGKILL"


async def test_a_stopped_process_is_stopped_all_the_same() -> None:
    async with fake() as runner:
        os.kill(runner.pid, signal.SIGSTOP)
        await runner.stop()
        assert (await runner.wait_dead()).signal == "SIGKILL"


async def test_a_flood_of_output_is_thinned_and_harms_nobody() -> None:
    lines: list[str] = []
    async with fake("--flood", "200000", log=lines.append) as runner:
        assert text_of(await collect(runner)) == "w0 w1 w2 "
    assert len(lines) < 20_000
    assert "fake_runner: up" in (await runner.wait_dead()).last_lines
    assert any("lines left out" in line for line in lines)


async def test_a_grandchild_that_keeps_the_output_open_delays_nothing() -> None:
    lines: list[str] = []
    async with fake("--grandchild", "--tokens", "9", "--crash-after", "2", log=lines.append) as runner:
        async with asyncio.timeout(3):
            assert isinstance((await collect(runner))[-1], Failed)
    grandchild = next(int(found[1]) for line in lines if (found := re.match(r"grandchild (\d+)", line)))
    os.kill(grandchild, signal.SIGKILL)


async def test_a_reader_that_does_not_read_is_given_up() -> None:
    async with fake("--tokens", "5000", "--word", "x" * 1000) as runner:
        groups = runner.generate(REQUEST)
        await anext(groups)
        await until(lambda: not runner.num_open)
        rest = [event async for group in groups for event in group]
        assert isinstance(rest[-1], Failed)
        assert rest[-1].error.code == "slow_reader"


async def test_a_request_too_large_for_a_frame_fails_alone() -> None:
    async with fake() as runner:
        huge = GenerationRequest(TextPrompt("x" * MAX_FRAME_BYTES))
        last = (await collect(runner, huge))[-1]
        assert isinstance(last, Failed)
        assert last.error.code == PayloadTooLarge.code
        assert text_of(await collect(runner)) == "w0 w1 w2 "


async def test_the_runner_dies_with_the_service_end_of_its_channel() -> None:
    async with fake() as runner:
        runner._channel.close()
        assert (await runner.wait_dead()).exit_code in (0, None)
