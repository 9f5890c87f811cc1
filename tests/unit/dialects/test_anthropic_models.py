"""The model list as Anthropic pages it."""

import json
from typing import Any

import pytest

from dmr_desktop.dialects.anthropic_models import render_list, render_one
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.models import Model, ModelConfig

MODELS = [Model(f"sha256:{index}", (f"docker.io/ai/m{index}:latest",), index, ModelConfig()) for index in range(5)]


def page(**query: str) -> Any:
    found = json.loads(render_list(MODELS, query))
    ids = [entry["display_name"].removeprefix("ai/") for entry in found["data"]]
    assert (found["first_id"], found["last_id"]) == (
        (found["data"][0]["id"], found["data"][-1]["id"]) if ids else (None, None)
    )
    return ids, found["has_more"]


def test_one_model() -> None:
    model = Model("sha256:a", ("docker.io/ai/x:latest",), 86400, ModelConfig(context_size=4096))
    assert json.loads(render_one(model)) == {
        "type": "model",
        "id": "docker.io/ai/x:latest",
        "display_name": "ai/x",
        "created_at": "1970-01-02T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 4096,
    }
    assert json.loads(render_one(Model("sha256:a", (), 0, ModelConfig())))["id"] == "sha256:a"


def test_pages() -> None:
    first, third, last = "docker.io/ai/m0:latest", "docker.io/ai/m2:latest", "docker.io/ai/m4:latest"
    assert page() == (["m0", "m1", "m2", "m3", "m4"], False)
    assert page(limit="2") == (["m0", "m1"], True)
    assert page(limit="5") == (["m0", "m1", "m2", "m3", "m4"], False)
    assert page(limit="2", after_id=third) == (["m3", "m4"], False)
    assert page(limit="1", after_id=third) == (["m3"], True)
    assert page(after_id=last) == ([], False)
    assert page(limit="1", before_id=third) == (["m1"], True)
    assert page(limit="2", before_id=third) == (["m0", "m1"], False)
    assert page(before_id=first) == ([], False)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"after_id": "x"}, "after_id"),
        ({"before_id": "x"}, "before_id"),
    ],
)
def test_refusals(query: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        render_list(MODELS, query)
    assert caught.value.param == param
