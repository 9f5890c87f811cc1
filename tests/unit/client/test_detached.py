import sys
from pathlib import Path

from dmr_desktop.client import detached
from dmr_desktop.client.detached import start_detached


def run(code: str, log: Path) -> detached.Detached:
    started = start_detached([sys.executable, "-c", code], log)
    started.process.wait(30)
    return started


def test_a_process_of_its_own_session_with_its_words_in_a_private_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "service.out"
    first = run("import os; print(os.getsid(0) == os.getpid())", log)
    assert first.has_ended
    assert first.last_output() == "True"
    second = run("print('a\\nb\\nc')", log)
    assert second.last_output(2) == "b\nc"
    assert log.read_text().startswith("True\n")
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_a_log_that_has_grown_long_starts_afresh(tmp_path: Path) -> None:
    log = tmp_path / "service.out"
    log.write_bytes(b"x" * (detached.MAX_LOG_BYTES + 1))
    assert run("print('new')", log).last_output() == "new"
    assert log.read_text() == "new\n"
    assert (tmp_path / "service.out.old").stat().st_size == detached.MAX_LOG_BYTES + 1


def test_no_log_no_words(tmp_path: Path) -> None:
    started = run("print('x')", tmp_path / "service.out")
    (tmp_path / "service.out").unlink()
    assert started.last_output() == ""
