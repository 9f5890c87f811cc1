"""How much graphics memory a process holds, where the system says so without NVIDIA's library.

Linux: any driver of the kernel's own graphics layer (amdgpu, i915, xe) lists it with each open file of a device.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from dmr_desktop.service import gpu_windows

PROC = Path("/proc")
_LINE = re.compile(
    r"^drm-(?P<kind>resident|memory)-(?:vram|local)\d*:\s+(?P<number>\d+)\s*(?P<unit>KiB|MiB)?", re.MULTILINE
)
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2}


def process_bytes(pid: int, proc: Path = PROC) -> int:
    """Bytes on all cards; 0 when nothing is known."""
    texts = []
    try:
        for path in (proc / str(pid) / "fdinfo").iterdir():
            try:
                text = path.read_text()
            except OSError:
                continue  # closed meanwhile
            if "drm-driver:" in text:
                texts.append(text)
    except OSError:
        return gpu_windows.process_bytes(pid) or 0
    return held(texts)


def held(texts: Iterable[str]) -> int:
    """The memory that files of devices tell, each client of a device counted once."""
    clients: dict[tuple[str, str], int] = {}
    for text in texts:
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        client = fields.get("drm-pdev", "").strip(), fields.get("drm-client-id", "").strip()
        clients[client] = _in_file(text)
    return sum(clients.values())


def _in_file(text: str) -> int:
    """Newer drivers say what is resident, older ones only ``memory``; both name it with the region."""
    found: dict[str, int] = {"resident": 0, "memory": 0}
    for match in _LINE.finditer(text):
        found[match["kind"]] += int(match["number"]) * _UNITS[match["unit"] or ""]
    return found["resident"] or found["memory"]
