"""The command line and the real service together: what a user types in the first hour."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dmr_desktop.settings import asset
from tests.fakes.faulty_registry import FaultyRegistry, on_blobs, stall_after
from tests.fakes.own_folder import own_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

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
    with own_folder() as folder:
        home = str(folder)
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
    assert shell.run("ps").out.split() == ["MODEL", "NAME", "BACKEND", "MODE", "UNTIL", "CONTEXT", "MEMORY"]
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


def test_docker_desktops_switch_and_web_pages(shell: Shell) -> None:
    port = shell.environment["MODEL_RUNNER_PORT"]
    url = f"http://localhost:{port}"
    page = {"Origin": "https://app.example.com"}
    said = shell.run("desktop", "enable", "model-runner", "--tcp", port, "--cors", "https://app.example.com").out
    assert f"TCP is open at {url}" in said
    assert "Web pages that may use it: https://app.example.com." in said
    answer = httpx.get(f"{url}/v1/models", headers=page, trust_env=False)
    assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
    assert httpx.get(url, headers={"Origin": "https://evil.example"}, trust_env=False).status_code == 403
    shell.run("stop")
    shell.run("serve", "--detach")
    assert httpx.get(f"{url}/v1/models", headers=page, trust_env=False).status_code == 200
    shell.run("enable", "--cors", "none")
    assert httpx.get(f"{url}/v1/models", headers=page, trust_env=False).status_code == 403
    assert "is not a web origin" in shell.run("enable", "--cors", "app.example.com", code=1).err
    shell.run("desktop", "disable", "model-runner")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_the_local_network_is_let_in_with_a_key_that_is_shown_once(shell: Shell) -> None:
    port = shell.environment["MODEL_RUNNER_PORT"]
    shell.environment["DMR_NETWORK_ADDRESSES"] = "127.0.0.3"  # in the place of one of a local network
    url = f"http://127.0.0.3:{port}"
    assert "goes with --lan" in shell.run("enable", "--new-key", code=1).err
    said = shell.run("enable", "--lan").out
    assert f"with the API key: {url}\n" in said
    key = key_in(said)
    assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 401
    assert httpx.get(f"{url}/v1/models", headers={"x-api-key": key}, trust_env=False).status_code == 200
    assert f"Network     on, {url} (with the API key)" in shell.run("status").out
    assert key not in shell.run("enable", "--lan").out
    other = Shell(shell.environment | {"MODEL_RUNNER_HOST": url, "DMR_API_KEY": key})
    assert f"Reached at  {url}" in other.run("status").out
    new = key_in(shell.run("enable", "--lan", "--new-key").out)
    assert new != key
    assert httpx.get(f"{url}/v1/models", headers={"x-api-key": key}, trust_env=False).status_code == 401
    assert "The local network is out" in shell.run("disable", "--lan").out
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    assert httpx.get(f"http://localhost:{port}", trust_env=False).status_code == 200


def key_in(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("API key   dmr-")).split()[-1]


def test_containers_are_let_in_by_a_door_of_their_own(shell: Shell) -> None:
    port = shell.environment["MODEL_RUNNER_PORT"]
    shell.environment["DMR_CONTAINER_ADDRESSES"] = "127.0.0.2"  # in the place of a bridge's address
    said = shell.run("enable", "--containers").out
    assert f"Containers reach the models at http://127.0.0.2:{port}" in said
    url = json.loads(shell.run("status", "--json").out)["endpoint"]
    assert url == f"http://127.0.0.2:{port}/v1/"
    assert httpx.get(f"{url}models", trust_env=False).status_code == 200
    assert httpx.delete(f"http://127.0.0.2:{port}/models/purge", trust_env=False).status_code == 403
    assert "Containers  on, http://127.0.0.2" in shell.run("status").out
    assert "Container access is closed." in shell.run("disable").out
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_model_travels_as_an_archive(shell: Shell, tmp_path: Path) -> None:
    from dmr_desktop.engine.tiny_model import write_tiny_model

    shell.run("serve", "--detach")
    write_tiny_model(tmp_path / "tiny.gguf")
    (tmp_path / "LICENSE").write_text("do what you like")
    shell.run("package", "--gguf", str(tmp_path / "tiny.gguf"), "-l", str(tmp_path / "LICENSE"), "me/tiny:v1")
    model_id = json.loads(shell.run("inspect", "me/tiny:v1").out)["id"]
    archive = str(tmp_path / "tiny.tar")
    shell.run("export", "me/tiny:v1", "-o", archive)
    shell.run("rm", "me/tiny:v1")
    loaded = shell.run("load", "-i", archive, "--tag", "me/again").out
    assert "Model loaded successfully" in loaded
    assert json.loads(shell.run("inspect", "me/again").out)["id"] == model_id
    assert "no such model" in shell.run("export", "me/none", "-o", archive, code=1).err
    assert Path(archive).stat().st_size > 0
    (tmp_path / "bad.tar").write_bytes(b"no tar")
    assert "Traceback" not in shell.run("load", "-i", str(tmp_path / "bad.tar"), code=1).err
    assert "sound" in shell.run("verify").out
    assert shell.run("prune", "--dry-run").out.strip()
    blob = next(path for path in Path(shell.environment["MODELS_PATH"]).rglob("blobs/sha256/*") if path.is_file())
    blob.chmod(0o600)
    with blob.open("r+b") as file:
        file.write(b"XXXX")
    damaged = shell.run("verify", code=1)
    assert blob.name[:12] in damaged.out
    assert "damaged" in damaged.out


def test_contexts_choose_the_service(shell: Shell) -> None:
    port = shell.environment["MODEL_RUNNER_PORT"]
    shell.run("enable", "--tcp", port)
    shell.run("context", "create", "near", "--host", f"http://localhost:{port}", "--description", "this one")
    shell.run("context", "create", "away", "--host", "http://127.0.0.1:9")
    assert "exists already" in shell.run("context", "create", "away", "--host", "http://x", code=1).err
    assert "not an address" in shell.run("context", "create", "odd", "--host", "ftp://x", code=1).err
    rows = [line.split() for line in shell.run("context", "ls").out.splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("default", "*"),
        ("away", "http://127.0.0.1:9"),
        ("near", "one"),
    ]
    shell.run("context", "use", "near")
    found = json.loads(shell.run("status", "--json").out)
    assert found["kind"] == "Docker Engine (Manual Install)"
    assert found["endpoint"] == f"http://localhost:{port}/v1/"
    shell.run("context", "use", "away")
    assert "no service answers at http://127.0.0.1:9" in shell.run("ls", code=1).err
    assert "is in use" in shell.run("context", "rm", "away", code=1).err
    shell.run("context", "use", "default")
    assert shell.run("context", "rm", "away", "near").out == "away\nnear\n"
    assert json.loads(shell.run("context", "inspect", "default").out)[0]["host"].startswith("unix://")


@needs_demo
def test_requests_are_followed(shell: Shell) -> None:
    shell.run("serve", "--detach")
    with subprocess.Popen(
        [sys.executable, "-m", "dmr_desktop", "requests", "--follow"],
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        try:
            assert follower.stdout.readline() == "Connected to request stream. Press Ctrl+C to stop.\n"
            shell.run("run", "dmr.local/demo", "How do I turn on TCP access?", "--max-tokens", "4")
            (entry,) = json.loads(follower.stdout.readline())
            follower.send_signal(signal.SIGINT)
            _, said = follower.communicate(timeout=30)
        finally:
            follower.kill()
    assert follower.returncode == 0
    assert "Traceback" not in said
    assert "How do I turn on TCP access?" in entry["records"][0]["request"]
    assert "can only be used with" in shell.run("requests", "--include-existing", code=1).err


@needs_demo
def test_a_short_benchmark(shell: Shell) -> None:
    shell.run("serve", "--detach")
    words = ["bench", "dmr.local/demo", "--concurrency", "1,2", "--duration", "1s", "--prompt", "What is a tag?"]
    levels = json.loads(shell.run(*words, "--json").out)
    assert [level["concurrency"] for level in levels] == [1, 2]
    assert all(level["tps"] > 0 and level["failed"] == 0 for level in levels)


def test_the_shells_complete(shell: Shell, tmp_path: Path) -> None:
    script = shell.run("completion", "bash").out
    command = (
        f'dmr() {{ {sys.executable} -m dmr_desktop "$@"; }}\n{script}\n'
        'COMP_WORDS=(dmr pu); COMP_CWORD=1; _dmr; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    said = subprocess.run(
        ["bash", "-c", command], env=shell.environment, capture_output=True, text=True, timeout=50, check=True
    )
    assert said.stdout.split() == ["pull", "push", "purge"]
    assert shell.run("__complete", "run", "").out.splitlines()[-1] == ":4"
    for name, words in (("fish", ["--no-execute"]), ("zsh", ["-n"])):
        program = shutil.which(name)
        if program is not None:
            (tmp_path / name).write_text(shell.run("completion", name).out)
            subprocess.run([program, *words, str(tmp_path / name)], check=True, timeout=50)
