"""The graphics cards of this machine, whoever made them. What a driver does not tell is None, never 0.

``DMR_FAKE_GPU`` names a JSON file with a list of :class:`~dmr_desktop.protocol.notices.GpuSample` instead, read anew
each time: for tests and pictures on machines without a card.
"""

import json
import os
import sys
from pathlib import Path
from typing import Protocol

from dmr_desktop.protocol import wire
from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service.gpu_amd import AmdGpus
from dmr_desktop.service.gpu_apple import AppleGpus
from dmr_desktop.service.gpu_nvidia import NvidiaGpus
from dmr_desktop.service.gpu_windows import WindowsGpus


class GpuSource(Protocol):
    """Cards of one kind. ``sample`` blocks for milliseconds and never raises; after ``rest`` it may be asked again."""

    def sample(self) -> tuple[GpuSample, ...]: ...

    def rest(self) -> None:
        """Lets go of the driver, so that a card may fall asleep."""

    def renew(self) -> None:
        """Forgets which cards there are and that there was no driver: the next ``sample`` looks anew."""


class Gpus:
    """All cards, those of the first source first."""

    def __init__(self, sources: tuple[GpuSource, ...] | None = None) -> None:
        self._sources = sources_of(sys.platform) if sources is None else sources

    def sample(self) -> tuple[GpuSample, ...]:
        return tuple(gpu for source in self._sources for gpu in source.sample())

    def rest(self) -> None:
        for source in self._sources:
            source.rest()

    def renew(self) -> None:
        for source in self._sources:
            source.renew()


def sources_of(platform: str) -> tuple[GpuSource, ...]:
    """``platform`` as of ``sys.platform``."""
    if path := os.environ.get("DMR_FAKE_GPU"):
        return (FakeGpus(Path(path)),)
    match platform:
        case "darwin":
            return (AppleGpus(),)
        case "win32":
            return (_FirstOf(NvidiaGpus(), WindowsGpus()),)
    return (NvidiaGpus(), AmdGpus())


class FakeGpus:
    """Cards that a file describes; none while it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sample(self) -> tuple[GpuSample, ...]:
        try:
            return tuple(wire.load(GpuSample, item) for item in json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return ()

    def rest(self) -> None:
        """Nothing is held."""

    def renew(self) -> None:
        """Nothing is remembered."""


class _FirstOf:
    """The first source that finds a card: on Windows the system's counters know NVIDIA's cards too."""

    def __init__(self, *sources: GpuSource) -> None:
        self._sources = sources

    def sample(self) -> tuple[GpuSample, ...]:
        return next((found for source in self._sources if (found := source.sample())), ())

    def rest(self) -> None:
        for source in self._sources:
            source.rest()

    def renew(self) -> None:
        for source in self._sources:
            source.renew()
