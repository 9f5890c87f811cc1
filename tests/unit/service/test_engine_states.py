from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dmr_desktop.dialects.times import rfc3339
from dmr_desktop.protocol.runners import Mode, RunnerFacts, RunnerKey, RunnerState, RunnerStatus
from dmr_desktop.service.engine_states import ZERO_TIME, backend_states, ps_lines

KEY = RunnerKey("llama.cpp", "sha256:a", Mode.COMPLETION)


def runner(state: RunnerState, active: int = 0, last_used: float = 1753179072.345678) -> RunnerStatus:
    return RunnerStatus(
        "llama.cpp", "sha256:a", "ai/x", Mode.COMPLETION, state, active_requests=active, last_used=last_used
    )


@pytest.mark.parametrize(
    ("status", "extra"),
    [
        (runner(RunnerState.READY), {"last_used": "2025-07-22T10:11:12.345678Z"}),
        (runner(RunnerState.READY, last_used=0), {"last_used": ZERO_TIME}),
        (runner(RunnerState.BUSY, 2), {"last_used": ZERO_TIME, "in_use": True}),
        (runner(RunnerState.STARTING, 1), {"last_used": ZERO_TIME, "loading": True}),
    ],
)
def test_a_line_of_ps(status: RunnerStatus, extra: dict[str, object]) -> None:
    assert ps_lines([status], lambda key: None) == [
        {"backend_name": "llama.cpp", "model_name": "ai/x", "mode": "completion", **extra}
    ]


def test_what_is_known_of_its_size_is_told() -> None:
    facts = RunnerFacts(4096, 8192, 8, 100, 10, "")
    status = replace(runner(RunnerState.READY), facts=facts, memory_bytes=7, card_bytes=5)
    (line,) = ps_lines([status], lambda key: None)
    assert (line["context_size"], line["memory_bytes"], line["card_bytes"]) == (4096, 7, 5)


def test_the_dead_are_not_listed() -> None:
    assert ps_lines([runner(RunnerState.FAILED), runner(RunnerState.STOPPING)], lambda key: None) == []


@pytest.mark.parametrize(("seconds", "text"), [(600, "10m0s"), (-1, "-1"), (0, "0s")])
def test_a_configured_keep_alive_is_shown(seconds: float, text: str) -> None:
    (line,) = ps_lines([runner(RunnerState.READY)], {KEY: seconds}.get)
    assert line["keep_alive"] == text


def test_whole_seconds() -> None:
    assert rfc3339(datetime.fromtimestamp(0, UTC)) == "1970-01-01T00:00:00Z"
    assert rfc3339(datetime.fromtimestamp(0, UTC), "microseconds") == "1970-01-01T00:00:00.000000Z"


def test_backends_are_sorted_and_one_runs() -> None:
    states = backend_states()
    assert list(states) == sorted(states)
    assert [name for name, state in states.items() if state.startswith("Running")] == ["llama.cpp"]
