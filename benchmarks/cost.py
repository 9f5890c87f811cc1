"""What a process costs, read from /proc. Linux only."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """``pss_mb`` is the process's share of memory; ``wakeups`` are voluntary context switches of all its threads."""

    pss_mb: float
    cpu_percent: float
    wakeups_per_second: float


def read_memory(pid: int, name: str = "Pss") -> float:
    """A line of ``smaps_rollup`` in MB: ``Pss`` depends on who else has Qt loaded, ``Anonymous`` is its own."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:")) / 1024


def read_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def read_switches(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "status").read_text()
        except OSError:
            continue  # a thread that has just ended
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("voluntary"))
    return total


def measure(pid: int, seconds: float) -> Cost:
    ticks, switches, began = read_ticks(pid), read_switches(pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    return Cost(
        read_memory(pid),
        100 * (read_ticks(pid) - ticks) / TICKS / passed,
        (read_switches(pid) - switches) / passed,
    )
