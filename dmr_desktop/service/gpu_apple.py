"""Apple's graphics, by ``ioreg``: no rights and no library are needed. Its memory is the computer's own."""

import plistlib
import subprocess
from typing import Any

from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service.machine import memory

_COMMAND = ("/usr/sbin/ioreg", "-r", "-d", "1", "-c", "IOAccelerator", "-a")
_TIMEOUT_SECONDS = 2.0


class AppleGpus:
    def sample(self) -> tuple[GpuSample, ...]:
        try:
            found = subprocess.run(_COMMAND, capture_output=True, timeout=_TIMEOUT_SECONDS, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return ()
        return read_accelerators(found, memory()[1])

    def rest(self) -> None:
        """Nothing is held."""

    def renew(self) -> None:
        """Cards are looked for each time."""


def read_accelerators(plist: bytes, memory_bytes: int) -> tuple[GpuSample, ...]:
    """The answer of ``ioreg``; ``memory_bytes`` is what the computer has, all of which the graphics may use."""
    try:
        items = plistlib.loads(plist)
    except (plistlib.InvalidFileException, ValueError):
        return ()
    return tuple(_sample(item, memory_bytes) for item in items if isinstance(item, dict))


def _sample(item: dict[str, Any], memory_bytes: int) -> GpuSample:
    told = item.get("PerformanceStatistics")
    figures = told if isinstance(told, dict) else {}
    busy, used = figures.get("Device Utilization %"), figures.get("In use system memory")
    model = item.get("model")
    name = model.decode(errors="replace").rstrip("\0") if isinstance(model, bytes) else str(model or "Apple GPU")
    return GpuSample(
        name=name,
        utilization=float(busy) if isinstance(busy, int | float) else None,
        memory_used_bytes=used if isinstance(used, int) else None,
        memory_total_bytes=memory_bytes,
        is_shared=True,
    )
