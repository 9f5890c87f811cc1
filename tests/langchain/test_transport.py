"""Trying several places: the first that accepts a connection is used, and remembered."""

import asyncio
import threading
import time
from pathlib import Path

import httpx
import openai
import pytest

from dmr_langchain._address import DEFAULT_BASE_URL, Place
from dmr_langchain._transport import _readdressed, make_clients
from tests.fakes.openai_server import Reply, fake_openai


def test_places_are_tried_in_order_and_the_body_is_sent_again(tmp_path: Path) -> None:
    with fake_openai(Reply(body={"ok": True})) as fake:
        places = [
            Place(DEFAULT_BASE_URL, str(tmp_path / "none.sock")),
            Place("http://127.0.0.1:9/engines/v1"),
            Place(fake.url),
        ]
        client, async_client = make_clients(places)
        with client:
            for _ in range(2):
                response = client.post(f"{DEFAULT_BASE_URL}/embeddings", json={"a": 1})
                assert response.json() == {"ok": True}

        async def ask() -> httpx.Response:
            async with async_client:
                return await async_client.post(f"{DEFAULT_BASE_URL}/embeddings", json={"a": 1})

        assert asyncio.run(ask()).json() == {"ok": True}
    assert [received.body for received in fake.received] == [{"a": 1}] * 3
    assert {received.path for received in fake.received} == {"/engines/v1/embeddings"}
    assert fake.received[0].headers["host"] in fake.url


def test_when_nobody_answers_all_places_are_named(tmp_path: Path) -> None:
    places = [Place(DEFAULT_BASE_URL, str(tmp_path / "none.sock")), Place("http://127.0.0.1:9/engines/v1")]
    client, async_client = make_clients(places)
    with client, pytest.raises(openai.APIConnectionError, match=r"none\.sock.*127\.0\.0\.1:9"):
        client.get(DEFAULT_BASE_URL)

    async def ask() -> None:
        async with async_client:
            await async_client.get(DEFAULT_BASE_URL)

    with pytest.raises(openai.APIConnectionError, match=r"none\.sock.*127\.0\.0\.1:9"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "readdressed"),
    [
        ("/engines/v1/chat/completions", "http://model-runner.docker.internal/engines/v1/chat/completions"),
        ("/engines/_configure", "http://model-runner.docker.internal/engines/_configure"),
        ("/models/ai/x?force=true", "http://model-runner.docker.internal/models/ai/x?force=true"),
    ],
)
def test_every_route_is_readdressed(path: str, readdressed: str) -> None:
    there = Place("http://model-runner.docker.internal/engines/v1")
    request = _readdressed(httpx.Request("POST", f"http://localhost:12434{path}"), Place(DEFAULT_BASE_URL), there)
    assert str(request.url) == readdressed
    assert request.headers["host"] == "model-runner.docker.internal"


def test_a_proxy_of_the_environment_is_used_only_if_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_openai(Reply(body={"ok": True})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/engines/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        place = Place("http://nowhere.invalid/engines/v1")
        with make_clients([place], trust_env=True)[0] as client:
            assert client.get("http://nowhere.invalid/models").json() == {"ok": True}
        with make_clients([place])[0] as client, pytest.raises(openai.APIConnectionError):
            client.get("http://nowhere.invalid/models")
    assert [received.path for received in proxy.received] == ["http://nowhere.invalid/models"]


def test_a_service_that_is_being_restarted_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "dmr.sock"
    answers: list[int] = []

    def ask() -> None:
        with make_clients([Place(DEFAULT_BASE_URL, str(path))])[0] as client:
            answers.append(client.get(f"{DEFAULT_BASE_URL}/models").status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.1)
    with fake_openai(Reply(body={}), socket_path=path):
        asking.join()
    assert answers == [200]
