"""What is sent to have a model run as wished."""

from typing import Any

import pytest

from dmr_langchain._settings import configuration, duration


@pytest.mark.parametrize(
    ("given", "sent"), [("10m", "10m"), ("1h30m", "1h30m"), ("0", "0"), ("-1", "-1"), (0, "0"), (-5, "-1"), (90, "90s")]
)
def test_durations(given: str | int, sent: str) -> None:
    assert duration(given) == sent


@pytest.mark.parametrize("text", ["", "soon", "10", "10 m", "-5m", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="keep_alive"):
        duration(text)


@pytest.mark.parametrize(
    ("wishes", "sent"),
    [
        ({"context_size": 4096}, {"context-size": 4096}),
        ({"keep_alive": "-1"}, {"keep_alive": "-1"}),
        ({"runtime_flags": ["--temp", "0.7"]}, {"runtime-flags": ["--temp", "0.7"]}),
        ({"runtime_flags": "--temp 0.7"}, {"runtime-flags": ["--temp", "0.7"]}),
        ({"raw_runtime_flags": "--temp 0.7"}, {"raw-runtime-flags": "--temp 0.7"}),
        ({"thinking_budget": 0}, {"llamacpp": {"reasoning-budget": 0}}),
        ({"thinking_budget": "medium"}, {"llamacpp": {"reasoning-budget": 8192}}),
        ({"thinking_budget": "adaptive"}, {"llamacpp": {"reasoning-budget": -1}}),
        (
            {
                "speculative_draft_model": "ai/small",
                "speculative_num_tokens": 4,
                "speculative_acceptance_rate": 0.8,
            },
            {"speculative": {"draft_model": "ai/small", "num_tokens": 4, "min_acceptance_rate": 0.8}},
        ),
        ({"mode": "embedding", "context_size": 512}, {"mode": "embedding", "context-size": 512}),
    ],
)
def test_names_are_docker_model_runners(wishes: dict[str, Any], sent: dict[str, Any]) -> None:
    assert configuration("m", **wishes) == {"model": "m", "mode": "completion", **sent}


def test_nothing_wished_for_is_nothing_sent() -> None:
    assert configuration("m") is None
    assert configuration("m", mode="embedding") is None
