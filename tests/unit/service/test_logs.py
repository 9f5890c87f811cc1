import asyncio
import errno
import logging
import os
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from dmr_desktop.protocol.runners import Mode, RunnerKey
from dmr_desktop.service import logs as logs_module
from dmr_desktop.service.logs import ENGINE_LOG, SERVICE_LOG, Logs

KEY = RunnerKey("llama.cpp", "sha256:a", Mode.COMPLETION)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    found = Logs(tmp_path / "logs")
    found.open("info", to_stderr=False)
    yield found
    found.close()


def test_both_logs_are_merged_by_time(logs: Logs, tmp_path: Path) -> None:
    say = logs.for_runner(KEY, "ai/x")
    logging.getLogger("dmr_desktop.a").info("one")
    say("two")
    logging.getLogger("dmr_desktop.b").warning("three")
    texts = [line.partition("] ")[2] for line in logs.lines(with_engines=True)]
    assert texts == ["one", "[ai/x] two", "WARNING: three"]
    assert [line.partition("] ")[2] for line in logs.lines(with_engines=False)] == ["one", "WARNING: three"]
    for name in (SERVICE_LOG, ENGINE_LOG):
        assert (tmp_path / "logs" / name).stat().st_mode & 0o077 == 0


def test_nothing_can_forge_a_line(logs: Logs) -> None:
    logging.getLogger("dmr_desktop.a").info("model %s", "x\n[2026-01-01T00:00:00Z] forged\x1b[31m")
    assert len(logs.lines(with_engines=False)) == 1


def test_a_traceback_stays_with_its_line(logs: Logs) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("dmr_desktop.a").exception("bad")
    logs.for_runner(KEY, "ai/x")("after")
    lines = logs.lines(with_engines=True)
    assert "bad" in lines[0]
    assert lines[-2].endswith("ZeroDivisionError")
    assert lines[-1].endswith("after")


def test_only_the_end_of_a_large_log_is_shown(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "MAX_SHOWN_BYTES", 1000)
    for number in range(100):
        logging.getLogger("dmr_desktop.a").info("line %d", number)
    lines = logs.lines(with_engines=False)
    assert lines[-1].endswith("line 99")
    assert all(line.startswith("[2") for line in lines)
    assert len(lines) < 40


async def test_followers_get_what_is_logged(logs: Logs) -> None:
    with logs.follow(with_engines=True) as everything, logs.follow(with_engines=False) as service_only:
        logs.for_runner(KEY, "ai/x")("engine line")
        logging.getLogger("dmr_desktop.a").info("service line")
        assert [line[-11:] for line in await service_only.fetch()] == ["ervice line"]
        found = await everything.fetch()
        assert len(found) == 2
        logs.end_following()
        assert await everything.fetch() == []
        assert everything.is_over


async def test_a_follower_gets_the_last_lines_before_the_end(logs: Logs) -> None:
    with logs.follow(with_engines=False) as follower:
        logging.getLogger("dmr_desktop.a").info("stopping")
        await asyncio.sleep(0)
        logs.end_following()
        assert [line[-8:] for line in await follower.fetch()] == ["stopping"]
        assert await follower.fetch() == []


def test_without_a_log_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Logs(tmp_path / "none").lines(with_engines=True)


def test_a_full_disk_does_not_spoil_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unclosed: list[RotatingFileHandler] = []

    def close(handler: RotatingFileHandler) -> None:
        unclosed.append(handler)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = list(logging.getLogger().handlers)
    logs = Logs(tmp_path / "logs")
    logs.open("info", to_stderr=False)
    assert logging.getLogger().handlers != before
    with monkeypatch.context() as patched:
        patched.setattr(RotatingFileHandler, "close", close)
        logs.close()
    assert logging.getLogger().handlers == before
    assert unclosed
    for handler in unclosed:
        handler.close()
