"""What a child's pipe costs the process that has it, on either kind of event loop."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import FileIO

import pytest
import uvloop

from dmr_desktop.backends import process
from dmr_desktop.backends.process import ChildProcess

closed_twice: list[int] = []


class WatchedFile(FileIO):
    """Says when it closes what somebody else has closed before: by then the number may be another file's."""

    def close(self) -> None:
        if not self.closed and self.closefd:
            try:
                os.fstat(self.fileno())
            except OSError:
                closed_twice.append(self.fileno())
        super().close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_pipes_are_closed_once(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "FileIO", WatchedFile)
    closed_twice.clear()

    async def spawn_some() -> None:
        for num_turns in range(12):
            spawning = asyncio.create_task(ChildProcess.spawn(["true"], lambda line: None, pass_fds=()))
            for _ in range(num_turns % 4):
                await asyncio.sleep(0)
            if num_turns < 8:
                spawning.cancel()  # as when a model is unloaded while it loads
            with suppress(asyncio.CancelledError):
                await (await spawning).wait()
        await asyncio.sleep(0.05)

    async def check() -> None:
        await spawn_some()
        before = len(os.listdir("/proc/self/fd"))
        await spawn_some()
        assert len(os.listdir("/proc/self/fd")) <= before

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(check())
    assert closed_twice == []
