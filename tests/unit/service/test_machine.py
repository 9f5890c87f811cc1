"""What is measured of the machine, beside what its kernel says."""

import sys
import threading
from pathlib import Path

import pytest

from dmr_desktop.service.machine import CpuMeter, memory

MOST_OFF = 0.02
"""Of the whole, as a share."""
TRIES = 5
"""The kernel is asked a moment before or after: something may begin or end in between."""


def test_a_busy_thread_is_seen_whichever_thread_asks() -> None:
    meter = CpuMeter()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(10_000))

    worker = threading.Thread(target=work)
    worker.start()
    threading.Event().wait(0.3)
    found: list[float] = []
    asker = threading.Thread(target=lambda: found.append(meter.percent()))
    asker.start()
    asker.join()
    stop.set()
    worker.join()
    assert 0 < found[0] <= 100


needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")


@needs_proc
def test_memory_is_what_free_says() -> None:
    def off() -> float:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kib = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
        used, total = memory()
        assert total == 1024 * kib["MemTotal"]
        return abs(used - 1024 * (kib["MemTotal"] - kib["MemAvailable"])) / used

    assert min(off() for _ in range(TRIES)) < MOST_OFF


@needs_proc
def test_the_processors_share_is_what_the_kernel_counts() -> None:
    def ticks() -> tuple[int, int]:
        user, nice, system, idle, wait, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        return user + nice + system + sum(rest), user + nice + system + idle + wait + sum(rest)

    def off() -> float:
        meter, (busy, every) = CpuMeter(), ticks()
        threading.Event().wait(0.5)
        now_busy, now_every = ticks()
        return abs(meter.percent() / 100 - (now_busy - busy) / (now_every - every))

    assert min(off() for _ in range(TRIES)) < MOST_OFF
