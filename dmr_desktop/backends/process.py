"""One child process: started with a scrubbed environment, its output read line by line, its end reported once.

It knows nothing of the channel that runners speak on.
"""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO

from dmr_desktop.backends.base import Death, LogLine

MAX_LINES_KEPT = 100
_MAX_LINE_BYTES = 4096
_MAX_LOGGED_PER_SECOND = 500
_OUTPUT_END_SECONDS = 0.3

# Secrets (registry passwords, tokens, keys) live in variables that none of these names.
_KEPT_NAMES = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
)
_KEPT_PREFIXES = ("LC_", "PYTHON", "DYLD_", "CUDA_", "HIP_", "ROCR_", "NVIDIA_", "GGML_", "LLAMA_", "OMP_", "GOMP_")


def scrubbed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a runner may see of the service's environment, plus what llama.cpp needs to behave in a child.

    ``GGML_NO_BACKTRACE``: an abort must not start a debugger. How long OpenMP's threads spin is left alone:
    bounding it costs a tenth of the speed, and the engine gives up a thread where another program needs its core.
    """
    kept = {
        name: value for name, value in environ.items() if name in _KEPT_NAMES or name.upper().startswith(_KEPT_PREFIXES)
    }
    return {"GGML_NO_BACKTRACE": "1", **kept}


class ChildProcess:
    """A running child. ``last_lines`` is the end of what it printed on stdout and stderr together."""

    def __init__(
        self, process: asyncio.subprocess.Process, output: "_Output", transport: asyncio.ReadTransport
    ) -> None:
        self._process = process
        self._output = output
        self._transport = transport
        self._reason = ""

    @classmethod
    async def spawn(cls, command: Sequence[str], log: LogLine, *, pass_fds: Sequence[int]) -> "ChildProcess":
        """Start ``command`` in a session of its own, without input. Raises OSError."""
        loop = asyncio.get_running_loop()
        # Our own pipe rather than asyncio's: a grandchild that keeps it open must not delay the news of the exit.
        read_fd, write_fd = os.pipe()
        output = _Output(log)
        try:
            transport, _ = await loop.connect_read_pipe(lambda: output, _pipe(read_fd, loop))
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=write_fd,
                    stderr=write_fd,
                    env=scrubbed_environment(os.environ),
                    start_new_session=True,
                    pass_fds=tuple(pass_fds),
                )
            except BaseException:
                transport.close()
                raise
        finally:
            os.close(write_fd)
        return cls(process, output, transport)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self, reason: str) -> None:
        """SIGKILL to the whole group. The first reason given is the one reported."""
        if not self.is_running:
            return
        self._reason = self._reason or reason
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def wait(self) -> Death:
        """Until the process is gone (reaped) and its last lines are read. Any number of callers."""
        code = await self._process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_END_SECONDS):
                await asyncio.shield(self._output.ended)
        self._transport.close()
        lines = tuple(self._output.lines)
        if code >= 0:
            return Death(code, reason=self._reason, last_lines=lines)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return Death(None, name, self._reason, lines)


def _pipe(read_fd: int, loop: asyncio.AbstractEventLoop) -> FileIO:
    """For a transport of ``loop``. uvloop's close the pipe themselves, and then the file object too: if that closed it
    once more, it might be what another thread has opened under the same number in between."""
    return FileIO(read_fd, closefd=isinstance(loop, asyncio.BaseEventLoop))


class _Output(asyncio.Protocol):
    """Lines out of the pipe: the last ones are kept, all but those of a flood go to the log."""

    def __init__(self, log: LogLine) -> None:
        self.lines: deque[str] = deque(maxlen=MAX_LINES_KEPT)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log = log
        self._rest = b""
        self._second = 0
        self._num_logged = 0
        self._num_dropped = 0

    def data_received(self, data: bytes) -> None:
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_MAX_LINE_BYTES]
        for line in whole:
            self._keep(line[:_MAX_LINE_BYTES].decode("utf-8", "replace").rstrip())

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep(self._rest.decode("utf-8", "replace").rstrip())
        self._confess()
        if not self.ended.done():
            self.ended.set_result(None)

    def _keep(self, line: str) -> None:
        if not line:
            return
        self.lines.append(line)
        second = int(time.monotonic())
        if second != self._second:
            self._confess()
            self._second, self._num_logged = second, 0
        if self._num_logged < _MAX_LOGGED_PER_SECOND:
            self._num_logged += 1
            self._log(line)
        else:
            self._num_dropped += 1

    def _confess(self) -> None:
        if self._num_dropped:
            self._log(f"({self._num_dropped} lines left out)")
            self._num_dropped = 0
