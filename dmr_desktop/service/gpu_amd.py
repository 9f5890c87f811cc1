"""AMD's cards under Linux, by what its driver writes in sysfs; no library is needed.

A card that the kernel has put to sleep is named and not asked: most of these files would wake it.
"""

import re
from pathlib import Path

from dmr_desktop.protocol.notices import GpuSample

SYSFS = Path("/sys/class/drm")
PCI_IDS = (Path("/usr/share/misc/pci.ids"), Path("/usr/share/hwdata/pci.ids"))
_AMD = "0x1002"
_CARD = re.compile(r"card\d+")


class AmdGpus:
    """``names`` are lists of PCI devices, the first that exists counts."""

    def __init__(self, sysfs: Path = SYSFS, names: tuple[Path, ...] = PCI_IDS) -> None:
        self._sysfs = sysfs
        self._lists = names
        self._names: dict[str, str] = {}

    def sample(self) -> tuple[GpuSample, ...]:
        try:
            cards = sorted(path for path in self._sysfs.iterdir() if _CARD.fullmatch(path.name))
        except OSError:
            return ()
        devices = [card / "device" for card in cards]
        return tuple(self._sample(device) for device in devices if _text(device / "vendor") == _AMD)

    def rest(self) -> None:
        """Nothing is held."""

    def renew(self) -> None:
        """Cards are looked for each time."""

    def _sample(self, device: Path) -> GpuSample:
        name = self._name(device)
        if _text(device / "power/runtime_status") == "suspended":
            return GpuSample(name, None, None, None)
        sensors = next(iter(sorted(device.glob("hwmon/hwmon*"))), device / "hwmon")
        power = _number(sensors / "power1_average")
        return GpuSample(
            name=name,
            utilization=_number(device / "gpu_busy_percent"),
            memory_used_bytes=_bytes(device / "mem_info_vram_used"),
            memory_total_bytes=_bytes(device / "mem_info_vram_total"),
            temperature_celsius=_scaled(_number(sensors / "temp1_input"), 1000),
            power_watts=_scaled(_number(sensors / "power1_input") if power is None else power, 1_000_000),
        )

    def _name(self, device: Path) -> str:
        pci_id = _text(device / "device")
        if pci_id not in self._names:
            self._names[pci_id] = _text(device / "product_name") or self._listed(pci_id) or "AMD GPU"
        return self._names[pci_id]

    def _listed(self, pci_id: str) -> str:
        for path in self._lists:
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            return name_in_list(text, pci_id)
        return ""


def name_in_list(text: str, pci_id: str) -> str:
    """The card's name in a list as of pci.ids, "" if it is not there. ``pci_id`` e.g. ``0x744c``.

    The list says ``Navi 31 [Radeon RX 7900 XT/7900 XTX]``; what stands in brackets is on the box.
    """
    vendor = text.partition("\n1002  ")[2]
    match = re.search(rf"^\t{re.escape(pci_id.removeprefix('0x'))}  (.+)$", vendor, re.MULTILINE)
    if match is None or "\n1003  " in vendor[: match.start()]:
        return ""
    sold_as = re.search(r"\[(.+)\]", match[1])
    return f"AMD {sold_as[1] if sold_as else match[1]}"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path) -> float | None:
    try:
        return float(_text(path))
    except ValueError:
        return None


def _bytes(path: Path) -> int | None:
    number = _number(path)
    return None if number is None else int(number)


def _scaled(value: float | None, divisor: float) -> float | None:
    return None if value is None else round(value / divisor, 1)
