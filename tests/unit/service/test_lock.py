from pathlib import Path

import pytest

from dmr_desktop.service.lock import AlreadyRunning, ServiceLock


def test_only_one_holds_it_and_the_other_learns_who(tmp_path: Path) -> None:
    path = tmp_path / "state" / "service.lock"
    first, second = ServiceLock(path), ServiceLock(path)
    first.take("process 1, /run/x.sock")
    with pytest.raises(AlreadyRunning, match="process 1") as caught:
        second.take("process 2, /run/x.sock")
    assert caught.value.holder == "process 1, /run/x.sock"
    first.release()
    second.take("2")
    assert path.read_text() == "2\n"
    second.release()
    second.release()


def test_what_a_dead_holder_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "service.lock"
    path.write_text("process 99999, a very long line of somebody who was killed\n")
    lock = ServiceLock(path)
    lock.take("me")
    assert path.read_text() == "me\n"
    lock.release()


def test_no_place_for_a_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file"):
        ServiceLock(tmp_path / "file" / "service.lock").take("me")
