"""The view model: pure, so no Qt here."""

from dataclasses import replace
from pathlib import Path

import pytest

from dmr_desktop.desktop.state import (
    HISTORY_SAMPLES,
    DesktopState,
    Link,
    Shape,
    apply,
    find_pull,
    shape_of,
    trouble_of,
    with_link,
)
from dmr_desktop.protocol.json_types import JSON, JSONObject
from dmr_desktop.protocol.notices import GpuSample, PullState, PullStatus, TcpStatus, TelemetrySample
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from dmr_desktop.protocol.wire import WireError, dump
from tests.fakes.fake_service import empty_snapshot

MODEL_ID = "sha256:" + "a" * 64
MODEL: JSONObject = {
    "id": MODEL_ID,
    "tags": ["docker.io/ai/smollm2:latest"],
    "created": 1,
    "config": {"format": "gguf", "quantization": "Q4_K_M", "parameters": "361.82 M", "context_size": 8192},
    "size_bytes": 268_000_000,
}


def connected() -> DesktopState:
    return apply(DesktopState(), "snapshot", dump(empty_snapshot(Path("/run/dmr.sock"))))


def runner(state: RunnerState = RunnerState.READY, **facts: object) -> RunnerStatus:
    made = RunnerStatus("llama.cpp", MODEL_ID, "ai/smollm2", Mode.COMPLETION, state)
    return replace(made, **facts)  # type: ignore[arg-type]


def sample(at: float = 0.0) -> TelemetrySample:
    return TelemetrySample(at, 12.5, 1, 2, 0, 0.0, 0, (GpuSample("gpu", None, None, None),))


def test_snapshot_connects_and_fills_everything() -> None:
    snapshot = replace(
        empty_snapshot(Path("/run/dmr.sock")),
        models=(MODEL,),
        runners=(runner(),),
        pulls=(PullStatus("docker.io/ai/x:latest", "running"), PullStatus("docker.io/ai/y:latest", "failed")),
        telemetry=(sample(),),
    )
    state = apply(DesktopState(), "snapshot", dump(snapshot))
    assert state.is_connected
    assert [model.name for model in state.models] == ["ai/smollm2"]
    assert state.models[0].context_size == 8192
    assert state.runner_of(state.models[0]) == runner()
    assert [pull.reference for pull in state.pulls] == ["docker.io/ai/x:latest"]
    assert state.telemetry == (sample(),)


def test_each_section_replaces_its_own_part_only() -> None:
    state = apply(connected(), "models", {"models": [MODEL]})
    state = apply(state, "runners", {"runners": [dump(runner())]})
    state = apply(state, "tcp", dump(TcpStatus(True, True, 12500)))
    assert len(state.models) == 1
    assert state.loaded == (runner(),)
    assert state.base_url == "http://localhost:12500/engines/v1"
    assert apply(state, "models", {"models": []}).runners == state.runners


def test_an_unknown_event_changes_nothing() -> None:
    assert apply(connected(), "weather", {"id": "1"}) == connected()


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("snapshot", {"version": "1"}),
        ("models", {"models": [{"tags": []}]}),
        ("models", []),
        ("runners", {"runners": [{"backend": 1}]}),
        ("tcp", {"enabled": "yes"}),
        ("pull", None),
    ],
)
def test_a_wrong_shape_is_an_error(event: str, data: JSON) -> None:
    with pytest.raises(WireError):
        apply(connected(), event, data)


def test_a_model_without_tags_or_facts_is_shown_by_its_short_id() -> None:
    state = apply(connected(), "models", {"models": [{"id": MODEL_ID, "config": None}]})
    assert state.models[0].name == "a" * 12
    assert state.models[0].reference == MODEL_ID
    assert state.models[0].size_bytes == 0


def test_pulls_keep_their_place_and_leave_when_they_end() -> None:
    state = connected()
    for name in ("a", "b"):
        state = apply(state, "pull", dump(PullStatus(name, "running", 0, 10)))
    state = apply(state, "pull", dump(PullStatus("a", "running", 5, 10)))
    assert [(pull.reference, pull.current_bytes) for pull in state.pulls] == [("a", 5), ("b", 0)]
    endings: tuple[PullState, ...] = ("done", "failed", "cancelled")
    for ending in endings:
        assert [pull.reference for pull in apply(state, "pull", dump(PullStatus("a", ending))).pulls] == ["b"]


def test_a_pull_is_found_by_what_the_user_typed() -> None:
    pulls = (PullStatus("docker.io/ai/smollm2:latest", "running"),)
    assert find_pull(pulls, "smollm2") is pulls[0]
    assert find_pull(pulls, "ai/smollm2:latest") is pulls[0]
    assert find_pull(pulls, "ai/smollm2:360M") is None


def test_history_is_bounded() -> None:
    state = connected()
    for at in range(HISTORY_SAMPLES + 5):
        state = apply(state, "telemetry", dump(sample(float(at))))
    assert len(state.telemetry) == HISTORY_SAMPLES
    assert state.telemetry[0].at == 5.0


def test_losing_the_link_forgets_what_only_the_service_knows() -> None:
    state = with_link(apply(connected(), "models", {"models": [MODEL]}), Link.LOST, "gone")
    assert state.models == ()
    assert state.tcp is None
    assert state.base_url is None
    assert state.fault == "gone"
    assert state.socket_path == "/run/dmr.sock"


@pytest.mark.parametrize(
    ("link", "shape"),
    [
        (Link.CONNECTING, Shape.STARTING),
        (Link.STARTING, Shape.STARTING),
        (Link.LOST, Shape.ERROR),
        (Link.FAILED, Shape.ERROR),
        (Link.STOPPED, Shape.STOPPED),
    ],
)
def test_shape_without_a_connection(link: Link, shape: Shape) -> None:
    assert shape_of(with_link(DesktopState(), link)) is shape


def test_shape_of_what_the_service_does() -> None:
    state = connected()
    assert shape_of(state) is Shape.READY
    loading = replace(state, runners=(runner(RunnerState.STARTING, active_requests=1),))
    assert shape_of(loading) is Shape.STARTING
    busy = replace(state, runners=(runner(active_requests=1), runner(RunnerState.STARTING)))
    assert shape_of(busy) is Shape.BUSY
    pulling = replace(busy, pulls=(PullStatus("x", "running"),))
    assert shape_of(pulling) is Shape.PULLING
    broken = replace(pulling, runners=(runner(RunnerState.FAILED, error="out of memory"),))
    assert shape_of(broken) is Shape.ERROR
    assert trouble_of(broken) == "ai/smollm2: out of memory"


def test_a_busy_port_is_trouble() -> None:
    state = replace(connected(), tcp=TcpStatus(True, False, 12434, error="port 12434 is in use by nginx (pid 7)"))
    assert shape_of(state) is Shape.ERROR
    assert trouble_of(state) == "port 12434 is in use by nginx (pid 7)"
    assert state.base_url is None


def test_a_port_that_was_busy_when_nobody_wants_it_is_no_trouble() -> None:
    state = replace(connected(), tcp=TcpStatus(False, False, 12434, error="port 12434 is in use"))
    assert shape_of(state) is Shape.READY


def test_a_live_runner_is_shown_before_a_failed_one() -> None:
    state = apply(connected(), "models", {"models": [MODEL]})
    state = replace(state, runners=(runner(RunnerState.FAILED), runner(RunnerState.READY, mode=Mode.EMBEDDING)))
    shown = state.runner_of(state.models[0])
    assert shown is not None
    assert shown.state is RunnerState.READY
