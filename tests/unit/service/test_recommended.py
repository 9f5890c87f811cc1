"""Sampling defaults out of a model's own metadata."""

from dmr_desktop.protocol.models import ModelConfig
from dmr_desktop.service.recommended import recommended_sampling


def test_a_model_without_a_recommendation() -> None:
    assert recommended_sampling(ModelConfig(gguf={"general.architecture": "llama"})) == {}


def test_what_is_recommended_has_openai_names() -> None:
    keys = {
        "temp": "0.6",
        "top_p": "0.95",
        "top_k": "20",
        "min_p": "0",
        "penalty_repeat": "1.05",
        "penalty_last_n": "64",
    }
    config = ModelConfig(gguf={f"general.sampling.{key}": text for key, text in keys.items()})
    assert recommended_sampling(config) == {
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": 20,
        "min_p": 0.0,
        "repeat_penalty": 1.05,
        "repeat_last_n": 64,
    }


def test_nonsense_is_no_recommendation() -> None:
    keys = {"temp": "nan", "top_p": "7", "top_k": "many", "min_p": "-1"}
    config = ModelConfig(gguf={f"general.sampling.{key}": text for key, text in keys.items()})
    assert recommended_sampling(config) == {}
