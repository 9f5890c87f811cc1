import json

import pytest

from dmr_desktop.dialects.openai_models import render_list, render_one
from dmr_desktop.protocol.models import Model, ModelConfig

ID = "sha256:" + "1" * 64


def test_a_tagged_model() -> None:
    config = ModelConfig("gguf", "Q4_0", "1B", "llama", "1 GiB", gguf={"llama.context_length": "8192"})
    answer = json.loads(render_list([Model(ID, ("docker.io/ai/x:latest", "docker.io/ai/x:2"), 12, config)]))
    assert answer == {
        "object": "list",
        "data": [
            {
                "id": "docker.io/ai/x:latest",
                "object": "model",
                "created": 12,
                "owned_by": "docker",
                "dmr": {
                    "context_window": 8192,
                    "architecture": "llama",
                    "parameters": "1B",
                    "quantization": "Q4_0",
                    "size": "1 GiB",
                },
            }
        ],
    }


def test_the_least_model_goes_by_its_id() -> None:
    answer = json.loads(render_one(Model(ID, (), 0, ModelConfig())))
    assert (answer["id"], answer["created"], answer["dmr"]) == (ID, 0, {})


def test_the_configured_context_wins() -> None:
    config = ModelConfig(gguf={"llama.context_length": "8192"}, context_size=512)
    assert json.loads(render_one(Model(ID, (), 0, config)))["dmr"] == {"context_window": 512}


def test_no_models_are_an_empty_array() -> None:
    assert json.loads(render_list([])) == {"object": "list", "data": []}


@pytest.mark.parametrize("text", ["2147483648", "9" * 30, "9" * 5000, "many", ""])
def test_a_context_that_no_client_could_read_is_left_out(text: str) -> None:
    config = ModelConfig(gguf={"llama.context_length": text})
    assert json.loads(render_list([Model(ID, (), 0, config)]))["data"][0]["dmr"] == {}
