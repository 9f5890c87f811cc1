"""Which secret belongs to which registry."""

import base64
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.store.credentials import HUB_KEY, Credential, find_credential, read_docker_config


def find(
    registry: str, config: Any = None, environ: dict[str, str] | None = None, token: str | None = None
) -> Credential | None:
    return find_credential(registry, bearer_token=token, environ=environ or {}, config=config or {})


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_the_callers_token_comes_first() -> None:
    config = {"auths": {"r.example": auth("me:secret")}}
    found = find("r.example", config, token="t")
    assert found == Credential("", "t")
    assert found.is_token


def test_the_environment_is_for_docker_hub_only() -> None:
    environ = {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "secret"}
    assert find("docker.io", environ=environ) == Credential("me", "secret")
    assert find("docker.io", environ={"DOCKER_HUB_USER": "me", "DOCKER_HUB_PASSWORD": "p"}) == Credential("me", "p")
    assert find("docker.io", environ={"DOCKER_USERNAME": "me"}) is None
    assert find("r.example", environ=environ) is None


@pytest.mark.parametrize(
    "key", [HUB_KEY, "https://index.docker.io/v1", "docker.io", "registry-1.docker.io", "index.docker.io"]
)
def test_every_spelling_of_docker_hub(key: str) -> None:
    assert find("docker.io", {"auths": {key: auth("me:pass:word")}}) == Credential("me", "pass:word")


@pytest.mark.parametrize(
    "key", ["r.example:5000", "https://r.example:5000", "http://r.example:5000/v2/", "r.example:5000/"]
)
def test_spellings_of_another_registry(key: str) -> None:
    config = {"auths": {key: auth("me:secret")}}
    assert find("r.example:5000", config) == Credential("me", "secret")
    assert find("r.example", config) is None
    assert find("example:5000", config) is None
    assert find("docker.io", config) is None


def test_forms_of_an_entry() -> None:
    def entry(**fields: Any) -> Credential | None:
        return find("r.example", {"auths": {"r.example": fields}})

    assert entry(username="me", password="secret") == Credential("me", "secret")
    assert entry(identitytoken="t", auth="ignored") == Credential("", "t")
    for useless in (
        {},
        {"auth": "%%%"},
        {"auth": ""},
        {"auth": base64.b64encode(b"\xff\xfe").decode()},
        {"auth": 5},
        auth("nocolon"),
    ):
        assert entry(**useless) is None
    assert Credential("me", "secret").basic == base64.b64encode(b"me:secret").decode()


@pytest.mark.parametrize("config", [{"auths": []}, {"auths": {"r.example": 5}}, {"credHelpers": 5}, {"credsStore": 5}])
def test_nonsense_in_the_file_means_anonymous(config: Any) -> None:
    assert find("r.example", config) is None


def helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper(tmp_path, "good", 'read key; echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"for $key\\"}"')
    helper(tmp_path, "token", 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"t\\"}"')
    helper(tmp_path, "fails", "exit 1")
    helper(tmp_path, "babbles", "echo hello")
    helper(tmp_path, "empty", 'echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"\\"}"')
    assert find("docker.io", {"credsStore": "good"}) == Credential("me", f"for {HUB_KEY}")
    assert find("r.example", {"credHelpers": {"r.example": "token"}, "credsStore": "good"}) == Credential("", "t")
    for useless in ("fails", "babbles", "empty", "missing", "../../evil", "a;b", "", "A"):
        config = {"credsStore": useless, "auths": {"r.example": auth("me:file")}}
        assert find("r.example", config) == Credential("me", "file")


def test_a_helper_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("dmr_desktop.store.credentials._HELPER_SECONDS", 0.05)
    helper(tmp_path, "hangs", "exec sleep 30")
    assert find("r.example", {"credsStore": "hangs"}) is None


# ---- the file ------------------------------------------------------------------------------------


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that ``docker login`` writes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    return tmp_path / ".docker" / "config.json"


def test_where_the_file_is(docker: Path, tmp_path: Path) -> None:
    assert read_docker_config({}) == {}
    docker.write_text('{"auths": {"home": {}}}')
    assert read_docker_config({}) == {"auths": {"home": {}}}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"auths": {"other": {}}}')
    assert read_docker_config({"DOCKER_CONFIG": str(tmp_path / "other")}) == {"auths": {"other": {}}}
    assert read_docker_config({"DOCKER_CONFIG": str(tmp_path / "nothing")}) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"a":1}' + b" " * (5 << 20)])
def test_a_file_that_is_no_use(docker: Path, content: bytes) -> None:
    docker.write_bytes(content)
    assert read_docker_config({}) == {}


def test_what_is_no_file_at_all(docker: Path) -> None:
    os.mkfifo(docker)
    assert read_docker_config({}) == {}  # at once: nobody ever writes to it
    docker.unlink()
    docker.mkdir()
    assert read_docker_config({}) == {}


def test_a_helper_whose_child_keeps_the_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("dmr_desktop.store.credentials._HELPER_SECONDS", 0.2)
    helper(tmp_path, "forks", "sleep 3 & wait")
    started = time.monotonic()
    assert find("r.example", {"credsStore": "forks"}) is None
    assert time.monotonic() - started < 2
