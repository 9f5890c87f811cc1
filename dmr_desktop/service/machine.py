"""What the operating system tells: processor, memory, who holds a port. Graphics cards are in ``gpus.py``.

Imports psutil and NVML for all; both untyped, their values checked where they are used. All calls block, for
milliseconds.
"""

from typing import Any

import psutil as _psutil
import pynvml as _pynvml

psutil: Any = _psutil
nvml: Any = _pynvml


class CpuMeter:
    """How busy all cores together were since the last question.

    psutil's own meter remembers its last question per thread, so a question from a pool would be its first.
    """

    def __init__(self) -> None:
        self._busy, self._all = _cpu_seconds()

    def percent(self) -> float:
        """0..100. 0 when asked twice within a clock tick."""
        busy, every = _cpu_seconds()
        passed = every - self._all
        share = (busy - self._busy) / passed if passed > 0 else 0.0
        self._busy, self._all = busy, every
        return round(100 * min(max(share, 0.0), 1.0), 1)


def _cpu_seconds() -> tuple[float, float]:
    """Busy and all seconds of all cores since boot. Waiting for a disk is idle; guests are part of user time."""
    times = psutil.cpu_times()._asdict()
    every = sum(seconds for name, seconds in times.items() if name not in ("guest", "guest_nice"))
    return float(every - times["idle"] - times.get("iowait", 0.0)), float(every)


def memory() -> tuple[int, int]:
    """Used and total bytes; what the system could give back at once does not count as used."""
    found = psutil.virtual_memory()
    return int(found.total - found.available), int(found.total)


def owner_of_port(port: int) -> str:
    """The program that listens on a TCP port, as far as the system tells us."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return "another program"
