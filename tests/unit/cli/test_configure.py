import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.configure import configure, request_members
from dmr_desktop.cli.parser import parse
from dmr_desktop.protocol.errors import Conflict, InvalidRequest, ModelNotFound


def test_only_what_is_given_is_sent() -> None:
    assert request_members(parse(["configure", "ai/x"])) == {}
    words = [
        "configure",
        "--context-size=-1",
        "--keep-alive=-1",
        "--mode=embedding",
        "--think=false",
        "--speculative-draft-model=ai/y",
        "--speculative-num-tokens=4",
        "--hf_overrides={\"a\": 1}",
        "--gpu-memory-utilization=0.5",
        "ai/x",
        "--",
        "--temp",
        "0.7",
    ]  # fmt: skip
    assert request_members(parse(words)) == {
        "context-size": -1,
        "keep_alive": "-1",
        "mode": "embedding",
        "runtime-flags": ["--temp", "0.7"],
        "speculative": {"draft_model": "ai/y", "num_tokens": 4},
        "llamacpp": {"reasoning-budget": 0},
        "vllm": {"hf-overrides": {"a": 1}, "gpu-memory-utilization": 0.5},
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--hf_overrides={"],
        ["--hf_overrides=[]"],
        ["--gpu-memory-utilization=1.5"],
        ["--speculative-num-tokens=-1"],
        ["--speculative-min-acceptance-rate=2"],
    ],
)
def test_what_cannot_be_is_refused_here(words: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        request_members(parse(["configure", *words, "ai/x"]))


def test_one_model_or_show(screen_for: Callable[..., Any]) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/models/"):
            return httpx.Response(200, json={"id": "sha256:0"})
        asked.append(str(request.url))
        return httpx.Response(200, json=[{"Backend": "llama.cpp"}])

    screen = screen_for(handler)
    assert configure(screen.session, parse(["configure", "show", "ai/x"])) == 0
    assert configure(screen.session, parse(["config", "show"])) == 0
    assert asked[0].endswith("/engines/_configure?model=ai%2Fx")
    assert screen.out.startswith('[\n  {\n    "Backend"')
    for words in ([], ["a", "b"], ["show", "a", "b"]):
        with pytest.raises(InvalidRequest):
            configure(screen.session, parse(["configure", *words]))


def test_a_person_is_told_at_once_that_the_model_is_busy(screen_for: Callable[..., Any]) -> None:
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"id": "sha256:0"})
        bodies.append(json.loads(request.content))
        return httpx.Response(409, text="runner already active\n")

    with pytest.raises(Conflict, match="already active"):
        configure(screen_for(handler).session, parse(["configure", "ai/x", "--context-size", "9"]))
    assert bodies == [{"model": "ai/x", "context-size": 9}]


def test_a_name_that_is_no_model_is_told(screen_for: Callable[..., Any]) -> None:
    """The service accepts any name, as Docker Model Runner does, and configures nothing."""
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/nosuch":
            return httpx.Response(404, text="model not found\n")
        if request.method == "GET":
            return httpx.Response(200, json=[] if request.url.path == "/models" else DEMO)
        bodies.append(json.loads(request.content))
        return httpx.Response(202)

    for words in (["configure", "nosuch", "--context-size", "512"], ["configure", "show", "nosuch"]):
        with pytest.raises(ModelNotFound, match="no such model: nosuch"):
            configure(screen_for(handler).session, parse(words))
    assert bodies == []
    screen = screen_for(handler)
    configure(screen.session, parse(["configure", "demo", "--context-size", "512"]))
    assert bodies == [{"model": "dmr.local/demo", "context-size": 512}]
    assert screen.err == ""


def test_a_context_size_that_has_no_effect_is_told(screen_for: Callable[..., Any]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=DEMO) if request.method == "GET" else httpx.Response(202)

    screen = screen_for(handler)
    configure(screen.session, parse(["configure", "demo", "--context-size", "100"]))
    assert screen.err == "A context of less than 512 tokens is not used: the default stays.\n"


DEMO = {"id": "sha256:0", "tags": ["dmr.local/demo:latest"]}
