import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.runner_verbs import loaded_table, ps, unload
from dmr_desktop.client.answers import LoadedModel
from dmr_desktop.protocol.errors import InvalidRequest

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
    assert text.splitlines()[0].split() == ["MODEL", "NAME", "BACKEND", "MODE", "UNTIL"]
    row = [cell for cell in text.splitlines()[1].split("  ") if cell]
    assert [cell.strip() for cell in row] == ["x", "llama.cpp", "completion", until]


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
    screen = screen_for(lambda request: httpx.Response(200, json={"unloaded_runners": count}))
    assert unload(screen.session, parse(argv)) == 0
    assert screen.out == said


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
