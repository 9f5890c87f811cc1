"""``_configure`` and what shows its effect, on the real program with the demo model."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures_live import DEMO, LiveService

pytestmark = pytest.mark.slow

CHAT: dict[str, Any] = {"model": DEMO, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8}
FLAGS = ["--parallel", "2", "-b", "128", "--ubatch-size=64", "--no-mmap", "-fa", "on", "-ctk", "q8_0", "-ctv", "q8_0"]


@pytest.fixture
def http(live_service: LiveService) -> Iterator[httpx.Client]:
    with live_service.http() as client:
        yield client
        client.post("/engines/unload", json={"all": True})


def metric(http: httpx.Client, name: str) -> float:
    lines = http.get("/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}{{") and 'mode="completion"' in line]
    return float(line.split()[-1])


def test_a_runner_is_started_as_configured(http: httpx.Client) -> None:
    body = {"model": DEMO, "context-size": 512, "runtime-flags": FLAGS, "keep_alive": "1m"}
    answer = http.post("/engines/_configure", json=body)
    assert (answer.status_code, answer.content) == (202, b"")
    chat = http.post("/v1/chat/completions", json=CHAT)
    assert chat.status_code == 200, chat.text
    assert metric(http, "dmr_kv_cache_cells") == 512
    (shown,) = http.get("/engines/_configure", params={"model": DEMO}).json()
    model = http.get("/models").json()[0]
    assert shown == {
        "Backend": "llama.cpp",
        "Model": model["tags"][0],
        "ModelID": model["id"],
        "Mode": "completion",
        "Config": {"context-size": 512, "runtime-flags": FLAGS, "keep_alive": "1m0s"},
    }
    (line,) = http.get("/engines/ps").json()
    assert line["keep_alive"] == "1m0s"
    too_long = http.post(
        "/v1/chat/completions", json={**CHAT, "messages": [{"role": "user", "content": "word " * 900}]}
    )
    assert (too_long.status_code, too_long.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_default_of_requests(http: httpx.Client) -> None:
    http.post("/engines/_configure", json={"model": DEMO, "raw-runtime-flags": "--n-predict 3 --temp 0"})
    body = {name: value for name, value in CHAT.items() if name != "max_tokens"}
    assert http.post("/v1/chat/completions", json=body).json()["usage"]["completion_tokens"] <= 3
    assert http.post("/v1/chat/completions", json={**CHAT, "max_tokens": 5}).status_code == 200


def test_what_is_refused_changes_nothing(http: httpx.Client) -> None:
    for flags in (["--log-file", "x"], ["--mirostat", "2"], ["--host=h"], ["--temp", "/etc/passwd"]):
        answer = http.post("/engines/_configure", json={"model": DEMO, "runtime-flags": flags})
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith("text/plain")
        assert flags[0].partition("=")[0] in answer.text or "paths are not allowed" in answer.text
    assert http.get("/engines/_configure").json() == []
    assert http.post("/v1/chat/completions", json=CHAT).status_code == 200


def test_what_the_engine_says_of_itself(http: httpx.Client) -> None:
    before = http.post("/v1/chat/completions", json=CHAT).json()["usage"]
    assert metric(http, "llamacpp:tokens_predicted_total") >= before["completion_tokens"]
    assert 0 < metric(http, "llamacpp:kv_cache_usage_ratio") < 1
    assert metric(http, "llamacpp:requests_processing") == 0
    assert metric(http, "dmr_runner_memory_bytes") > 1_000_000
    (group,) = http.get("/engines/requests", params={"model": DEMO}).json()
    assert group["records"][-1]["completion_tokens"] == before["completion_tokens"]
