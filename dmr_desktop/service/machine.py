"""What the operating system tells: processor, memory, graphics cards, who holds a port.

The only importer of psutil and NVML; both untyped, their values checked here. All calls block, for
milliseconds.
"""

import time
from typing import Any

import psutil as _psutil
import pynvml as _pynvml

from dmr_desktop.protocol.notices import GpuSample

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


class Gpus:
    """NVIDIA's cards. None are found without its driver; then it is not asked again for a minute."""

    _RETRY_SECONDS = 60.0

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._is_open = False
        self._next_try = 0.0

    def sample(self) -> tuple[GpuSample, ...]:
        if not self._is_open and not self._open():
            return ()
        return tuple(_sample_gpu(handle) for handle in self._handles)

    def _open(self) -> bool:
        if time.monotonic() < self._next_try:
            return False
        try:
            nvml.nvmlInit()
            self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
            self._is_open = True
        except nvml.NVMLError:
            self._next_try = time.monotonic() + self._RETRY_SECONDS
        return self._is_open

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                nvml.nvmlShutdown()
            except nvml.NVMLError:
                pass


def _sample_gpu(handle: Any) -> GpuSample:
    name, utilization, used, total = "GPU", None, None, None
    try:
        found = nvml.nvmlDeviceGetName(handle)
        name = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
        memory_info = nvml.nvmlDeviceGetMemoryInfo(handle)
        used, total = int(memory_info.used), int(memory_info.total)
        utilization = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError:  # a card that is partitioned or lost tells only a part
        pass
    return GpuSample(name, utilization, used, total)
