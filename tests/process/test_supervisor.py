"""One supervised key against scripted runner processes: deaths, silence, loops, deadlines."""

import asyncio
import os
import signal
from contextlib import aclosing

import pytest

from dmr_desktop.backends.llamacpp import LlamaCpp
from dmr_desktop.protocol.errors import CrashLoop, RunnerCrashed, RunnerError, RunnerStartFailed, UnsupportedModel
from dmr_desktop.protocol.generation import Failed, GenerationRequest, TextPrompt
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerState
from dmr_desktop.service.supervisor import Patience, Supervisor
from tests.fakes.fake_runner import command
from tests.fakes.until import until

SPEC = LaunchSpec("/models/none.gguf", Mode.COMPLETION)
REQUEST = GenerationRequest(TextPrompt("hello"))


class Watched:
    """A supervisor and the states it went through."""

    def __init__(self, *knobs: str, patience: Patience | None = None) -> None:
        self.states: list[RunnerState] = []
        self.lines: list[str] = []
        self.supervisor = Supervisor(
            LlamaCpp(command=command(*knobs)), self.lines.append, self.note, patience or Patience()
        )

    def note(self) -> None:
        self.states.append(self.supervisor.state)

    async def until(self, state: RunnerState) -> None:
        await until(lambda: self.supervisor.state is state)


async def test_a_whole_life() -> None:
    watched = Watched()
    runner = await watched.supervisor.start(SPEC)
    assert watched.supervisor.pid == runner.pid
    watched.supervisor.begin_stop()
    assert watched.supervisor.runner is None
    await asyncio.gather(watched.supervisor.stopped(), watched.supervisor.stopped())
    assert watched.states == [RunnerState.STARTING, RunnerState.READY, RunnerState.STOPPING, RunnerState.STOPPED]
    assert watched.supervisor.pid is None
    assert "fake_runner: up" in watched.lines


async def test_a_death_is_told_and_the_next_start_works() -> None:
    watched = Watched()
    runner = await watched.supervisor.start(SPEC)
    os.kill(runner.pid, signal.SIGSEGV)
    await watched.until(RunnerState.FAILED)
    error = watched.supervisor.error
    assert isinstance(error, RunnerCrashed)
    assert "SIGSEGV" in error.message
    again = await watched.supervisor.start(SPEC)
    assert again.pid != runner.pid
    assert watched.supervisor.error is None
    watched.supervisor.begin_stop()
    await watched.supervisor.stopped()


async def test_three_deaths_are_a_loop_until_forgiven() -> None:
    watched = Watched("--crash-on-load")
    for _ in range(3):
        with pytest.raises(RunnerCrashed, match="SIGABRT"):
            await watched.supervisor.start(SPEC)
    with pytest.raises(CrashLoop, match="died 3 times") as caught:
        await watched.supervisor.start(SPEC)
    assert "GGML_ASSERT" in caught.value.evidence
    assert watched.supervisor.state is RunnerState.FAILED
    watched.supervisor.begin_stop()
    with pytest.raises(RunnerCrashed):
        await watched.supervisor.start(SPEC)


async def test_a_refusal_is_no_crash() -> None:
    watched = Watched("--fail-load", "unsupported_model")
    for _ in range(4):
        with pytest.raises(UnsupportedModel):
            await watched.supervisor.start(SPEC)


async def test_a_load_that_takes_too_long_is_given_up() -> None:
    watched = Watched("--load-gate", "/nonexistent", patience=Patience(ready=0.5))
    with pytest.raises(RunnerStartFailed, match="not loaded after"):
        await watched.supervisor.start(SPEC)
    assert watched.states == [RunnerState.STARTING, RunnerState.FAILED]


async def test_a_cancelled_start_is_no_failure() -> None:
    watched = Watched("--load-gate", "/nonexistent")
    start = asyncio.create_task(watched.supervisor.start(SPEC))
    await watched.until(RunnerState.STARTING)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert watched.supervisor.state is RunnerState.STOPPED


async def test_a_runner_that_hangs_is_killed_and_its_streams_end() -> None:
    watched = Watched("--hold-after", "1", patience=Patience(silence=0.2, answer=0.3, check=0.05))
    runner = await watched.supervisor.start(SPEC)
    async with aclosing(runner.generate(REQUEST)) as groups:
        await anext(groups)
        os.kill(runner.pid, signal.SIGSTOP)
        last = [event async for group in groups for event in group][-1]
    assert isinstance(last, Failed)
    assert "had not answered" in last.error.message
    await watched.until(RunnerState.FAILED)


async def test_a_runner_that_is_only_slow_lives() -> None:
    watched = Watched("--hold-after", "0", patience=Patience(silence=0.05, answer=5, check=0.02))
    runner = await watched.supervisor.start(SPEC)
    reader = asyncio.create_task(anext(runner.generate(REQUEST)))
    for _ in range(3):  # it was asked, and answered, several times
        await until(lambda: runner.silent_seconds() >= 0.05)
        await until(lambda: runner.silent_seconds() < 0.05)
    assert watched.supervisor.state is RunnerState.READY
    watched.supervisor.begin_stop(RunnerError("enough"))
    await watched.supervisor.stopped()
    assert (await reader)[-1] == Failed(RunnerError("enough").info)
