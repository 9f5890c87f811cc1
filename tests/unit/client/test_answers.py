import math

import pytest

from dmr_desktop.client.answers import (
    ChatChunk,
    LoadedModel,
    TokenUsage,
    chat_chunk_from_json,
    loaded_model_from_json,
    model_from_json,
    progress_from_json,
    removals_from_json,
)
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model, ModelConfig, Progress


def test_a_model_survives_the_wire() -> None:
    model = Model(
        id="sha256:12",
        tags=("docker.io/ai/x:latest",),
        created=5,
        config=ModelConfig(
            format="gguf", parameters="361 M", gguf={"general.architecture": "llama"}, context_size=8192
        ),
    )
    assert model_from_json(model.to_json()) == model


def test_missing_and_null_members_are_neutral() -> None:
    assert model_from_json({"id": None, "tags": None, "config": None, "new": 1}) == Model("", (), 0, ModelConfig())


@pytest.mark.parametrize(
    "progress",
    [
        Progress("progress", "Downloaded: 1 MB", 10, "sha256:ab", 10, 4),
        Progress("success", "Model pulled successfully"),
        Progress("progress", "up", 3, "sha256:ab", 3, 1, mode="push"),
    ],
)
def test_progress_survives_the_wire(progress: Progress) -> None:
    assert progress_from_json(progress.to_json()) == progress


def test_loaded_models_have_no_time_while_in_use() -> None:
    busy = {"backend_name": "llama.cpp", "model_name": "ai/x", "mode": "completion", "in_use": True}
    assert loaded_model_from_json(busy | {"last_used": "0001-01-01T00:00:00Z"}).last_used is None
    idle = loaded_model_from_json(busy | {"last_used": "2026-07-22T10:11:12.345678Z", "keep_alive": "10m0s"})
    assert idle == LoadedModel("llama.cpp", "ai/x", "completion", idle.last_used, "10m0s", in_use=True)
    assert idle.last_used is not None
    assert math.isclose(idle.last_used, 1784715072.345678, abs_tol=1e-3)


def test_chat_chunks() -> None:
    delta = {"choices": [{"delta": {"content": "a", "reasoning_content": "b"}, "finish_reason": None}], "usage": None}
    assert chat_chunk_from_json(delta) == ChatChunk("a", "b")
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    assert chat_chunk_from_json(usage) == ChatChunk(usage=TokenUsage(3, 4))


@pytest.mark.parametrize("data", [None, 1, "x", [], {"type": "odd"}, {"type": "progress", "layer": 5}])
def test_wrong_shapes_are_errors_of_ours(data: JSON) -> None:
    with pytest.raises(DMRError):
        progress_from_json(data)


@pytest.mark.parametrize("data", [None, {}, [1]])
def test_wrong_removals(data: JSON) -> None:
    with pytest.raises(DMRError):
        removals_from_json(data)
