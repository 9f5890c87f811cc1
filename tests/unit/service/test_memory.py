"""The machine's memory, and a container's smaller share of it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dmr_desktop.service import memory as memory_module
from dmr_desktop.service.memory import MachineMemory, ProcessMemory, available_ram

MIB = 1024 * 1024


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    (tmp_path / "memory.current").write_text(f"{300 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {100 * MIB}\ninactive_file {150 * MIB}\nactive_file {50 * MIB}\n")
    return tmp_path


def test_a_containers_limit_counts_less_what_it_cannot_drop(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text(f"{500 * MIB}\n")
    assert available_ram(cgroup) == 400 * MIB


@pytest.mark.parametrize("text", ["max\n", "", "?"])
def test_without_a_limit_the_machine_counts(cgroup: Path, text: str) -> None:
    (cgroup / "memory.max").write_text(text)
    assert available_ram(cgroup) > 0
    assert available_ram(cgroup / "none") > 0


def test_an_exhausted_container_has_nothing(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text(f"{50 * MIB}\n")
    assert available_ram(cgroup) == 0


def test_a_process_and_one_that_is_gone() -> None:
    memory = MachineMemory()
    assert memory.available() > 0
    assert memory.of_process(os.getpid()).private_bytes > MIB
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert memory.of_process(child.pid) == ProcessMemory()


def test_what_is_on_cards_counts_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 * MIB)
    unknown = SimpleNamespace(pid=os.getpid(), usedGpuMemory=None)
    other = SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=9 * MIB)
    driver = SimpleNamespace(
        NVMLError=OSError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetComputeRunningProcesses=lambda card: [mine, unknown, other] if card == 0 else [mine],
    )
    monkeypatch.setattr(memory_module, "nvml", driver)
    monkeypatch.setattr(memory_module, "uses_cards", lambda: True)
    found = MachineMemory().of_process(os.getpid())
    assert found.card_bytes == 6 * MIB
    assert found.private_bytes > 6 * MIB


def test_cards_that_llama_cpp_was_not_built_for_hold_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = SimpleNamespace(
        NVMLError=OSError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(free=1 << 50),
    )
    monkeypatch.setattr(memory_module, "nvml", driver)
    monkeypatch.setattr(memory_module, "uses_cards", lambda: False)
    assert MachineMemory().available() < 1 << 50
    monkeypatch.setattr(memory_module, "uses_cards", lambda: True)
    assert MachineMemory().available() >= 1 << 50
