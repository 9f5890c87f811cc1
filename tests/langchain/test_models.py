"""What DMRModels asks and reads; the server is scripted."""

import asyncio
import json
from pathlib import Path

import pytest

from dmr_langchain import (
    DMRAuthenticationError,
    DMRBadRequestError,
    DMRConnectionError,
    DMRModelNotFoundError,
    DMRModels,
    DMRPullError,
    DMRServerError,
)
from dmr_langchain.models import PullProgress
from tests.fakes.openai_server import Reply, fake_openai

MODEL = {
    "id": "sha256:ab",
    "tags": ["docker.io/ai/x:latest"],
    "created": 5,
    "config": {"size": "1 GB", "gguf": {"llama.context_length": "8192"}},
}
LAYERS = [
    {"type": "progress", "message": "1 of 9", "total": 9, "layer": {"id": "a", "size": 5, "current": 1}},
    {"type": "progress", "message": "5 of 9", "total": 9, "layer": {"id": "b", "size": 4, "current": 4}},
    {"type": "warning", "message": "hm", "layer": {"size": 0, "current": 0}},
    {"type": "progress", "message": "9 of 9", "total": 9, "layer": {"id": "a", "size": 5, "current": 5}},
    {"type": "success", "message": "Model pulled successfully", "total": 9, "layer": {}},
]


def lines(*entries: object) -> Reply:
    return Reply(body="".join(json.dumps(entry) + "\n" for entry in entries))


def plain(status: int, text: str) -> Reply:
    return Reply(status, text + "\n", content_type="text/plain")


def test_models_are_listed_and_looked_at() -> None:
    with fake_openai(Reply(body=[MODEL]), Reply(body=[MODEL]), Reply(body=MODEL)) as fake:
        models = DMRModels(fake.url, api_key="k")
        [found] = models.list()
        assert asyncio.run(models.alist()) == (found,)
        assert models.inspect("ai/x") == found
    assert (found.name, found.context_size, found.config["size"]) == ("docker.io/ai/x:latest", 8192, "1 GB")
    assert [(received.method, received.path) for received in fake.received] == [
        ("GET", "/models"),
        ("GET", "/models"),
        ("GET", "/models/ai/x"),
    ]
    assert fake.received[0].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("base", ["", "/engines", "/engines/v1", "/engines/llama.cpp/v1", "/v1"])
def test_the_management_routes_are_found_from_every_base(base: str) -> None:
    with fake_openai(Reply(body=[])) as fake:
        DMRModels(fake.url.removesuffix("/engines/v1") + base).list()
    assert fake.received[0].path == "/models"


def test_a_pull_tells_its_progress() -> None:
    seen: list[PullProgress] = []
    with fake_openai(lines(*LAYERS)) as fake:
        models = DMRModels(fake.url)
        models.pull("ai/x", seen.append)
        asyncio.run(models.apull("ai/x"))
    assert [progress.current for progress in seen] == [1, 5, 5, 9, 9]
    assert [progress.total for progress in seen] == [9, 9, 0, 9, 9]
    assert fake.received[0].body == {"from": "ai/x"}
    assert fake.received[0].headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (plain(404, "Model not found"), "ai/x cannot be pulled: Model not found. Check its name"),
        (plain(401, "Unauthorized"), "docker login"),
        (plain(400, "Invalid model reference"), "Invalid model reference"),
        (plain(422, "error while pulling model: not a GGUF"), "not a GGUF"),
        (lines(LAYERS[0], {"type": "error", "message": "Error: the disk is full"}), "pulled: the disk is full"),
        (lines(LAYERS[0]), "closed the connection"),
        (Reply(body="<html>"), "<html>"),
    ],
)
def test_a_pull_that_fails_says_why(reply: Reply, words: str) -> None:
    with fake_openai(reply) as fake:
        with pytest.raises(DMRPullError, match=words):
            DMRModels(fake.url).pull("ai/x")
        with pytest.raises(DMRPullError, match=words):
            asyncio.run(DMRModels(fake.url).apull("ai/x"))


def test_a_pull_without_the_services_key_says_that() -> None:
    refused = Reply(401, {"error": {"message": "an API key is needed"}}, headers={"WWW-Authenticate": "Bearer"})
    with fake_openai(refused) as fake, pytest.raises(DMRAuthenticationError, match="DMR_API_KEY"):
        DMRModels(fake.url).pull("ai/x")


def test_what_is_loaded_and_unloading() -> None:
    entry = {
        "backend_name": "llama.cpp",
        "model_name": "ai/x",
        "mode": "completion",
        "last_used": "...",
        "in_use": True,
    }
    with fake_openai(Reply(body=[entry]), Reply(body={"unloaded_runners": 2})) as fake:
        models = DMRModels(fake.url)
        [loaded] = models.ps()
        assert (loaded.model, loaded.mode, loaded.is_used, loaded.is_loading) == ("ai/x", "completion", True, False)
        assert models.unload("ai/x", "ai/y") == 2
        assert asyncio.run(models.aunload(all_models=True)) == 2
    assert fake.received[1].body == {"all": False, "backend": "", "models": ["ai/x", "ai/y"]}
    assert fake.received[2].body["all"] is True


def test_removing_and_configuring() -> None:
    with fake_openai(Reply(body=[]), Reply(202, "")) as fake:
        models = DMRModels(fake.url)
        models.remove("ai/x", force=True)
        models.configure("ai/x", mode="embedding", context_size=512)
        asyncio.run(models.aconfigure("ai/x"))
    assert (fake.received[0].method, fake.received[0].path) == ("DELETE", "/models/ai/x?force=true")
    assert fake.received[1].path == "/engines/_configure"
    assert fake.received[1].body == {"model": "ai/x", "mode": "embedding", "context-size": 512}
    assert fake.received[2].body == {"model": "ai/x", "mode": "completion"}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (plain(404, "model not found"), DMRModelNotFoundError, "dmr pull ai/x"),
        (plain(409, "it is in use"), DMRBadRequestError, "in use"),
        (plain(500, "the store is broken"), DMRServerError, "dmr logs"),
    ],
)
def test_errors_are_this_packages(reply: Reply, kind: type[Exception], words: str) -> None:
    with fake_openai(reply) as fake:
        with pytest.raises(kind, match=words):
            DMRModels(fake.url).remove("ai/x")
        with pytest.raises(kind, match=words):
            asyncio.run(DMRModels(fake.url).aremove("ai/x"))


def test_a_setting_that_is_not_honoured_is_a_bad_request() -> None:
    refused = plain(500, 'runtime flag "--x" is not allowed')
    with fake_openai(refused) as fake, pytest.raises(DMRBadRequestError, match='"--x" is not allowed'):
        DMRModels(fake.url).configure("ai/x", runtime_flags=["--x"])


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(DMRConnectionError, match="dmr quickstart"):
        DMRModels(uds=str(tmp_path / "none.sock")).list()
