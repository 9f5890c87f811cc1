"""The files for n8n in containers: what they must have for n8n to find the service, and themselves."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dmr_desktop.service.access import CONTAINER_HOSTS
from dmr_desktop.settings import asset

COMPOSE = ("compose.yaml", "compose.queue.yaml")
CONTAINER_URL = "http://model-runner.docker.internal:12434/engines/llama.cpp/v1"


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(asset(f"n8n/{name}").read_text())["services"]
    return found


def n8ns(name: str) -> dict[str, Any]:
    return {key: value for key, value in services(name).items() if "n8nio" in value["image"]}


@pytest.mark.parametrize("name", COMPOSE)
def test_every_n8n_finds_the_machine_it_runs_on(name: str) -> None:
    (credential,) = json.loads(asset("n8n/credentials.container.json").read_text())
    assert credential["data"]["url"] == CONTAINER_URL
    (at_home,) = json.loads(asset("n8n/credentials.json").read_text())
    assert credential["id"] == at_home["id"], "the workflows name one credential, wherever n8n runs"
    for entry in n8ns(name).values():
        hosts = dict(line.split(":") for line in entry["extra_hosts"])
        assert set(hosts.values()) == {"host-gateway"}
        assert "model-runner.docker.internal" in hosts
        assert set(hosts) <= CONTAINER_HOSTS, "the service lets containers call it by these names"


@pytest.mark.parametrize("name", COMPOSE)
def test_nothing_is_set_that_n8n_does_not_know_or_that_is_open_to_others(name: str) -> None:
    text = asset(f"n8n/{name}").read_text()
    assert "N8N_AI_" not in text
    assert "NODE_FUNCTION_ALLOW" not in text
    for entry in services(name).values():
        assert all(port.startswith("127.0.0.1:") for port in entry.get("ports", []))


@pytest.mark.parametrize("name", COMPOSE)
def test_what_is_imported_is_there(name: str) -> None:
    importer = services(name)["n8n-import"]
    (script,) = importer["command"]
    here = asset("n8n/compose.yaml").parent
    paths = [Path(word.split("=", 1)[1]) for word in script.split() if word.startswith("--input=")]
    assert len(paths) == 2
    for path in paths:
        assert (here / path.relative_to("/dmr-desktop")).exists()
    assert importer["volumes"][0] == ".:/dmr-desktop:ro"
    assert services(name)["n8n"]["depends_on"]["n8n-import"] == {"condition": "service_completed_successfully"}


def test_main_and_workers_share_queue_database_and_key() -> None:
    found = n8ns("compose.queue.yaml")
    assert found["n8n"]["environment"] == found["n8n-worker"]["environment"] == found["n8n-import"]["environment"]
    environment = found["n8n"]["environment"]
    assert environment["EXECUTIONS_MODE"] == "queue"
    assert {environment["DB_POSTGRESDB_HOST"], environment["QUEUE_BULL_REDIS_HOST"]} <= set(
        services("compose.queue.yaml")
    )
    secrets = [environment["N8N_ENCRYPTION_KEY"], environment["DB_POSTGRESDB_PASSWORD"]]
    assert all(":?" in secret for secret in secrets), "no secret has a default"
