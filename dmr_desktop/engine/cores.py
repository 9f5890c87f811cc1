"""How many cores this process may compute on, and how many are free."""

import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time, sleep

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_STAT = Path("/proc/stat")
_TICKS_A_SECOND = 100
_SHORTEST_SECONDS = 0.1


def default_threads() -> int:
    """One thread for each physical core, but one core is left to the rest of the machine if there are over two."""
    cores = physical_cores()
    return cores - 1 if cores > 2 else cores


def physical_cores() -> int:
    """Cores without their hyper-threads, as far as this process is allowed to use them; at least 1."""
    if sys.platform == "linux":
        return max(1, min(_linux_cores(), _linux_quota()))
    elif sys.platform == "darwin":
        return _mac_cores()
    else:
        return max(1, (os.cpu_count() or 2) // 2)


def _linux_cores() -> int:
    allowed = os.sched_getaffinity(0)
    cores = set()
    for cpu in allowed:
        try:
            cores.add((_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text())
        except OSError:
            return len(allowed)
    return len(cores)


def _linux_quota() -> int:
    """Whole CPUs that the control group grants (``cpu.max``: microseconds and period), rounded up."""
    try:
        quota, period = _QUOTA.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1


def _mac_cores() -> int:
    # On Apple silicon only the fast cores: the slow ones would hold up every barrier.
    for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        result = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.strip().isdigit():
            return max(1, int(result.stdout))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Supply:
    """How many cores a process had for itself: ``sure`` are those it used and those left idle.

    ``likely`` are besides them those that programs of lower priority used: they give way when their cores are
    wanted, but it depends on how much lower their priority is how far.
    """

    sure: float
    likely: float


class FreeCores:
    """The cores that were there for this process since it was last asked.

    Linux only: elsewhere, and where ``/proc`` is closed, None.
    """

    def __init__(self) -> None:
        self._last = self._read()

    def restart(self) -> None:
        """What was until now does not count."""
        self._last = self._read()

    def __call__(self) -> Supply | None:
        """Waits until a tenth of a second has passed since the last call: the system counts hundredths."""
        now = self._read()
        if now is None or self._last is None:
            return None
        if now[0] - self._last[0] < _SHORTEST_SECONDS:
            sleep(_SHORTEST_SECONDS)
            return self()
        seconds, sure, low_priority = (new - old for new, old in zip(now, self._last, strict=True))
        self._last = now
        return Supply(sure / seconds, (sure + low_priority) / seconds)

    def _read(self) -> tuple[float, float, float] | None:
        """Now, and the CPU seconds so far that were ours or nobody's, and those of programs of lower priority."""
        try:
            fields = _STAT.read_text().split("\n", 1)[0].split()
            nice, idle, waiting = int(fields[2]), int(fields[4]), int(fields[5])
        except (OSError, ValueError, IndexError):
            return None
        return monotonic(), (idle + waiting) / _TICKS_A_SECOND + process_time(), nice / _TICKS_A_SECOND
