"""How much memory there is and what a process holds of it: the loader's only look at the machine.

Graphics memory counts like any other. Where a driver does not answer there is none.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmr_desktop.backends.installed_build import uses_cards
from dmr_desktop.service.gpu_processes import process_bytes
from dmr_desktop.service.machine import nvml, psutil

_CGROUP = Path("/sys/fs/cgroup")
_RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Bytes that come back when the process ends: its own, and pages of files (which the system may drop before).

    ``card_bytes`` of its own are on graphics cards.
    """

    private_bytes: int = 0
    mapped_bytes: int = 0
    card_bytes: int = 0


class MachineMemory:
    """This computer. Every call costs a fraction of a millisecond."""

    def __init__(self) -> None:
        self._cards: list[Any] = []
        self._next_try = 0.0

    def available(self) -> int:
        """What could be given out now without swapping, in RAM and on the graphics cards together."""
        return available_ram() + sum(_free_on(card) for card in self._found_cards())

    def of_process(self, pid: int) -> ProcessMemory:
        """Nothing for a process that is gone, or that the system says nothing of."""
        try:
            found = psutil.Process(pid).memory_info()
        except (psutil.Error, OSError):
            return ProcessMemory()
        mapped = int(getattr(found, "shared", 0))
        on_cards = sum(_held_on(card, pid) for card in self._found_cards()) or process_bytes(pid)
        return ProcessMemory(int(found.rss) - mapped + on_cards, mapped, on_cards)

    def _found_cards(self) -> list[Any]:
        if not uses_cards():
            return []  # of no use to a llama.cpp that was built for the processor alone
        if not self._cards and time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + _RETRY_SECONDS
            try:
                nvml.nvmlInit()
                self._cards = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
            except nvml.NVMLError:
                pass
        return self._cards


def available_ram(cgroup: Path = _CGROUP) -> int:
    """Bytes of RAM that can be had, within the container's limit if there is one."""
    machine = int(psutil.virtual_memory().available)
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        droppable = int(statistics.get("inactive_file", 0)) + int(statistics.get("active_file", 0))
    except (OSError, ValueError):
        return machine  # no limit ("max"), or not a cgroup of version 2
    return max(0, min(machine, limit - used + droppable))


def _free_on(card: Any) -> int:
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(card).free)
    except nvml.NVMLError:
        return 0


def _held_on(card: Any, pid: int) -> int:
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(card)
    except nvml.NVMLError:
        return 0
    return sum(int(found.usedGpuMemory or 0) for found in running if found.pid == pid)
