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
