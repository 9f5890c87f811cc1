"""The cadence of progress lines."""

from types import SimpleNamespace

import pytest

from dmr_desktop.protocol.models import Progress
from dmr_desktop.store import progress
from dmr_desktop.store.manifest import GGUF, Descriptor
from dmr_desktop.store.progress import LayerProgress

MIB = 1 << 20
LAYER = Descriptor(GGUF, "sha256:" + "a" * 64, 10 * MIB)


def test_first_then_every_mebibyte_or_tenth_of_a_second_and_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    heard: list[Progress] = []
    shown = LayerProgress(LAYER, 11 * MIB, heard.append, "Downloaded")
    shown.at(0)
    shown.at(1000)
    shown.at(MIB - 1)
    shown.at(MIB)
    now[0] += 0.125
    shown.at(MIB)
    shown.at(MIB + 5)
    shown.at(MIB + 6)
    shown.at(10 * MIB)
    shown.at(10 * MIB)
    assert [line.layer_current for line in heard] == [0, MIB, MIB + 5, 10 * MIB]
    assert heard[-1] == Progress("progress", "Downloaded: 10.00 MB", 11 * MIB, LAYER.digest, 10 * MIB, 10 * MIB)


def test_starting_again_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 5.0))
    heard: list[Progress] = []
    shown = LayerProgress(LAYER, 10 * MIB, heard.append, "Downloaded")
    shown.at(9 * MIB)
    shown.at(0)
    assert [line.layer_current for line in heard] == [9 * MIB, 0]
