"""The real Docker Compose (2.38 or newer) with both of its ways to models, up to the containers it asks for.

An engine that only listens takes the place of docker's. ``DMR_TEST_COMPOSE`` may name a ``docker-compose`` plug-in that
is not installed in the system's directories.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dmr_desktop.settings import asset
from tests.clients.test_docker_plugin import DOCKER, free_port
from tests.fakes.docker_engine import FakeEngine
from tests.fakes.own_folder import own_folder
from tests.fixtures_live import DEMO, start_live_service, stop_live_service

_DIRECTORIES = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")


def find_compose() -> Path | None:
    places = [Path(directory, "docker/cli-plugins/docker-compose") for directory in _DIRECTORIES]
    for place in [Path(os.environ.get("DMR_TEST_COMPOSE", "/nonexistent")), *places]:
        if place.is_file() and _version(place) >= (2, 38):
            return place
    return None


def _version(compose: Path) -> tuple[int, ...]:
    said = subprocess.run([compose, "version", "--short"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v?(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0,)


COMPOSE = find_compose()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(DOCKER is None or COMPOSE is None, reason="there is no docker client with Compose 2.38"),
    pytest.mark.skipif(not asset("demo/demo.gguf").is_file(), reason="the demo model is not in this tree"),
]


@dataclass(frozen=True)
class Project:
    folder: Path
    environment: dict[str, str]
    engine: FakeEngine
    port: int

    def compose(self, *words: str, code: int = 0) -> str:
        assert DOCKER is not None
        result = subprocess.run(
            [DOCKER, "compose", "--progress", "plain", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert result.returncode == code, f"{words}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result.stdout + result.stderr

    def variables(self, container: str) -> dict[str, str]:
        return dict(text.split("=", 1) for text in self.engine.created[container]["Env"])


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    assert COMPOSE is not None
    with own_folder("dmr-") as directory:
        folder, port = directory, free_port()
        bridge = {"DMR_CONTAINER_ADDRESSES": "127.0.0.2"}  # in the place of a bridge's address
        service = start_live_service(folder, "--tcp", str(port), **bridge)
        try:
            plugins = folder / ".docker" / "cli-plugins"
            plugins.mkdir(parents=True)
            (plugins / "docker-compose").symlink_to(COMPOSE)
            environment = service.environment | {"DOCKER_HOST": f"unix://{folder}/docker.sock"}
            dmr(environment, "plugin", "install")
            with FakeEngine(folder / "docker.sock") as engine:
                yield Project(folder, environment, engine, port)
        finally:
            assert stop_live_service(service) == 0


def dmr(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "dmr_desktop", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def write(project: Project, text: str) -> None:
    (project.folder / "compose.yaml").write_text(text)


def test_top_level_models_reach_the_containers(project: Project) -> None:
    write(
        project,
        f"""
name: shop
services:
  short:
    image: alpine
    models: [tiny-talker]
  long:
    image: alpine
    models:
      tiny-talker: {{endpoint_var: AI_URL, model_var: AI_MODEL}}
models:
  tiny-talker:
    model: {DEMO}
    context_size: 768
    runtime_flags: ["--temp", "0.2"]
""",
    )
    said = project.compose("up", "--no-start")
    assert "Pulling" not in said, "a model that is here must not be asked for at its registry"
    url = f"http://localhost:{project.port}/v1/"
    assert project.variables("shop-short-1") == {"TINY_TALKER_MODEL": DEMO, "TINY_TALKER_URL": url}
    assert project.variables("shop-long-1") == {"AI_MODEL": DEMO, "AI_URL": url}
    shown = dmr(project.environment, "configure", "show", DEMO)
    assert '"context-size": 768' in shown
    assert '"--temp"' in shown


def test_a_provider_service_reaches_the_containers(project: Project) -> None:
    write(
        project,
        f"""
name: bakery
services:
  app:
    image: alpine
    depends_on: [llm]
  llm:
    provider:
      type: model
      options:
        model: {DEMO}
        context-size: 1024
""",
    )
    said = project.compose("up", "--no-start")
    assert f"Successfully configured backend for model {DEMO}" in said
    url = f"http://localhost:{project.port}/engines/v1/"
    assert project.variables("bakery-app-1") == {"LLM_MODEL": DEMO, "LLM_URL": url}
    project.compose("down")
    dmr(project.environment, "enable", "--containers", "--tcp", str(project.port))
    project.compose("up", "--no-start")
    dmr(project.environment, "disable", "--containers")
    assert project.variables("bakery-app-1")["LLM_URL"] == f"http://127.0.0.2:{project.port}/engines/v1/"


def test_what_is_wrong_is_told_by_compose(project: Project) -> None:
    write(
        project,
        f"""
name: broken
services:
  app:
    image: alpine
    depends_on: [llm]
  llm:
    provider:
      type: model
      options: {{model: {DEMO}, runtime-flags: "--log-file x"}}
""",
    )
    said = project.compose("up", "--no-start", code=1)
    assert 'runtime flag "--log-file" is not allowed' in said
