"""A folder for one test's service and programs, and the end of every process that still lives in it.

A process of its own (this file, run) ends them too if the tests themselves are killed.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import psutil as _psutil

psutil: Any = _psutil

GRACE_SECONDS = 10.0
"""For a service that is on its way out."""
_CLOCK_ERROR_SECONDS = 2.0
"""The system tells when a process began by the hundredth of a second, counted from a boot whose time it rounds."""


@contextmanager
def own_folder(prefix: str = "dmr") -> Iterator[Path]:
    """A folder with a path short enough for a Unix socket.

    Whatever happens meanwhile, no process is left that was started with a variable or an argument inside it. One that
    has to be killed for that is an error of the test or of the program: it raises AssertionError.
    """
    began = time.time() - _CLOCK_ERROR_SECONDS
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        _tell_heir(f"+{began} {name}")
        try:
            yield Path(name)
        finally:
            killed = _end_processes(name, began)
            _tell_heir(f"-{began} {name}")
        assert killed == [], "processes were left behind"


@cache
def _heir() -> IO[str]:
    """What the process reads. It is nobody's child, so it is none that a test has left behind."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdin is not None
    process.wait(30)
    atexit.register(process.stdin.close)
    return process.stdin


def _tell_heir(line: str) -> None:
    if sys.platform != "win32":
        _heir().write(f"{line}\n")
        _heir().flush()


def _inherit() -> None:
    """Reads what the tests say until they are gone, then ends what they could not."""
    left: dict[str, float] = {}
    for line in sys.stdin:
        began, _, folder = line[1:].rstrip("\n").partition(" ")
        if line.startswith("+"):
            left[folder] = float(began)
        else:
            left.pop(folder, None)
    for folder, began in left.items():
        _end_processes(folder, began, grace_seconds=0.0)
        shutil.rmtree(folder, ignore_errors=True)


def _end_processes(folder: str, since: float, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Waits a while for the processes of the folder, kills the rest; their command lines."""
    _, alive = psutil.wait_procs(_processes(folder, since), timeout=grace_seconds)
    killed: list[str] = []
    while alive:
        for process in alive:
            with suppress(psutil.Error):
                killed.append(" ".join(process.cmdline()))
                process.kill()
        psutil.wait_procs(alive, timeout=5)
        alive = _processes(folder, since)  # what a killed one had begun to start
    return killed


def _processes(folder: str, since: float) -> list[Any]:
    return [process for process in psutil.process_iter() if _is_of(process, folder, since)]


def _is_of(process: Any, folder: str, since: float) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.create_time() < since or process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return False
    return any(folder in word for word in words)


if __name__ == "__main__" and os.fork() == 0:
    _inherit()
