import os
import sys
from pathlib import Path

import pytest

from dmr_desktop.engine import cores

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own files")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cores with two hyper-threads each, no quota."""
    for cpu in range(8):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    monkeypatch.setattr(cores, "_CPUS", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    return tmp_path


def test_hyper_threads_do_not_count(machine: Path) -> None:
    assert cores.physical_cores() == 4
    assert cores.default_threads() == 3


def test_only_allowed_cores_count(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 4, 1})
    assert cores.physical_cores() == 2
    assert cores.default_threads() == 2


@pytest.mark.parametrize(("quota", "count"), [("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4)])
def test_a_container_s_quota_counts(machine: Path, quota: str, count: int) -> None:
    (machine / "cpu.max").write_text(quota)
    assert cores.physical_cores() == count


def test_a_machine_that_tells_nothing(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_CPUS", machine / "none")
    monkeypatch.setattr(cores, "_QUOTA", machine / "none")
    assert cores.physical_cores() == 8


class Stat:
    """A clock and a ``/proc/stat`` that a test turns."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.now, self.ours = path, 100.0, 5.0
        self.set(nice=0, idle=0)
        monkeypatch.setattr(cores, "_STAT", path)
        monkeypatch.setattr(cores, "monotonic", lambda: self.now)
        monkeypatch.setattr(cores, "process_time", lambda: self.ours)

    def set(self, *, nice: int, idle: int) -> None:
        self.path.write_text(f"cpu  777 {nice} 888 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")


def test_free_cores_are_the_idle_ones_and_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Stat(tmp_path / "stat", monkeypatch)
    free = cores.FreeCores()
    stat.now += 2
    stat.ours += 1.0
    stat.set(nice=50, idle=150)
    assert free() == cores.Supply(sure=(1.5 + 1.0) / 2, likely=(0.5 + 1.5 + 1.0) / 2)
    stat.now += 1
    assert free() == cores.Supply(0, 0)


def test_what_was_before_a_restart_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Stat(tmp_path / "stat", monkeypatch)
    free = cores.FreeCores()
    stat.now += 60
    stat.set(nice=100, idle=6000)
    free.restart()
    stat.now += 1
    stat.ours += 1.5
    assert free() == cores.Supply(1.5, 1.5)


def test_free_cores_are_measured_over_a_tenth_of_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Stat(tmp_path / "stat", monkeypatch)
    free = cores.FreeCores()
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        stat.now += 2 * seconds
        stat.set(nice=0, idle=40)

    monkeypatch.setattr(cores, "sleep", sleep)
    found = free()
    assert found is not None
    assert found.sure == pytest.approx(2)
    assert waited == [0.1]


@pytest.mark.parametrize("text", [None, "", "cpu\n", "cpu a b c d e f\n"])
def test_free_cores_where_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    path = tmp_path / "stat"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(cores, "_STAT", path)
    assert cores.FreeCores()() is None


def test_free_cores_of_this_machine_are_no_more_than_it_has() -> None:
    free = cores.FreeCores()()
    assert free is None or 0 <= free.sure <= free.likely <= (os.cpu_count() or 1) + 0.5
