"""The loader's book-keeping over scripted runner processes."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from dmr_desktop.backends.base import Runner
from dmr_desktop.backends.llamacpp import LlamaCpp
from dmr_desktop.protocol.errors import (
    BackendNotFound,
    Conflict,
    CrashLoop,
    DMRError,
    DoesNotFit,
    QueueFull,
    RunnerCrashed,
    RunnerError,
    ShuttingDown,
    UnsupportedModel,
)
from dmr_desktop.protocol.generation import Event, Failed, GenerationRequest, TextPrompt
from dmr_desktop.protocol.models import Model, ModelConfig, ModelFiles
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey, RunnerState
from dmr_desktop.service.configurations import Configurations, Configured
from dmr_desktop.service.loader import Loader, LoaderLimits
from dmr_desktop.service.memory import ProcessMemory
from dmr_desktop.service.model_check import Inspected
from dmr_desktop.service.probes import Probes
from dmr_desktop.service.supervisor import Patience
from dmr_desktop.store.estimate import ModelShape
from tests.fakes.fake_runner import command
from tests.fakes.until import until

REQUEST = GenerationRequest(TextPrompt("hello"))
GIB = 1024**3


def model(name: str) -> ModelFiles:
    return ModelFiles(Model(f"sha256:{name}", (f"docker.io/ai/{name}:latest",), 0, ModelConfig()), Path(f"/m/{name}"))


def key(name: str, mode: Mode = Mode.COMPLETION) -> RunnerKey:
    return RunnerKey("llama.cpp", f"sha256:{name}", mode)


@dataclass
class Rig:
    """A loader over fake runners; ``weights`` and ``available`` play the machine."""

    knobs: tuple[str, ...] = ()
    limits: LoaderLimits = field(default_factory=lambda: LoaderLimits(idle_timeout_seconds=60, seats=8))
    base: RunnerConfig = field(default_factory=RunnerConfig)
    available: int = 64 * GIB
    weights: dict[str, int] = field(default_factory=dict)
    held: int = 0
    changes: int = 0

    def __post_init__(self) -> None:
        self.configurations = Configurations(self.base)
        self.loader = Loader(
            {"llama.cpp": LlamaCpp(command=command(*self.knobs))},
            self.configurations,
            self.limits,
            on_change=self.count,
            probes=Probes(
                inspect=self.inspect,
                available=lambda: self.available - self.held * self.num_alive(),
                process=lambda pid: ProcessMemory(self.held, 0),
            ),
        )

    def count(self) -> None:
        self.changes += 1

    def num_alive(self) -> int:
        return sum(status.pid is not None for status in self.loader.statuses())

    def inspect(self, files: ModelFiles) -> Inspected:
        if files.weights.name == "broken":
            raise UnsupportedModel("not a usable GGUF file")
        return Inspected(ModelShape(self.weights.get(files.weights.name, 0)))

    def states(self) -> dict[str, RunnerState]:
        return {status.model_name: status.state for status in self.loader.statuses()}

    def lease(self, name: str, keep_alive_seconds: float | None = None) -> AbstractAsyncContextManager[Runner]:
        return self.loader.lease(model(name), Mode.COMPLETION, name, keep_alive_seconds=keep_alive_seconds)


@asynccontextmanager
async def rig(*knobs: str, **fields: object) -> AsyncIterator[Rig]:
    made = Rig(knobs, **fields)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.loader.shutdown()
        assert made.loader.statuses() == []


def limits(**fields: object) -> LoaderLimits:
    return LoaderLimits(**{"idle_timeout_seconds": 60, "seats": 8, **fields})  # type: ignore[arg-type]


async def collect(runner: Runner) -> list[Event]:
    return [event async for group in runner.generate(REQUEST) for event in group]


async def test_requests_join_one_load_and_share_one_runner(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    gate = tmp_path / "gate"
    async with rig("--load-gate", str(gate)) as made:

        async def use() -> int:
            async with made.loader.lease(model("a"), Mode.COMPLETION, "ai/a") as runner:
                await collect(runner)
                return runner.pid

        users = [asyncio.create_task(use()) for _ in range(5)]
        await until(lambda: made.states() == {"ai/a": RunnerState.STARTING})
        assert made.loader.users("sha256:a") == 5
        gate.touch()
        assert len(set(await asyncio.gather(*users))) == 1
        [status] = made.loader.statuses()
        assert status.state is RunnerState.READY
        assert status.active_requests == 0
        assert status.expires_at is not None
        assert status.facts is not None
        assert made.changes > 0
        assert len([line for line in caplog.messages if line.startswith("ai/a was loaded in ")]) == 1


async def test_the_same_model_is_loaded_once_per_mode() -> None:
    async with rig() as made:
        for mode in (Mode.COMPLETION, Mode.EMBEDDING):
            await made.loader.preload(model("a"), mode, "a")
        first, second = made.loader.statuses()
        assert (first.mode, second.mode) == (Mode.COMPLETION, Mode.EMBEDDING)
        assert first.pid != second.pid


async def test_a_runner_in_use_is_busy() -> None:
    async with rig() as made, made.lease("a"):
        [status] = made.loader.statuses()
        assert (status.state, status.active_requests, status.expires_at) == (RunnerState.BUSY, 1, None)


async def test_an_idle_runner_is_unloaded() -> None:
    async with rig(limits=limits(idle_timeout_seconds=0.2)) as made:
        async with made.lease("a"):
            await asyncio.sleep(0.3)  # in use longer than the timeout
            assert made.states() == {"a": RunnerState.BUSY}
        assert made.states() == {"a": RunnerState.READY}
        await until(lambda: made.states() == {})


async def test_keep_alive_of_the_last_lease_that_gave_one_counts() -> None:
    async with rig(limits=limits(idle_timeout_seconds=0.05)) as made:
        async with made.lease("a", keep_alive_seconds=-1):
            pass
        async with made.lease("a"):
            pass
        assert made.loader.statuses()[0].expires_at is None
        async with made.lease("a", keep_alive_seconds=0):
            pass
        await until(lambda: made.states() == {})


async def test_a_configured_keep_alive_counts() -> None:
    async with rig(limits=limits(idle_timeout_seconds=0)) as made:
        made.loader.configure(key("a"), Configured(RunnerConfig(keep_alive_seconds=-1)))
        await made.loader.preload(model("a"), Mode.COMPLETION, "a")
        await made.loader.preload(model("b"), Mode.COMPLETION, "b")
        await until(lambda: made.states() == {"a": RunnerState.READY})


async def test_the_queue_is_bounded_and_says_so() -> None:
    async with rig(
        "--load-gate", "/nonexistent", limits=limits(max_queue=1), base=RunnerConfig(num_sequences=2)
    ) as made:
        users = [asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a")) for _ in range(3)]
        await until(lambda: made.loader.users("sha256:a") == 3)
        with pytest.raises(QueueFull, match="3 requests for a"):
            await made.loader.preload(model("a"), Mode.COMPLETION, "a")
        for user in users:
            user.cancel()
        assert all(
            isinstance(error, asyncio.CancelledError) for error in await asyncio.gather(*users, return_exceptions=True)
        )
        assert made.loader.users("sha256:a") == 0


async def test_refusals_before_anything_is_started() -> None:
    async with rig(available=1 * GIB, weights={"huge": 2 * GIB}) as made:
        with pytest.raises(BackendNotFound):
            async with made.loader.lease(model("a"), Mode.COMPLETION, "a", backend="vllm"):
                pass
        with pytest.raises(UnsupportedModel):
            await made.loader.preload(model("broken"), Mode.COMPLETION, "b")
        with pytest.raises(DoesNotFit, match="MiB"):
            await made.loader.preload(model("huge"), Mode.COMPLETION, "h")
        assert made.loader.statuses() == []


async def test_every_waiter_of_a_failed_load_learns_why() -> None:
    async with rig("--fail-load", "unsupported_model") as made:
        loads = [made.loader.preload(model("a"), Mode.COMPLETION, "a") for _ in range(3)]
        errors = await asyncio.gather(*loads, return_exceptions=True)
        assert [type(error) for error in errors] == [UnsupportedModel] * 3
        assert made.states() == {"a": RunnerState.FAILED}


async def test_the_least_recently_used_idle_runner_makes_room() -> None:
    async with rig(limits=limits(seats=2)) as made:
        for name in ("a", "b", "a", "c"):
            await made.loader.preload(model(name), Mode.COMPLETION, name)
        assert made.states() == {"a": RunnerState.READY, "c": RunnerState.READY}


async def test_memory_makes_room_too() -> None:
    async with rig(weights={"a": 3 * GIB, "b": 3 * GIB}, available=4 * GIB, held=3 * GIB) as made:
        await made.loader.preload(model("a"), Mode.COMPLETION, "a")
        await made.loader.preload(model("b"), Mode.COMPLETION, "b")
        assert made.states() == {"b": RunnerState.READY}


async def test_three_models_at_once_with_room_for_one() -> None:
    """Each gets its turn, never two of them are there at once, and none is refused."""
    names = ("a", "b", "c")
    async with rig(weights=dict.fromkeys(names, 3 * GIB), available=4 * GIB, held=3 * GIB) as made:
        most = 0

        async def use(name: str) -> None:
            nonlocal most
            async with made.lease(name) as runner:
                most = max(most, made.num_alive())
                await collect(runner)

        async with asyncio.timeout(15):
            await asyncio.gather(*(use(name) for _ in range(3) for name in names))
        assert most == 1


async def test_without_an_idle_runner_a_load_waits_for_a_seat() -> None:
    async with rig(limits=limits(seats=1)) as made:
        async with made.lease("a"):
            waiting = asyncio.create_task(made.loader.preload(model("b"), Mode.COMPLETION, "b"))
            await until(lambda: made.states().get("b") is RunnerState.STARTING)
            assert made.states() == {"a": RunnerState.BUSY, "b": RunnerState.STARTING}
        await waiting
        assert made.states() == {"b": RunnerState.READY}


async def test_who_leaves_while_waiting_for_room_frees_the_place() -> None:
    async with rig(limits=limits(seats=1)) as made, made.lease("a"):
        waiting = asyncio.create_task(made.loader.preload(model("b"), Mode.COMPLETION, "b"))
        await until(lambda: "b" in made.states())
        waiting.cancel()
        await until(lambda: "b" not in made.states())
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_load_goes_on_when_its_first_user_leaves(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with rig("--load-gate", str(gate)) as made:
        impatient = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        patient = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        await until(lambda: made.loader.users("sha256:a") == 2)
        impatient.cancel()
        gate.touch()
        await patient
        assert made.states() == {"a": RunnerState.READY}
        with pytest.raises(asyncio.CancelledError):
            await impatient


async def test_a_crash_stays_its_own_and_the_next_request_starts_a_fresh_one() -> None:
    async with rig("--hold-after", "1") as made:
        async with made.lease("a") as runner, made.lease("b") as other:
            groups, others = runner.generate(REQUEST), other.generate(REQUEST)
            await anext(groups)
            await anext(others)
            os.kill(runner.pid, signal.SIGSEGV)
            async with asyncio.timeout(2):
                last = [event async for group in groups for event in group][-1]
            assert isinstance(last, Failed)
            assert "SIGSEGV" in last.error.message
            assert other.num_open == 1
            await others.aclose()
        await until(lambda: made.states() == {"a": RunnerState.FAILED, "b": RunnerState.READY})
        async with made.lease("a") as fresh:
            assert fresh.pid != runner.pid


async def test_a_crash_loop_is_refused_and_unloading_forgives_it() -> None:
    async with rig("--crash-on-load") as made:
        for expected in (RunnerCrashed, RunnerCrashed, RunnerCrashed, CrashLoop):
            with pytest.raises(expected):
                await made.loader.preload(model("a"), Mode.COMPLETION, "a")
        assert made.states() == {"a": RunnerState.FAILED}
        assert await made.loader.unload("sha256:a") == 0
        assert made.states() == {}
        with pytest.raises(RunnerCrashed):
            await made.loader.preload(model("a"), Mode.COMPLETION, "a")


async def test_configure_is_refused_in_use_and_evicts_when_idle() -> None:
    config = Configured(RunnerConfig(context_size=1024))
    async with rig() as made:
        async with made.lease("a"):
            with pytest.raises(Conflict, match="runner already active"):
                made.loader.configure(key("a"), config)
            assert made.configurations.entry(key("a")) is None
        made.loader.configure(key("a"), config)
        assert made.configurations.entry(key("a")) == config
        await until(lambda: made.states() == {})
        async with made.lease("a"):
            made.loader.configure(key("a"), Configured(replace(config.config)))  # the same: nothing to do
            assert made.states() == {"a": RunnerState.BUSY}
        made.loader.configure(key("a"), None)
        assert made.configurations.config(key("a")) == RunnerConfig()
        await until(lambda: made.states() == {})


async def test_unload_spares_what_is_in_use_unless_forced() -> None:
    async with rig("--hold-after", "0") as made:
        await made.loader.preload(model("a"), Mode.COMPLETION, "a")
        async with made.lease("b") as runner:
            reader = asyncio.create_task(collect(runner))
            await until(lambda: runner.num_open == 1)
            assert await made.loader.unload() == 1
            assert made.states() == {"b": RunnerState.BUSY}
            assert await made.loader.unload("sha256:b", mode=Mode.EMBEDDING, force=True) == 0
            assert await made.loader.unload("sha256:b", force=True) == 1
            assert (await reader)[-1] == Failed(RunnerError("b was unloaded").info)
        assert made.states() == {}


async def test_unload_in_the_middle_of_loading() -> None:
    async with rig("--load-gate", "/nonexistent") as made:
        waiting = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        await until(lambda: bool(made.loader.statuses()))
        assert await made.loader.unload(force=True) == 1
        with pytest.raises(RunnerError, match="unloaded while it was loading"):
            await waiting


async def test_unloading_a_model_that_loads_waits_until_its_process_is_gone(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    others = set(psutil.Process().children())
    async with rig("--load-gate", "/nonexistent", "--ignore-term", "--journal", str(journal)) as made:
        waiting = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        await until(journal.exists)
        (process,) = set(psutil.Process().children()) - others
        assert await made.loader.unload(force=True) == 1
        assert not process.is_running()
        with pytest.raises(RunnerError, match="unloaded while it was loading"):
            await waiting


async def test_who_comes_while_a_load_is_given_up_gets_one_of_his_own(tmp_path: Path) -> None:
    gate, journal = tmp_path / "gate", tmp_path / "journal"
    async with rig("--load-gate", str(gate), "--journal", str(journal)) as made:
        first = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        await until(journal.exists)
        unloading = asyncio.create_task(made.loader.unload(force=True))
        await asyncio.sleep(0)  # the load is being given up now
        second = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
        with pytest.raises(RunnerError, match="unloaded while it was loading"):
            await first
        gate.touch()
        await asyncio.gather(unloading, second)
        assert made.states() == {"a": RunnerState.READY}


async def test_unloading_when_idle_counts_for_those_in_use_and_those_that_load(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with rig("--load-gate", str(gate), limits=limits(max_queue=1), base=RunnerConfig(num_sequences=1)) as made:
        users = [asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a")) for _ in range(2)]
        await until(lambda: made.loader.users("sha256:a") == 2)
        await made.loader.unload_when_idle("sha256:a")  # the queue is full, and that is no matter
        assert made.states() == {"a": RunnerState.STARTING}
        gate.touch()
        await asyncio.gather(*users)
        await until(lambda: made.states() == {})


async def test_shutdown_ends_everything_in_order() -> None:
    made = Rig(("--hold-after", "1"))
    async with made.loader.lease(model("a"), Mode.COMPLETION, "a") as runner:
        groups = runner.generate(REQUEST)
        await anext(groups)
        closing = asyncio.create_task(made.loader.shutdown())
        last = [event async for group in groups for event in group][-1]
        assert isinstance(last, Failed)
        assert last.error.code == ShuttingDown.code
        await closing
    with pytest.raises(ShuttingDown) as refused:
        await made.loader.preload(model("a"), Mode.COMPLETION, "a")
    assert "dmr serve" in refused.value.hint


async def test_shutdown_while_loading() -> None:
    made = Rig(("--load-gate", "/nonexistent"))
    waiting = asyncio.create_task(made.loader.preload(model("a"), Mode.COMPLETION, "a"))
    await until(lambda: bool(made.loader.statuses()))
    await made.loader.shutdown()
    with pytest.raises(ShuttingDown):
        await waiting


async def test_many_clients_coming_and_going_leave_the_book_straight() -> None:
    async with rig("--hold-after", "1", limits=limits(seats=2, idle_timeout_seconds=0)) as made:

        async def use(name: str, seconds: float) -> None:
            try:
                async with asyncio.timeout(seconds):
                    async with made.lease(name) as runner:
                        await collect(runner)
            except (TimeoutError, DMRError):
                pass

        await asyncio.gather(*(use("abc"[index % 3], 0.02 * index) for index in range(30)))
        await until(lambda: made.states() == {})
        assert [made.loader.users(f"sha256:{name}") for name in "abc"] == [0, 0, 0]


# ---- after a sleep ------------------------------------------------------------------------------


def pids(made: Rig) -> list[int | None]:
    return [status.pid for status in made.loader.statuses()]


@pytest.mark.parametrize("mode", Mode)
async def test_a_runner_that_still_computes_is_left_alone(mode: Mode) -> None:
    async with rig() as made:
        await made.loader.preload(model("a"), mode, "ai/a")
        before = pids(made)
        await made.loader.reload_dead()
        assert pids(made) == before
        assert made.states() == {"ai/a": RunnerState.READY}


@pytest.mark.parametrize("knobs", [("--hold-after", "0"), ("--crash-after", "0")], ids=["silent", "crashing"])
async def test_an_idle_runner_that_does_not_compute_any_more_is_loaded_anew(knobs: tuple[str, ...]) -> None:
    patience = Patience(compute=0.2)
    async with rig(*knobs, limits=limits(patience=patience)) as made:
        await made.loader.preload(model("a"), Mode.COMPLETION, "ai/a")
        (before,) = pids(made)
        await made.loader.reload_dead()
        (after,) = pids(made)
        assert after not in (None, before)
        assert made.states() == {"ai/a": RunnerState.READY}


async def test_a_runner_in_use_is_not_judged() -> None:
    async with rig("--hold-after", "0", limits=limits(patience=Patience(compute=0.1))) as made, made.lease("a"):
        before = pids(made)
        await made.loader.reload_dead()
        assert pids(made) == before
