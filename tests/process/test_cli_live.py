"""The command line and the real service together: what a user types in the first hour."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dmr_desktop.settings import asset
from tests.fakes.faulty_registry import FaultyRegistry, on_blobs, stall_after

pytestmark = pytest.mark.slow

needs_demo = pytest.mark.skipif(not asset("demo/demo.gguf").is_file(), reason="the demo model is not in this tree")


@dataclass(frozen=True)
class Shell:
    environment: dict[str, str]

    def run(self, *words: str, stdin: str = "", code: int = 0) -> "Output":
        result = subprocess.run(
            [sys.executable, "-m", "dmr_desktop", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert result.returncode == code, f"{words}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return Output(result.stdout, result.stderr)


@dataclass(frozen=True)
class Output:
    out: str
    err: str


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A user of their own, without a display; their service is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="dmr") as home:
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")}
        port = str(free_port())
        shell = Shell(
            keep | {"HOME": home, "XDG_RUNTIME_DIR": home, "MODELS_PATH": f"{home}/models", "MODEL_RUNNER_PORT": port}
        )
        yield shell
        shell.run("stop")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_service_comes_is_seen_and_goes(shell: Shell) -> None:
    assert "not running" in shell.run("status", code=1).out
    assert json.loads(shell.run("status", "--json", code=1).out)["running"] is False
    assert "started" in shell.run("serve", "--detach").out
    assert "already running" in shell.run("serve", "-d").out
    assert "DMR Desktop is running" in shell.run("status").out
    assert json.loads(shell.run("status", "--json").out)["running"] is True
    assert "(not reachable)" not in shell.run("version").out
    assert shell.run("ps").out.split() == ["MODEL", "NAME", "BACKEND", "MODE", "UNTIL"]
    assert "Models" in shell.run("df").out
    assert "serves" in shell.run("logs").out
    assert "has stopped" in shell.run("stop").out
    assert "not running" in shell.run("ls", code=1).err
    assert "started" in shell.run("serve", "--detach").out


def test_tcp_opens_closes_and_is_remembered(shell: Shell) -> None:
    port = int(shell.environment["MODEL_RUNNER_PORT"])
    url = f"http://localhost:{port}"
    said = shell.run("enable", "--tcp").out
    assert f"{url}/engines/llama.cpp/v1" in said
    assert httpx.get(f"{url}/engines/llama.cpp/v1/models", trust_env=False).json()["object"] == "list"
    remote = Shell(shell.environment | {"MODEL_RUNNER_HOST": f"localhost:{port}"})
    assert "running" in remote.run("status").out
    shell.run("stop")
    shell.run("serve", "--detach")
    assert f"on, {url}" in shell.run("status").out
    shell.run("disable")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = shell.run("enable", "--tcp", str(taken.getsockname()[1]), code=1)
    assert "Port in use:" in refused.err
    assert f"(process {os.getpid()})" in refused.err
    assert "→" in refused.err


def test_a_model_is_packaged_tagged_inspected_and_removed(shell: Shell, tmp_path: Path) -> None:
    from dmr_desktop.engine.tiny_model import write_tiny_model

    shell.run("serve", "--detach")
    write_tiny_model(tmp_path / "tiny.gguf")
    shell.run("package", "--gguf", str(tmp_path / "tiny.gguf"), "--context-size", "1024", "me/tiny:v1")
    shell.run("tag", "me/tiny:v1", "other")
    names = {line.split()[0] for line in shell.run("ls").out.splitlines()}
    assert {"me/tiny:v1", "other"} <= names
    found = json.loads(shell.run("inspect", "me/tiny:v1").out)
    assert found["config"]["context_size"] == 1024
    assert shell.run("ls", "-q", "other").out.strip() == found["id"].removeprefix("sha256:")[:12]
    assert [entry["id"] for entry in json.loads(shell.run("ls", "--json", "other").out)] == [found["id"]]
    assert "Untagged: docker.io/me/tiny:v1" in shell.run("rm", "me/tiny:v1").out
    assert "Deleted: sha256:" in shell.run("rm", "other").out
    assert "no such model: other" in shell.run("rm", "other", code=1).err
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF but not really")
    assert "Traceback" not in shell.run("package", "--gguf", str(bad), "bad", code=1).err


@needs_demo
def test_a_question_is_answered_in_a_pipe(shell: Shell) -> None:
    shell.run("serve", "--detach")
    answer = shell.run("run", "dmr.local/demo", "How do I turn on TCP access?", "--temperature", "0")
    assert "TCP host access" in answer.out
    assert answer.err == ""
    assert (
        shell.run("run", "dmr.local/demo", "--temperature", "0", stdin="How do I turn on TCP access?\n").out
        == answer.out
    )
    assert "dmr.local/demo" in shell.run("ps").out
    assert shell.run("unload", "dmr.local/demo").out == "Unloaded 1 model(s).\n"
    assert shell.run("unload", "--all").out == "No models are running.\n"
    shell.run("run", "-d", "dmr.local/demo")
    assert "dmr.local/demo" in shell.run("ps").out


@needs_demo
def test_quickstart_does_it_all_and_again(shell: Shell) -> None:
    port = shell.environment["MODEL_RUNNER_PORT"]
    first = shell.run("quickstart").out
    assert "started" in first
    assert "TCP host access" in first
    assert f"http://localhost:{port}/engines/llama.cpp/v1" in first
    assert "ChatDMR" in first
    assert "there is no display" in first
    second = shell.run("quickstart").out
    assert "is running" in second
    strip = re.compile(r"^✓ Service.*\n", re.MULTILINE)
    assert strip.sub("", second) == strip.sub("", first)


@needs_demo
def test_quickstart_goes_on_when_the_port_is_taken(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(shell.environment["MODEL_RUNNER_PORT"])))
        taken.listen()
        said = shell.run("quickstart")
    assert f"(process {os.getpid()})" in said.err
    assert "Going on with the Unix socket" in said.err
    assert "TCP host access" in said.out.partition("TCP access?")[2]
    assert "socket_path=" in said.out


def test_an_interrupted_pull_says_so_and_resumes(shell: Shell) -> None:
    weights = hashlib.shake_128(b"weights").digest(6 << 20)
    shell.run("serve", "--detach")
    with FaultyRegistry() as registry:
        registry.add_model("v1", weights)
        registry.faults.append(on_blobs(stall_after(4 << 20), times=1, only=weights))
        name = f"{registry.host}/me/x:v1"
        with subprocess.Popen(
            [sys.executable, "-m", "dmr_desktop", "pull", name],
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as pull:
            assert pull.stdout is not None
            assert pull.stdout.readline().startswith("Downloaded ")
            while registry.blob_bytes_sent(weights) < 4 << 20:
                assert pull.poll() is None
            pull.send_signal(signal.SIGINT)
            _, said = pull.communicate(timeout=30)
        assert pull.returncode == 130
        assert "are kept" in said
        assert f"→ `dmr pull {name}` goes on from there" in said
        assert "Traceback" not in said
        done = shell.run("pull", name)
        assert done.out.splitlines()[-1] == "Model pulled successfully"
        assert [
            exchange.range_start > 0 for exchange in registry.requests_for("/blobs/") if exchange.blob == weights
        ] == [
            False,
            True,
        ]
        assert shell.run("pull", name).out.startswith("Using cached model")
        missing = shell.run("pull", f"{registry.host}/me/x:none", code=1)
    assert missing.err.startswith("Model not found: ")
    assert "→ check the name" in missing.err
