"""The real docker client, without Docker Desktop and without an engine, runs ``docker model``.

And the same file run directly, with the arguments that Compose was seen to give it.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.settings import asset
from tests.fakes.faulty_registry import FaultyRegistry, on_blobs, stall_after
from tests.fakes.own_folder import own_folder
from tests.fixtures_live import DEMO, start_live_service, stop_live_service

DOCKER = shutil.which("docker")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(DOCKER is None, reason="there is no docker client"),
    pytest.mark.skipif(not asset("demo/demo.gguf").is_file(), reason="the demo model is not in this tree"),
]
ID = "sha256:"


def docker_version() -> int:
    """The client's major version; 0 without one."""
    if DOCKER is None:
        return 0
    said = subprocess.run([DOCKER, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.", said)
    return int(found[1]) if found else 0


needs_docker_25 = pytest.mark.skipif(docker_version() < 25, reason="older docker clients cannot do that with a plug-in")


@dataclass(frozen=True)
class Output:
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def messages(self) -> list[tuple[str, str]]:
        """What Compose reads."""
        return [(entry["type"], entry["message"]) for entry in map(json.loads, self.out.splitlines())]


@dataclass(frozen=True)
class Docker:
    environment: dict[str, str]
    port: int = 0

    @property
    def plugin(self) -> Path:
        return Path(self.environment["HOME"], ".docker", "cli-plugins", "docker-model")

    def docker(self, *words: str, stdin: str = "", code: int = 0) -> Output:
        assert DOCKER is not None
        return self._run([DOCKER, *words], stdin, code)

    def model(self, *words: str, stdin: str = "", code: int = 0) -> Output:
        return self.docker("model", *words, stdin=stdin, code=code)

    def direct(self, *words: str, code: int = 0) -> Output:
        """As Compose does it: the file itself, without ``model``."""
        return self._run([str(self.plugin), *words], "", code)

    def dmr(self, *words: str, code: int = 0) -> Output:
        return self._run([sys.executable, "-m", "dmr_desktop", *words], "", code)

    def _run(self, command: list[str], stdin: str, code: int) -> Output:
        result = subprocess.run(
            command, env=self.environment, input=stdin, capture_output=True, text=True, timeout=50, check=False
        )
        assert result.returncode == code, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr
        return Output(result.stdout, result.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """A running service with TCP on, and the plug-in installed for its user."""
    with own_folder("dmr-") as directory:
        port = free_port()
        service = start_live_service(directory, "--tcp", str(port))
        try:
            found = Docker(service.environment, port)
            found.dmr("plugin", "install")
            yield found
        finally:
            assert stop_live_service(service) == 0


@pytest.fixture
def alone() -> Iterator[Docker]:
    """The plug-in of a user who runs no service; one that a test starts is stopped in the end."""
    with own_folder("dmr-") as folder:
        home = str(folder)
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")}
        own = {"HOME": home, "XDG_RUNTIME_DIR": home, "MODELS_PATH": f"{home}/models"}
        port = free_port()
        found = Docker({**kept, **own, "MODEL_RUNNER_PORT": str(port)}, port)
        found.dmr("plugin", "install")
        yield found
        found.dmr("stop")


# ---- the plug-in itself ---------------------------------------------------------------------


def test_docker_knows_the_plugin_and_asks_it_fast(docker: Docker) -> None:
    assert "model*" in docker.docker("help").out
    assert "Invalid Plugins" not in docker.docker("help").out
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = docker.direct("docker-cli-plugin-metadata").json
        times.append(time.perf_counter() - start)
    assert found["SchemaVersion"] == "0.1.0"
    assert found["Vendor"]
    assert tuple(map(int, found["Version"].removeprefix("v").split("."))) >= (1, 0, 6)
    assert min(times) < 0.1


def test_help_comes_through_docker(docker: Docker) -> None:
    assert "docker model" in docker.docker("help", "model").out
    assert "docker model pull" in docker.model("pull", "--help").out


@needs_docker_25
def test_completion_comes_through_docker(docker: Docker) -> None:
    offered = docker.docker("__complete", "model", "pu").lines
    assert [line.split("\t")[0] for line in offered] == ["pull", "push", "purge", ":4"]
    assert DEMO in docker.docker("__complete", "model", "rm", "").lines
    assert "--follow" in docker.docker("__complete", "model", "logs", "--f").out


def test_dockers_own_options_come_first(docker: Docker) -> None:
    assert DOCKER is not None
    assert docker.docker("--log-level", "error", "model", "ls", "-q").out
    assert docker.direct("--config", "/nowhere", "-D", "model", "ls", "-q").out


def test_a_foreign_plugin_is_kept_and_comes_back(alone: Docker) -> None:
    directory = alone.plugin.parent
    alone.dmr("plugin", "uninstall")
    assert not alone.plugin.exists()
    alone.plugin.write_text("#!/bin/sh\necho theirs\n")
    assert "another program's" in alone.dmr("plugin", "install", code=1).err
    assert "another program's" in alone.dmr("plugin", "status", code=1).out
    assert "stays" in alone.dmr("plugin", "uninstall", code=1).err
    alone.dmr("plugin", "install", "--force")
    assert alone.dmr("plugin").out.startswith("Installed: ")
    alone.dmr("plugin", "install")
    assert sorted(path.name for path in directory.iterdir()) == ["docker-model", "kept.docker-model"]
    alone.dmr("plugin", "uninstall")
    assert alone.plugin.read_text() == "#!/bin/sh\necho theirs\n"


def test_a_program_that_is_gone_says_so(alone: Docker) -> None:
    text = alone.plugin.read_text()
    alone.plugin.write_text(text.replace(sys.executable, "/gone/python"))
    assert "no longer at /gone/python" in alone.model("ls", code=1).err
    assert alone.direct("docker-cli-plugin-metadata").json["Vendor"]


# ---- its commands ---------------------------------------------------------------------------


def test_status_in_both_forms(docker: Docker) -> None:
    lines = docker.model("status").lines
    assert lines[:2] == ["Docker Model Runner is running", ""]
    assert lines[2].split() == ["BACKEND", "STATUS", "DETAILS"]
    found = docker.model("status", "--json")
    assert found.out.count("\n") == 1
    assert found.json["running"] is True
    assert found.json["backends"]["llama.cpp"].startswith("Running")
    assert found.json["endpoint"] == f"http://localhost:{docker.port}/v1/"
    assert set(found.json) >= {"running", "backends", "kind", "endpoint", "endpointHost"}


def test_a_service_that_does_not_run(alone: Docker) -> None:
    said = alone.model("status", code=1)
    assert said.out == "Docker Model Runner is not running\n"
    assert "docker model serve --detach" in said.err
    assert alone.model("status", "--json").json["running"] is False
    assert "(not reachable)" in alone.model("version").out
    # As with Docker's own plug-in, what needs the runner starts it, and JSON stays JSON.
    assert isinstance(alone.model("ls", "--json").json, list)
    assert alone.model("status").lines[0] == "Docker Model Runner is running"


def test_looking_at_models(docker: Docker) -> None:
    lines = docker.model("ls").lines
    assert lines[0].split("  ")[0] == "MODEL NAME"
    assert any(line.startswith(f"{DEMO} ") for line in lines)
    (entry,) = docker.model("list", "--json", DEMO).json
    assert entry["tags"] == [f"{DEMO}:latest"]
    assert docker.model("ls", "-q").out == entry["id"].removeprefix(ID)[:12] + "\n"
    assert docker.model("ls", "--openai").json["data"][0]["id"] == f"{DEMO}:latest"
    table = docker.model("ls", "--openaiurl", f"http://localhost:{docker.port}/v1").lines
    assert table[0].split("  ")[0] == "MODEL NAME"
    assert table[1].startswith(f"{DEMO}:latest")
    assert docker.model("inspect", DEMO).json == entry
    assert docker.model("inspect", "--openai", DEMO).json["object"] == "model"
    assert docker.model("show", DEMO).lines[0] == f"Model:       {entry['id']}"
    missing = docker.model("inspect", "demoo", code=1)
    assert "no such model: demoo" in missing.err
    assert f"did you mean {DEMO}" in missing.err
    assert docker.model("fit", DEMO).lines[-1].startswith("It fits")
    assert docker.model("fit", "--json", "--context-size", "64", DEMO).json["fits"] is True
    assert docker.model("df").lines[0].split() == ["TYPE", "SIZE"]


def test_names_and_variants(docker: Docker) -> None:
    said = docker.model("tag", DEMO, "me/other:v1").out
    assert said == f'Model "{DEMO}" tagged successfully with "me/other:v1"\n'
    assert docker.model("rm", "me/other:v1").out == "Untagged: docker.io/me/other:v1\n"
    docker.model("package", "--from", DEMO, "--context-size", "512", "me/small")
    assert docker.model("inspect", "me/small").json["config"]["context_size"] == 512
    assert "Deleted: sha256:" in docker.model("rm", "-f", "me/small").out
    assert "no such model: me/small" in docker.model("rm", "me/small", code=1).err


def test_running_and_unloading(docker: Docker) -> None:
    answer = docker.model("run", DEMO, "How do I turn on TCP access?", "--temperature", "0")
    assert "TCP" in answer.out
    assert answer.err == ""
    url = f"http://localhost:{docker.port}/v1"
    elsewhere = docker.model("run", "--openaiurl", url, DEMO, "How do I turn on TCP access?", "--temperature", "0")
    assert elsewhere.out == answer.out
    assert docker.model("ps").lines[1].split()[:3] == [DEMO, "llama.cpp", "completion"]
    recorded = docker.model("requests", "--model", DEMO).json
    assert recorded[0]["records"][-1]["url"] == "/v1/chat/completions"
    assert docker.model("stop", DEMO).out == "Unloaded 1 model(s).\n"
    assert docker.model("unload", DEMO).out == "No such model(s) running.\n"
    assert docker.model("unload", "--all").out == "No models are running.\n"
    assert "which model?" in docker.model("unload", code=1).err
    assert docker.model("run", "-d", DEMO).out == ""


def test_configuring(docker: Docker) -> None:
    said = docker.model("configure", "--context-size", "1024", "--keep-alive", "10m", DEMO, "--", "--temp", "0.5")
    assert (said.out, said.err) == ("", "")
    (entry,) = docker.model("configure", "show", DEMO).json
    assert entry["Config"]["context-size"] == 1024
    assert entry["Config"]["runtime-flags"] == ["--temp", "0.5"]
    assert entry["Config"]["keep_alive"] == "10m0s"
    assert "not allowed" in docker.model("configure", DEMO, "--", "--log-file", "x", code=1).err
    docker.model("unload", "--all")
    assert docker.model("configure", "show", DEMO).json == []


def test_pulling_and_pushing(docker: Docker) -> None:
    with FaultyRegistry() as registry:
        registry.add_model("v1", os.urandom(2 << 20))
        name = f"{registry.host}/me/x:v1"
        lines = docker.model("pull", name).lines
        assert lines[-1] == "Model pulled successfully"
        assert lines[0].startswith("Downloaded ")
        assert docker.model("pull", name).out.startswith("Using cached model")
        docker.model("tag", name, f"{registry.host}/me/copy:v2")
        assert docker.model("push", f"{registry.host}/me/copy:v2").lines[-1] == "Model pushed successfully"
        remote = docker.model("inspect", "--remote", f"{registry.host}/me/copy:v2").json
        assert remote["id"] == docker.model("inspect", name).json["id"]
        missing = docker.model("pull", f"{registry.host}/me/x:none", code=1)
        assert missing.err.startswith("Model not found: ")
        docker.model("rm", "-f", name, f"{registry.host}/me/copy:v2")


@needs_docker_25
def test_dockers_interrupt_reaches_a_pull(docker: Docker) -> None:
    """Docker without a terminal closes its socket; the plug-in then ends as after Ctrl-C."""
    assert DOCKER is not None
    weights = os.urandom(6 << 20)
    with FaultyRegistry() as registry:
        registry.add_model("v1", weights)
        registry.faults.append(on_blobs(stall_after(2 << 20), times=1, only=weights))
        name = f"{registry.host}/me/y:v1"
        with subprocess.Popen(
            [DOCKER, "model", "pull", name],
            env=docker.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as pull:
            assert pull.stdout is not None
            assert pull.stdout.readline().startswith("Downloaded ")
            pull.send_signal(signal.SIGINT)  # to docker alone
            _, said = pull.communicate(timeout=30)
        assert "are kept" in said
        assert f"docker model pull {name}" in said
        assert "Traceback" not in said


def test_what_makes_no_sense_here_is_refused_by_name(docker: Docker) -> None:
    for word in ("search", "skills", "gateway"):
        said = docker.model(word, "--anything", "x", code=1)
        assert f"`{word}` is not offered" in said.err
        assert "→" in said.err
    assert "--tls is not offered" in docker.model("start-runner", "--tls", code=1).err


def test_the_runners_life_is_the_services(alone: Docker) -> None:
    assert "has started" in alone.model("install-runner").lines[0]
    assert alone.model("status", "--json").json["tcp"] is True
    assert alone.model("stop-runner").out == "The service has stopped.\n"
    assert alone.model("start-runner").out == "The service has started.\n"
    assert alone.model("restart-runner").lines == ["The service has stopped.", "The service has started."]
    assert alone.model("status", "--json").json["tcp"] is True
    assert "stays" in alone.model("uninstall-runner").out
    alone.model("start-runner")
    assert alone.model("status", "--json").json["tcp"] is False
    assert "docker model purge --force" in alone.model("purge", code=1).err
    assert alone.model("purge", stdin="n\n").lines[-1].endswith("Operation cancelled.")
    alone.model("purge", "--force")
    assert alone.model("ls", "--json").json == []


# ---- Compose --------------------------------------------------------------------------------


def test_composes_provider_protocol(docker: Docker) -> None:
    """Recorded: ``docker-model compose --project-name=P up --model=... SERVICE``, lines read one by one."""
    metadata = docker.direct("compose", "metadata").json
    assert [entry["name"] for entry in metadata["up"]["parameters"] if entry["required"]] == ["model"]
    assert metadata["down"] == {"parameters": None}
    said = docker.direct("compose", "--project-name=shop", "up", f"--model={DEMO}", "--context-size=2048", "llm")
    assert said.err == ""
    assert said.messages[0] == ("info", "Initializing model runner...")
    assert ("setenv", f"MODEL={DEMO}") in said.messages
    assert ("info", "Setting context size to 2048") in said.messages
    assert ("info", f"Successfully configured backend for model {DEMO}") in said.messages
    assert said.messages[-1] == ("setenv", f"URL=http://localhost:{docker.port}/engines/v1/")
    assert docker.model("configure", "show", DEMO).json[0]["Config"]["context-size"] == 2048
    assert docker.direct("compose", "--project-name=shop", "down", f"--model={DEMO}", "llm").out == ""
    docker.model("unload", "--all")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "options.model is required"),
        ((f"--model={DEMO}", "--context-size=many"), "'many' is not a number"),
        ((f"--model={DEMO}", "--context-size=99999999999"), "out of range"),
        ((f"--model={DEMO}", "--runtime-flags=--log-file x"), "not allowed"),
        (("--model=127.0.0.1:9/x/y:z",), ""),
    ],
)
def test_compose_is_told_what_is_wrong(docker: Docker, options: tuple[str, ...], words: str) -> None:
    said = docker.direct("compose", "--project-name=shop", "up", *options, "llm", code=1)
    kind, message = said.messages[-1]
    assert kind == "error"
    assert words in message


def test_compose_learns_that_tcp_is_off(alone: Docker) -> None:
    said = alone.direct("compose", "--project-name=shop", "up", f"--model={DEMO}", "llm", code=1)
    kind, message = said.messages[-1]
    assert kind == "error"
    assert "`docker model enable --tcp`" in message


def test_composes_top_level_models(docker: Docker) -> None:
    """Recorded: ``ls --json``, ``pull M`` if missing, ``configure [--context-size N] M [-- F...]``, ``status``."""
    listed = docker.direct("ls", "--json")
    assert listed.err == ""
    tags = [tag for entry in listed.json for tag in entry["tags"]]
    assert {DEMO, f"{DEMO}:latest"} <= set(tags)
    assert docker.model("ls", "--json").json[0]["tags"] == [f"{DEMO}:latest"]
    configured = docker.direct("configure", "--context-size", "512", DEMO, "--", "--temp", "0.1")
    assert (configured.out, configured.err) == ("", "")
    status = docker.direct("status", "--json")
    assert status.err == ""
    assert status.json["endpoint"] == f"http://localhost:{docker.port}/v1/"
    docker.model("unload", "--all")
