"""Cards of any maker under Windows, by the system's performance counters (PDH).

NVIDIA's own library tells there what a card holds, not for whom; the counters do.
"""

import ctypes
import re
import sys
from collections.abc import Mapping
from typing import Any

from dmr_desktop.protocol.notices import GpuSample

ENGINES = r"\GPU Engine(*)\Utilization Percentage"
DEDICATED = r"\GPU Adapter Memory(*)\Dedicated Usage"
PROCESSES = r"\GPU Process Memory(*)\Dedicated Usage"
_LUID = re.compile(r"luid_0x[0-9A-Fa-f]+_0x[0-9A-Fa-f]+(?:_phys_\d+)?")
_ENGINE_TYPE = re.compile(r"engtype_(.*)$")
_PID = re.compile(r"pid_(\d+)_")
_DOUBLE = 0x200
_MORE_DATA = 0x800007D2
_DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"

Values = Mapping[str, float]
"""Of one counter: what each instance says."""


class WindowsGpus:
    """A rate needs two readings, so the first answer knows no utilization."""

    def __init__(self) -> None:
        self._query: _Query | None = None

    def sample(self) -> tuple[GpuSample, ...]:
        if self._query is None:
            self._query = _Query(ENGINES, DEDICATED)
        values = self._query.read()
        return adapters(values[ENGINES], values[DEDICATED], _installed())

    def rest(self) -> None:
        query, self._query = self._query, None
        if query is not None:
            query.close()

    def renew(self) -> None:
        self.rest()


def adapters(
    engines: Values, dedicated: Values, installed: tuple[tuple[str, int | None], ...]
) -> tuple[GpuSample, ...]:
    """A card is as busy as its busiest kind of engine, each of which works for many processes.

    ``installed`` are names and sizes of the cards; which is which is known only of a single one. Windows counts a
    renderer without hardware as an adapter too: it holds no memory.
    """
    busy: dict[str, dict[str, float]] = {}
    for instance, value in engines.items():
        luid, kind = _LUID.search(instance), _ENGINE_TYPE.search(instance)
        if luid and kind:
            kinds = busy.setdefault(_key(luid), {})
            kinds[kind[1]] = kinds.get(kind[1], 0.0) + value
    used = {_key(luid): int(value) for instance, value in dedicated.items() if (luid := _LUID.search(instance))}
    cards = sorted(key for key, held in used.items() if held > 0) or sorted(used)[: len(installed)]
    is_certain = len(cards) == len(installed) == 1
    name, total = installed[0] if is_certain else ("GPU", None)
    return tuple(
        GpuSample(name, min(100.0, round(max(busy[key].values()), 1)) if key in busy else None, used[key], total)
        for key in cards
    )


def held_by(processes: Values, pid: int) -> int | None:
    """Bytes that a process holds on all cards, None when no counter speaks of it."""
    found = [value for instance, value in processes.items() if (match := _PID.match(instance)) and int(match[1]) == pid]
    return int(sum(found)) if found else None


def process_bytes(pid: int) -> int | None:
    """What a process holds on all cards, as the counters say now; None where they do not."""
    if sys.platform == "win32":
        query = _Query(PROCESSES)
        try:
            return held_by(query.read()[PROCESSES], pid)
        finally:
            query.close()
    else:
        return None


def _key(luid: re.Match[str]) -> str:
    return luid[0].lower().partition("_phys_")[0]


def _installed() -> tuple[tuple[str, int | None], ...]:
    """Names and bytes of the display adapters, from the registry."""
    if sys.platform != "win32":
        return ()
    else:
        import winreg

        def value(key: winreg.HKEYType, name: str) -> object:
            try:
                return winreg.QueryValueEx(key, name)[0]
            except OSError:
                return None

        found: list[tuple[str, int | None]] = []
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _DISPLAY_CLASS) as parent:
            for number in range(32):
                try:
                    with winreg.OpenKey(parent, f"{number:04}") as key:
                        size = value(key, "HardwareInformation.qwMemorySize")
                        if isinstance(size, int):
                            found.append((str(value(key, "DriverDesc") or "GPU"), size))
                except OSError:
                    break
        return tuple(found)


class _Item(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W with a double."""

    _fields_ = (("name", ctypes.c_wchar_p), ("status", ctypes.c_uint32), ("value", ctypes.c_double))


class _Query:
    """A PDH query of some counters; a counter that this Windows does not have is empty."""

    def __init__(self, *paths: str) -> None:
        self._pdh: Any = ctypes.WinDLL("pdh.dll")  # type: ignore[attr-defined,unused-ignore]
        self._handle = ctypes.c_void_p()
        self._pdh.PdhOpenQueryW(None, None, ctypes.byref(self._handle))
        self._counters: dict[str, ctypes.c_void_p] = {}
        for path in paths:
            counter = ctypes.c_void_p()
            if self._pdh.PdhAddEnglishCounterW(self._handle, path, None, ctypes.byref(counter)) == 0:
                self._counters[path] = counter
        self._paths = paths

    def read(self) -> dict[str, Values]:
        self._pdh.PdhCollectQueryData(self._handle)
        return {path: self._values(path) for path in self._paths}

    def close(self) -> None:
        self._pdh.PdhCloseQuery(self._handle)

    def _values(self, path: str) -> Values:
        counter = self._counters.get(path)
        size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        if counter is None:
            return {}

        def ask(buffer: Any) -> int:
            arguments = counter, _DOUBLE, ctypes.byref(size), ctypes.byref(count), buffer
            return int(self._pdh.PdhGetFormattedCounterArrayW(*arguments)) & 0xFFFFFFFF

        if ask(None) != _MORE_DATA:
            return {}
        buffer = ctypes.create_string_buffer(size.value)
        if ask(buffer) != 0:
            return {}
        items = ctypes.cast(buffer, ctypes.POINTER(_Item))
        return {items[index].name: items[index].value for index in range(count.value) if items[index].status == 0}
