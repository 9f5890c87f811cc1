"""Ollama's lists, descriptions, vectors and progress."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dmr_desktop.dialects import ollama_embed, ollama_models, ollama_progress
from dmr_desktop.dialects.ollama_models import ModelFacts, capabilities
from dmr_desktop.protocol.embedding import EmbeddingResult
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.models import Model, ModelConfig, Progress
from dmr_desktop.protocol.runners import Mode, RunnerFacts, RunnerState, RunnerStatus

ID = "sha256:" + "a" * 64
CONFIG = ModelConfig(format="gguf", quantization="Q8_0", parameters="361.82 M", architecture="llama", context_size=4096)
MODEL = Model(ID, ("docker.io/ai/smollm2:latest", "docker.io/ai/other:v1"), 1_700_000_000, CONFIG, 123)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = RunnerFacts(2048, 8192, 8, 1000, 4, "x")


def runner(**changes: Any) -> RunnerStatus:
    given: dict[str, Any] = {
        "backend": "llama.cpp",
        "model_id": ID,
        "model_name": "ai/smollm2",
        "mode": Mode.COMPLETION,
        "state": RunnerState.READY,
        "memory_bytes": 10,
        "facts": FACTS,
    }
    return RunnerStatus(**{**given, **changes})


def ps(*runners: RunnerStatus, idle_seconds: float = 300) -> list[Any]:
    found: Any = ollama_models.ps_list(runners, {ID: MODEL}, NOW, idle_seconds)["models"]
    return list(found)


def test_one_entry_a_tag_the_newest_model_first() -> None:
    newer = Model("sha256:" + "b" * 64, (), MODEL.created + 1, ModelConfig())
    found: Any = ollama_models.tag_list([MODEL, newer])["models"]
    assert [entry["model"] for entry in found] == [newer.id, *MODEL.tags]
    assert found[1] == {
        "name": MODEL.tags[0],
        "model": MODEL.tags[0],
        "modified_at": "2023-11-14T22:13:20Z",
        "size": 123,
        "digest": "a" * 64,
        "details": {
            "parent_model": "",
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "361.82M",
            "quantization_level": "Q8_0",
        },
    }


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("ai/smollm2", MODEL.tags[0]),
        ("smollm2:latest", MODEL.tags[0]),
        ("AI/Other:v1", MODEL.tags[1]),
        ("other:v1", MODEL.tags[1]),
        ("aaaaaaaaaaaa", MODEL.tags[0]),
    ],
)
def test_a_running_model_has_the_name_of_the_list(asked: str, shown: str) -> None:
    assert ps(runner(model_name=asked))[0]["model"] == shown


def test_ends_are_moments_whatever_the_state() -> None:
    def ends(*runners: RunnerStatus, idle_seconds: float = 300) -> timedelta:
        return datetime.fromisoformat(ps(*runners, idle_seconds=idle_seconds)[0]["expires_at"]) - NOW

    assert ends(runner(expires_at=NOW.timestamp() + 60)) == timedelta(seconds=60)
    assert ends(runner(state=RunnerState.BUSY)) == timedelta(seconds=300)
    assert ends(runner(state=RunnerState.STARTING, facts=None)) == timedelta(seconds=300)
    assert ends(runner()) > timedelta(days=365 * 200)
    assert ends(runner(state=RunnerState.BUSY), idle_seconds=-1) > timedelta(days=365 * 200)


def test_several_runners_of_a_model_are_one_entry() -> None:
    found = ps(runner(mode=Mode.EMBEDDING, facts=None), runner(memory_bytes=5, card_bytes=4))
    assert [(entry["size"], entry["size_vram"], entry["context_length"]) for entry in found] == [(15, 4, 2048)]


def test_what_is_not_loaded_is_not_shown() -> None:
    assert ps(runner(state=RunnerState.STOPPING), runner(state=RunnerState.FAILED), runner(model_id="gone")) == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (ModelFacts({}), ["completion"]),
        (ModelFacts({}, "{% if tools %}x{% endif %}"), ["completion", "tools"]),
        (ModelFacts({}, "{{ mytoolset }}"), ["completion"]),
        (ModelFacts({}, "{% if enable_thinking %}<think>{% endif %}"), ["completion", "thinking"]),
        (ModelFacts({}, "", has_projector=True), ["completion", "vision"]),
        (ModelFacts({"bert.pooling_type": 1}, "{{ tools }}"), ["embedding"]),
    ],
)
def test_capabilities(facts: ModelFacts, found: list[str]) -> None:
    assert capabilities(facts) == found


def test_show() -> None:
    facts = ModelFacts({"general.architecture": "llama", "tokenizer.ggml.tokens": None}, "{{ messages }}")
    found = ollama_models.show(MODEL, "ai/smollm2", facts, {"temperature": 0.5, "num_ctx": 4096})
    assert found["model_info"] == {"general.architecture": "llama", "tokenizer.ggml.tokens": None}
    assert [line.split() for line in str(found["parameters"]).splitlines()] == [
        ["temperature", "0.5"],
        ["num_ctx", "4096"],
    ]
    assert found["template"] == "{{ messages }}"


# ---- vectors -----------------------------------------------------------------------------------


def test_embed_takes_a_text_or_several() -> None:
    assert ollama_embed.parse({"model": "m", "input": "a"}).texts == ("a",)
    request = ollama_embed.parse(
        {"model": "m", "input": ["a", "b"], "truncate": False, "dimensions": 1, "keep_alive": "1m"}
    )
    assert (request.texts, request.truncates, request.dimensions, request.keep_alive_seconds) == (
        ("a", "b"),
        False,
        1,
        60,
    )
    for nothing in ("", [], None):
        assert ollama_embed.parse({"model": "m", "input": nothing}).texts == ()


@pytest.mark.parametrize("value", [3, [3], [""], ["a"] * 3000])
def test_what_cannot_be_embedded(value: object) -> None:
    with pytest.raises(InvalidRequest):
        ollama_embed.parse({"model": "m", "input": value})


def test_vectors_in_both_forms() -> None:
    result = EmbeddingResult(((0.6, 0.8, 0.0), (0.0, 0.0, 1.0)), 7)
    request = ollama_embed.parse({"model": "m", "input": ["a", "b"], "dimensions": 2})
    found = json.loads(ollama_embed.render(request, result, 1.0, 1.5))
    assert found["embeddings"] == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
    assert (found["model"], found["prompt_eval_count"], found["load_duration"]) == ("m", 7, 500_000_000)
    assert isinstance(found["total_duration"], int)
    older = ollama_embed.parse_older({"model": "m", "prompt": "a"})
    assert json.loads(ollama_embed.render(older, result, 1.0, 1.5)) == {"embedding": [0.6, 0.8, 0.0]}
    assert json.loads(ollama_embed.render(older, EmbeddingResult((), 0), 1.0, 1.5)) == {"embedding": []}
    too_many = ollama_embed.parse({"model": "m", "input": "a", "dimensions": 4})
    with pytest.raises(InvalidRequest, match="3 dimensions"):
        ollama_embed.render(too_many, result, 1.0, 1.5)


# ---- progress ----------------------------------------------------------------------------------


def test_progress_in_ollamas_words() -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    layer = Progress("progress", "Downloaded: 1 MB", 100, digest, 80, 20)
    assert ollama_progress.progress_object(layer) == {
        "status": "pulling 0123456789ab",
        "digest": digest,
        "total": 80,
        "completed": 20,
    }
    assert ollama_progress.progress_object(Progress("progress", "waiting")) == {"status": "waiting"}
    assert ollama_progress.opening("pull") == {"status": "pulling manifest"}
