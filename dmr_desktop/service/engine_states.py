"""How runners and backends look in Docker Model Runner's listings. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.dialects.durations import format_duration
from dmr_desktop.dialects.times import rfc3339
from dmr_desktop.protocol.errors import BackendNotFound
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.runners import RunnerKey, RunnerState, RunnerStatus
from dmr_desktop.service.wishes import Wish

ZERO_TIME = "0001-01-01T00:00:00Z"
KNOWN_BACKENDS = (DEFAULT_BACKEND, "vllm", "mlx", "sglang", "diffusers")
_MAX_NAME_CHARS = 40
_SHOWN = (RunnerState.STARTING, RunnerState.READY, RunnerState.BUSY)


def check_backend(name: str) -> None:
    """``name`` as a path has it. Raises BackendNotFound with the next step after a wrong base URL, the usual cause."""
    if name not in KNOWN_BACKENDS:
        raise BackendNotFound(
            "backend not found",
            hint=f"No engine is called {name[:_MAX_NAME_CHARS]!r}: leave the name away, as in /engines/v1. "
            "A client that adds /v1 itself needs a base URL that ends in /engines",
        )


def ps_line(runner: RunnerStatus, keep_alive_seconds: float | None) -> dict[str, object]:
    is_loading, is_used = runner.state is RunnerState.STARTING, runner.active_requests > 0
    line: dict[str, object] = {
        "backend_name": runner.backend,
        "model_name": runner.model_name,
        "mode": runner.mode.value,
        "last_used": ZERO_TIME if is_loading or is_used or not runner.last_used else _moment(runner.last_used),
    }
    if is_loading:
        line["loading"] = True
    elif is_used:
        line["in_use"] = True
    if keep_alive_seconds is not None:
        line["keep_alive"] = format_duration(keep_alive_seconds)
    # Ours: what it costs, once that is known.
    if runner.facts is not None:
        line["context_size"] = runner.facts.context_size
    if runner.memory_bytes:
        line["memory_bytes"] = runner.memory_bytes
    if runner.card_bytes:
        line["card_bytes"] = runner.card_bytes
    return line


def ps_lines(
    runners: Sequence[RunnerStatus], keep_alive_of: Callable[[RunnerKey], float | None]
) -> list[dict[str, object]]:
    """``keep_alive_of`` tells the seconds that were configured."""
    return [
        ps_line(runner, keep_alive_of(RunnerKey(runner.backend, runner.model_id, runner.mode)))
        for runner in runners
        if runner.state in _SHOWN
    ]


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def backend_states() -> dict[str, str]:
    """``Running`` or ``Not Installed`` with details, by backend, sorted by name."""
    states = dict.fromkeys(sorted(KNOWN_BACKENDS), "Not Installed")
    try:
        states[DEFAULT_BACKEND] = f"Running: llama.cpp (llama-cpp-python {version('llama-cpp-python')})"
    except PackageNotFoundError:
        states[DEFAULT_BACKEND] = "Not Installed: package not installed"
    return states


def configuration_lines(wishes: Mapping[RunnerKey, Wish], models: Mapping[str, Model]) -> list[dict[str, object]]:
    """Those of stored models only. ``models`` by id."""
    return [
        {
            "Backend": key.backend,
            "Model": next(iter(models[key.model_id].tags), ""),
            "ModelID": key.model_id,
            "Mode": key.mode.value,
            "Config": wish.shown,
        }
        for key, wish in wishes.items()
        if key.model_id in models
    ]
