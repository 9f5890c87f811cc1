"""The question is asked once per build and CPU, and every answer leads to the right start."""

import json
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import RunnerStartFailed
from dmr_desktop.runner import cpu_check
from dmr_desktop.runner.cpu_check import CpuVerdict, check_cpu


class Children:
    """Plays the self-test's processes: what happens with and without the matrix unit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, plain: str | None, without_amx: str | None) -> None:
        self.started: list[tuple[str, ...]] = []
        self._answers = {(): plain, ("--refuse-amx",): without_amx}
        monkeypatch.setattr(cpu_check, "_self_test", self.run)

    def run(self, *options: str) -> str | None:
        self.started.append(options)
        return self._answers[options]


def test_a_good_build_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    children = Children(monkeypatch, None, None)
    assert check_cpu(tmp_path / "state") is CpuVerdict.FINE
    assert check_cpu(tmp_path / "state") is CpuVerdict.FINE
    assert children.started == [()]


def test_a_build_that_dies_of_amx_runs_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    children = Children(monkeypatch, "exit code -4", None)
    for _ in range(2):
        assert check_cpu(tmp_path) is CpuVerdict.REFUSE_AMX
    assert children.started == [(), ("--refuse-amx",)]


def test_a_broken_build_is_refused_and_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    children = Children(monkeypatch, "exit code -4", "exit code -4")
    for _ in range(2):
        with pytest.raises(RunnerStartFailed, match="does not work on this computer") as caught:
            check_cpu(tmp_path)
        assert caught.value.evidence == "exit code -4"
    assert len(children.started) == 4


def test_another_build_is_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    children = Children(monkeypatch, None, None)
    check_cpu(tmp_path)
    monkeypatch.setattr(cpu_check, "_fingerprint", lambda: "another build")
    check_cpu(tmp_path)
    assert len(children.started) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"fingerprint": 1, "verdict": "x"}', "\x00"])
def test_a_damaged_file_is_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    children = Children(monkeypatch, None, None)
    (tmp_path / "cpu-check.json").write_text(content)
    assert check_cpu(tmp_path) is CpuVerdict.FINE
    assert json.loads((tmp_path / "cpu-check.json").read_text())["verdict"] == "fine"
    assert len(children.started) == 1


def test_an_unwritable_place_only_costs_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Children(monkeypatch, None, None)
    (tmp_path / "file").write_text("")
    assert check_cpu(tmp_path / "file" / "below") is CpuVerdict.FINE
    assert check_cpu(None) is CpuVerdict.FINE
