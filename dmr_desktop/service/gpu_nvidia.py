"""NVIDIA's cards, by NVML. None are found without its driver; then it is not asked again for a minute."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service.machine import nvml

_RETRY_SECONDS = 60.0
_Value = TypeVar("_Value")


class NvidiaGpus:
    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._is_open = False
        self._next_try = 0.0

    def sample(self) -> tuple[GpuSample, ...]:
        if not self._is_open and not self._open():
            return ()
        return tuple(_sample(handle) for handle in self._handles)

    def rest(self) -> None:
        if self._is_open:
            self._is_open = False
            _asked(nvml.nvmlShutdown)

    def _open(self) -> bool:
        if time.monotonic() < self._next_try:
            return False
        try:
            nvml.nvmlInit()
            self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
            self._is_open = True
        except nvml.NVMLError:
            self._next_try = time.monotonic() + _RETRY_SECONDS
        return self._is_open


def _sample(handle: Any) -> GpuSample:
    """Each figure for itself: a card that is partitioned or lost tells only a part."""
    name = _asked(lambda: nvml.nvmlDeviceGetName(handle))
    held = _asked(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    power = _asked(lambda: float(nvml.nvmlDeviceGetPowerUsage(handle)))
    return GpuSample(
        name=name.decode(errors="replace") if isinstance(name, bytes) else str(name or "NVIDIA GPU"),
        utilization=_asked(lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        memory_used_bytes=int(held.used) if held is not None else None,
        memory_total_bytes=int(held.total) if held is not None else None,
        temperature_celsius=_asked(
            lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        ),
        power_watts=None if power is None else round(power / 1000, 1),
    )


def _asked(question: Callable[[], _Value]) -> _Value | None:
    try:
        return question()
    except nvml.NVMLError:
        return None
