import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.runner_verbs import loaded_table, ps, unload
from dmr_desktop.client.answers import LoadedModel
from dmr_desktop.protocol.errors import Conflict, InvalidRequest

NOW = 1000.0


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"loading": True}, "Loading..."),
        ({"last_used": NOW, "keep_alive": "-1"}, "Forever"),
        ({"last_used": NOW - 60, "keep_alive": "10m0s"}, "9 minutes from now"),
        ({"last_used": NOW - 10}, "4 minutes from now"),
        ({"last_used": NOW - 999}, "Expiring"),
        ({"in_use": True}, "5 minutes from now"),
        ({"last_used": NOW, "keep_alive": "0"}, "Expiring"),
    ],
)
def test_until(fields: dict[str, Any], until: str) -> None:
    text = loaded_table([LoadedModel("llama.cpp", "docker.io/AI/X:latest", "completion", **fields)], NOW, 300.0)
    assert text.splitlines()[0].split() == ["MODEL", "NAME", "BACKEND", "MODE", "UNTIL", "CONTEXT", "MEMORY"]
    row = [cell for cell in text.splitlines()[1].split("  ") if cell.strip()]
    assert [cell.strip() for cell in row] == ["x", "llama.cpp", "completion", until]


def test_what_a_model_costs_is_shown_also_on_a_narrow_terminal() -> None:
    loaded = [LoadedModel("llama.cpp", "x", "completion", NOW, context_size=4096, memory_bytes=1_920_000_000)]
    assert loaded_table(loaded, NOW, 300.0).splitlines()[1].split()[-2:] == ["4096", "1.92GB"]
    head, row = loaded_table(loaded, NOW, 300.0, columns=55).splitlines()
    assert head.split() == ["MODEL", "NAME", "MODE", "UNTIL", "MEMORY"]
    assert row.split()[-1] == "1.92GB"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("huggingface.co/Org/Repo:UD-Q4_K_XL", "huggingface.co/org/repo:UD-Q4_K_XL"),
        ("localhost:5000/A/B", "localhost:5000/a/b"),
        ("AI/X", "x"),
    ],
)
def test_a_shown_name_is_one_that_can_be_typed(model: str, shown: str) -> None:
    text = loaded_table([LoadedModel("b", model, "completion")], NOW, 300.0)
    assert text.splitlines()[1].split()[0] == shown


def test_a_model_without_a_name_shows_its_id() -> None:
    text = loaded_table([LoadedModel("b", "sha256:0123456789abcdef", "embedding")], NOW, 300.0)
    assert text.splitlines()[1].startswith("0123456789ab ")


@pytest.mark.parametrize(
    ("argv", "count", "said"),
    [
        (["unload", "x"], 1, "Unloaded 1 model(s).\n"),
        (["unload", "x"], 0, "No such model(s) running.\n"),
        (["unload", "--all"], 0, "No models are running.\n"),
    ],
)
def test_unload_tells_what_happened(screen_for: Callable[..., Any], argv: list[str], count: int, said: str) -> None:
    screen = screen_for(Runners(count))
    assert unload(screen.session, parse(argv)) == 0
    assert screen.out == said


@pytest.mark.parametrize(("argv", "count"), [(["unload", "x"], 0), (["unload", "--all"], 1)])
def test_a_model_at_work_that_stays_is_told(screen_for: Callable[..., Any], argv: list[str], count: int) -> None:
    screen = screen_for(Runners(count, in_use=True))
    with pytest.raises(Conflict, match="still answering requests, so not unloaded: x"):
        unload(screen.session, parse(argv))
    assert screen.out == ("Unloaded 1 model(s).\n" if count else "")


def test_unload_takes_the_last_part_of_a_name(screen_for: Callable[..., Any]) -> None:
    service = Runners(1, tag="registry.example.com/me/x:latest")
    assert unload(screen_for(service).session, parse(["unload", "x", "other"])) == 0
    assert service.asked == ["registry.example.com/me/x", "other"]


class Runners:
    """A service with one loaded model of that ``tag``, of which ``count`` runners go when asked to."""

    def __init__(self, count: int, *, tag: str = "docker.io/ai/x:latest", in_use: bool = False) -> None:
        self.count = count
        self.tag = tag
        self.in_use = in_use
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models/x":
            return httpx.Response(200, json={"id": "sha256:0", "tags": [self.tag]})
        if request.url.path == "/engines/ps":
            return httpx.Response(200, json=[{"model_name": self.tag, "in_use": self.in_use}])
        if request.url.path == "/engines/unload":
            self.asked = json.loads(request.content)["models"]
            return httpx.Response(200, json={"unloaded_runners": self.count})
        return httpx.Response(404, text="model not found\n")


def test_unload_of_nothing_is_a_question(screen_for: Callable[..., Any]) -> None:
    with pytest.raises(InvalidRequest):
        unload(screen_for().session, parse(["unload"]))


def test_loaded_models_for_scripts(screen_for: Callable[..., Any]) -> None:
    entry = {"backend_name": "llama.cpp", "model_name": "docker.io/ai/x:latest", "mode": "completion"}
    screen = screen_for(lambda request: httpx.Response(200, json=[entry]))
    assert ps(screen.session, parse(["ps", "-q"])) == 0
    assert screen.out == "x\n"
    screen = screen_for(lambda request: httpx.Response(200, json=[entry]))
    assert ps(screen.session, parse(["ps", "--json"])) == 0
    assert json.loads(screen.out) == [entry]
