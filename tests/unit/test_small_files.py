"""What is in the place of a file of settings or state: whatever it is, it is told in one line and nothing hangs."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dmr_desktop.client.contexts import read_contexts
from dmr_desktop.protocol.errors import DMRError, StoreError
from dmr_desktop.service.switch_file import read_switch, write_switch
from dmr_desktop.settings import SettingsError, load_settings, read_small_file
from dmr_desktop.store.store import ModelStore


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


IN_THE_WAY: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a gigabyte": _sparse,
    "a socket": _socket,
}
in_the_way = pytest.mark.parametrize("put", IN_THE_WAY.values(), ids=IN_THE_WAY.keys())


@in_the_way
def test_what_is_no_small_file(tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    put(Path("x"))
    with pytest.raises(OSError, match=r".") as refused:
        read_small_file(Path("x"))
    assert not isinstance(refused.value, FileNotFoundError)


def test_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_small_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_small_file(path, 4)
    with pytest.raises(FileNotFoundError):
        read_small_file(tmp_path / "none")


@in_the_way
def test_settings(tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("config.toml"))
    with pytest.raises(SettingsError, match=r"config\.toml cannot be read"):
        load_settings({"DMR_CONFIG_DIR": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "{[", "[]", "7", '{"enabled": 1, "port": 2}', '{"enabled": true}', "[" * 100_000])
def test_a_switch_that_says_nothing_usable_is_off(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tcp.json"
    path.write_text(text)
    assert read_switch(path, "TCP") is None


@in_the_way
def test_a_switch(tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("tcp.json"))
    assert read_switch(Path("tcp.json"), "TCP") is None


def test_a_switch_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "tcp.json"
    assert read_switch(path, "TCP") is None
    write_switch(path, "TCP", {"enabled": True, "port": 1234, "origins": ["*"]})
    assert read_switch(path, "TCP") == {"enabled": True, "port": 1234, "origins": ["*"]}
    write_switch(tmp_path / "none" / "tcp.json", "TCP", {})  # only logged


@in_the_way
@pytest.mark.parametrize("name", ["layout.json", "models.json"])
def test_a_store(tmp_path: Path, put: Callable[[Path], None], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ModelStore(tmp_path)
    Path(name).unlink(missing_ok=True)
    put(Path(name))
    with pytest.raises(StoreError):
        ModelStore(tmp_path).list()


@in_the_way
def test_contexts(tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("contexts.json"))
    with pytest.raises(DMRError, match="cannot be read"):
        read_contexts(Path("contexts.json"))
