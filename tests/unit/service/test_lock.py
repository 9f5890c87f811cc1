import os
from pathlib import Path

import pytest

from dmr_desktop.service.lock import LockHeld, ProcessLock
from dmr_desktop.service.store_owner import StoreInUse, StoreOwner
from dmr_desktop.store.layout import Layout


def test_only_one_holds_it_and_the_other_learns_who(tmp_path: Path) -> None:
    path = tmp_path / "service.lock"
    first, second = ProcessLock(path), ProcessLock(path)
    first.take("process 1, /run/x.sock")
    with pytest.raises(LockHeld) as caught:
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
    lock = ProcessLock(path)
    lock.take("me")
    assert path.read_text() == "me\n"
    lock.release()


def test_no_place_for_a_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file"):
        ProcessLock(tmp_path / "file" / "service.lock").take("me")


def test_a_lock_that_cannot_be_is_not_one_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(fd: int) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("dmr_desktop.service.lock.try_lock", refuses)
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No locks available"):
        ProcessLock(tmp_path / "service.lock").take("me")
    assert len(os.listdir("/proc/self/fd")) == open_before


# ---- the store's ---------------------------------------------------------------------------------


def store(tmp_path: Path) -> Path:
    Layout(tmp_path / "models").open()
    return tmp_path / "models"


def test_a_store_has_one_owner_who_is_named(tmp_path: Path) -> None:
    root = store(tmp_path)
    first, second = StoreOwner(root, Path("/run/one.sock")), StoreOwner(root, Path("/run/two.sock"))
    first.take()
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}, /run/one.sock") as caught:
        second.take()
    assert str(root) in caught.value.message
    assert "MODEL_RUNNER_HOST=unix:///run/one.sock dmr stop" in caught.value.hint
    assert "--models-path" in caught.value.hint
    first.release()
    second.take()
    second.release()


def test_emptying_the_store_lets_nobody_in(tmp_path: Path) -> None:
    root = store(tmp_path)
    owner = StoreOwner(root, Path("/run/one.sock"))
    owner.take()
    Layout(root).clear()
    with pytest.raises(StoreInUse):
        StoreOwner(root, Path("/run/two.sock")).take()
    owner.release()
    Layout(root).open()  # what is left of it is a store's own


def test_another_way_to_the_same_folder_is_the_same_folder(tmp_path: Path) -> None:
    root = store(tmp_path)
    (tmp_path / "link").symlink_to(root)
    owner = StoreOwner(root, Path("/run/one.sock"))
    owner.take()
    with pytest.raises(StoreInUse):
        StoreOwner(tmp_path / "link", Path("/run/two.sock")).take()
    owner.release()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_store_that_cannot_be_written_is_served_all_the_same(tmp_path: Path) -> None:
    root = store(tmp_path)
    root.chmod(0o500)
    try:
        StoreOwner(root, Path("/run/one.sock")).take()
    finally:
        root.chmod(0o700)


def test_a_folder_without_locks_is_served_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(fd: int) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("dmr_desktop.service.lock.try_lock", refuses)
    StoreOwner(store(tmp_path), Path("/run/one.sock")).take()
    assert "No locks available" in caplog.text
