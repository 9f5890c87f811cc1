"""NVIDIA's cards, by NVML. None are found without its driver; then it is not asked again for a minute.

A card that is lost (after a sleep, or fallen off the bus) is left out, and looked for again in a minute too.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service.machine import nvml

_RETRY_SECONDS = 60.0
_Value = TypeVar("_Value")


class NvidiaGpus:
    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._is_open = False
        self._is_complete = True
        self._next_try = 0.0

    def sample(self) -> tuple[GpuSample, ...]:
        if not self._is_complete and time.monotonic() >= self._next_try:
            self.rest()
        if not self._is_open and not self._open():
            return ()
        told = [(handle, _sample(handle)) for handle in self._handles]
        self._note_lost(any(sample is None for _, sample in told))
        self._handles = [handle for handle, sample in told if sample is not None]
        return tuple(sample for _, sample in told if sample is not None)

    def rest(self) -> None:
        if self._is_open:
            self._is_open = False
            _asked(nvml.nvmlShutdown)

    def renew(self) -> None:
        self.rest()
        self._is_complete = True

    def _open(self) -> bool:
        if not self._is_complete and not self._handles and time.monotonic() < self._next_try:
            return False
        self._is_complete = True
        self._handles = []
        try:
            nvml.nvmlInit()
            self._is_open = True
            handles = [_asked(partial(nvml.nvmlDeviceGetHandleByIndex, i)) for i in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError:
            self.rest()
            self._note_lost(True)
            return False
        self._handles = [handle for handle in handles if handle is not None]
        self._note_lost(len(self._handles) < max(len(handles), 1))
        return True

    def _note_lost(self, is_lost: bool) -> None:
        """What is not there is looked for in a minute; what is there goes on telling meanwhile."""
        if is_lost:
            self._is_complete = False
            self._next_try = time.monotonic() + _RETRY_SECONDS


def _sample(handle: Any) -> GpuSample | None:
    """Each figure for itself: a card that is partitioned tells only a part. None: the card is lost."""
    name = _asked(lambda: nvml.nvmlDeviceGetName(handle))
    if name is None:
        return None
    held = _asked(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    power = _asked(lambda: float(nvml.nvmlDeviceGetPowerUsage(handle)))
    return GpuSample(
        name=name.decode(errors="replace") if isinstance(name, bytes) else str(name),
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
