"""Loading and unloading a model again and again leaves nothing behind in the service."""

import asyncio
import gc
from collections import Counter
from pathlib import Path

import psutil

from dmr_desktop.backends.llamacpp import LlamaCpp
from tests.fakes.fake_runner import command
from tests.fakes.scripted_backend import Script
from tests.fakes.until import until
from tests.fixtures_service import LiveInProcess, live_in_process

CYCLES = 10
# What is remembered of a request has bounds of its own; timers that were cancelled go when there are a hundred.
BOUNDED = {"dmr_desktop.protocol.notices.RequestNotice", "asyncio.events.TimerHandle"}
OBJECTS_A_CYCLE = 40


async def cycle(live: LiveInProcess) -> None:
    chat = {"model": "dmr.local/demo", "messages": [{"role": "user", "content": "hi"}]}
    answer = await live.http.post("/v1/chat/completions", json=chat)
    assert answer.json()["choices"][0]["message"]["content"] == "w0 w1 w2 "
    assert (await live.http.post("/engines/unload", json={"all": True})).json() == {"unloaded_runners": 1}


def objects() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.get_objects())


async def test_ten_loads_leave_no_object_file_thread_or_task_behind(home: Path) -> None:
    me = psutil.Process()
    async with live_in_process(home, Script(), LlamaCpp(command=command())) as live:
        for _ in range(3):
            await cycle(live)
        tasks, files, threads, before = len(asyncio.all_tasks()), me.num_fds(), me.num_threads(), objects()
        for _ in range(CYCLES):
            await cycle(live)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert me.num_fds() <= files
        assert me.num_threads() <= threads
        grown = objects() - before
        assert sum(grown.values()) <= CYCLES * OBJECTS_A_CYCLE, grown.most_common(10)
        kept = {name for name, count in grown.items() if count >= CYCLES}
        assert {name for name in kept if name.startswith(("dmr_desktop.", "asyncio.", "_asyncio."))} <= BOUNDED
