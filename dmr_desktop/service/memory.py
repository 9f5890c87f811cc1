"""How much memory there is and what a process holds of it. The loader's only look at the machine."""

from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident bytes: ``private`` to the process, and ``mapped`` from files (which the system may drop and re-read)."""

    private_bytes: int = 0
    mapped_bytes: int = 0


def available_bytes(cgroup: Path = _CGROUP) -> int:
    """What the system could give out now without swapping, within the container's limit if there is one."""
    machine = int(psutil.virtual_memory().available)  # type: ignore[no-untyped-call]
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        droppable = int(statistics.get("inactive_file", 0)) + int(statistics.get("active_file", 0))
    except (OSError, ValueError):
        return machine  # no limit ("max"), or not a cgroup of version 2
    return max(0, min(machine, limit - used + droppable))


def process_memory(pid: int) -> ProcessMemory:
    """Nothing for a process that is gone."""
    try:
        found = psutil.Process(pid).memory_info()  # type: ignore[no-untyped-call]
    except psutil.Error:
        return ProcessMemory()
    mapped = int(getattr(found, "shared", 0))
    return ProcessMemory(int(found.rss) - mapped, mapped)
