"""``/metrics``: what this service counted since it started, and what its runners say of themselves, for Prometheus.

Series carry Docker Model Runner's labels ``backend``, ``model``, ``mode``. A runner's own numbers have the names that
llama.cpp's server gives them, so that dashboards made for it work here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dmr_desktop.backends.base import DEFAULT_BACKEND, Runner
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import RunnerState, RunnerStatus
from dmr_desktop.service.loader import Loader, LoaderEvent
from dmr_desktop.service.prometheus_text import Family, Histogram, Labels, render
from dmr_desktop.service.recorder import Record, Subject

NO_RUNNERS = "# No active runners\n"
MAX_SUBJECTS = 256
STATS_SECONDS = 2.0
"""A runner that does not answer in time is left out."""

_TO_FIRST_TOKEN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_PER_TOKEN = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_WHOLE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


@dataclass(slots=True)
class _Counts:
    """Of one model in one mode."""

    outcomes: dict[str, int] = field(default_factory=lambda: {"done": 0, "failed": 0, "cancelled": 0})
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    to_first_token: Histogram = field(default_factory=lambda: Histogram(_TO_FIRST_TOKEN))
    per_token: Histogram = field(default_factory=lambda: Histogram(_PER_TOKEN))
    whole: Histogram = field(default_factory=lambda: Histogram(_WHOLE))
    events: dict[LoaderEvent, int] = field(default_factory=lambda: {"load": 0, "load_failure": 0, "crash": 0})
    load_seconds: float = 0.0


class Metrics:
    """``request_ended`` and ``loader_event`` count; the rest is asked for when somebody wants to see it."""

    def __init__(self) -> None:
        self._counts: dict[Subject, _Counts] = {}

    def request_ended(self, record: Record) -> None:
        counts = self._of(record.subject)
        counts.outcomes[record.outcome] += 1
        counts.whole.observe(record.duration_ms / 1000)
        if record.first_token_ms is not None:
            counts.to_first_token.observe(record.first_token_ms / 1000)
        usage = record.usage
        if usage is None:
            return
        counts.prompt_tokens += usage.prompt_tokens - usage.cached_tokens
        counts.cached_tokens += usage.cached_tokens
        counts.generated_tokens += usage.completion_tokens
        if usage.completion_tokens > 1 and record.timings.predicted_ms > 0:
            counts.per_token.observe(record.timings.predicted_ms / 1000 / (usage.completion_tokens - 1))

    def loader_event(self, event: LoaderEvent, subject: Subject, seconds: float) -> None:
        counts = self._of(subject)
        counts.events[event] += 1
        if event == "load":
            counts.load_seconds += seconds

    def _of(self, subject: Subject) -> _Counts:
        counts = self._counts.get(subject)
        if counts is None:
            if len(self._counts) >= MAX_SUBJECTS:
                del self._counts[next(iter(self._counts))]
            counts = self._counts[subject] = _Counts()
        return counts

    async def text(self, loader: Loader) -> str:
        statuses = loader.subjects()
        ready = [(subject, runner) for subject, _, runner in statuses if runner is not None]
        stats = await asyncio.gather(*(_ask(runner) for _, runner in ready))
        found = [(labels(subject), answer) for (subject, _), answer in zip(ready, stats, strict=True)]
        own = render(
            [*self._counted(), *_states([(labels(subject), status) for subject, status, _ in statuses]), *_told(found)]
        )
        return own if ready else NO_RUNNERS + own

    def _counted(self) -> list[Family]:
        requests = Family("dmr_requests_total", "counter", "Inference requests that have ended, by outcome.")
        prompt = Family("dmr_prompt_tokens_total", "counter", "Prompt tokens of answered requests that were computed.")
        cached = Family("dmr_cached_tokens_total", "counter", "Prompt tokens of answered requests found in the cache.")
        generated = Family("dmr_generated_tokens_total", "counter", "Tokens generated for answered requests.")
        first = Family("dmr_time_to_first_token_seconds", "histogram", "From a request's begin to its first token.")
        per = Family("dmr_time_per_output_token_seconds", "histogram", "Mean time between a request's tokens.")
        whole = Family("dmr_request_duration_seconds", "histogram", "From a request's begin to its end.")
        loads = Family("dmr_runner_loads_total", "counter", "Models loaded.")
        seconds = Family("dmr_runner_load_seconds_total", "counter", "Time spent loading models.")
        failures = Family("dmr_runner_load_failures_total", "counter", "Models that could not be loaded.")
        crashes = Family("dmr_runner_crashes_total", "counter", "Runner processes that died by themselves.")
        for subject, counts in self._counts.items():
            of = labels(subject)
            for outcome, count in counts.outcomes.items():
                requests.add((*of, ("outcome", outcome)), count)
            prompt.add(of, counts.prompt_tokens)
            cached.add(of, counts.cached_tokens)
            generated.add(of, counts.generated_tokens)
            first.add_histogram(of, counts.to_first_token)
            per.add_histogram(of, counts.per_token)
            whole.add_histogram(of, counts.whole)
            loads.add(of, counts.events["load"])
            seconds.add(of, counts.load_seconds)
            failures.add(of, counts.events["load_failure"])
            crashes.add(of, counts.events["crash"])
        return [requests, prompt, cached, generated, first, per, whole, loads, seconds, failures, crashes]


def labels(subject: Subject) -> Labels:
    return (("backend", DEFAULT_BACKEND), ("model", subject.model), ("mode", subject.mode.value))


async def _ask(runner: Runner) -> Mapping[str, JSON]:
    try:
        async with asyncio.timeout(STATS_SECONDS):
            return await runner.stats()
    except (DMRError, TimeoutError):
        return {}


def _states(statuses: Sequence[tuple[Labels, RunnerStatus]]) -> list[Family]:
    ready = Family("dmr_runner_ready", "gauge", "1: the model is loaded and answers.")
    active = Family("dmr_runner_requests", "gauge", "Requests that use the runner or wait for it.")
    memory = Family("dmr_runner_memory_bytes", "gauge", "What the runner's process holds of RAM and graphics memory.")
    for of, status in statuses:
        ready.add(of, status.state in (RunnerState.READY, RunnerState.BUSY))
        active.add(of, status.active_requests)
        memory.add(of, status.memory_bytes)
    return [ready, active, memory]


_TOLD = (
    ("running", "llamacpp:requests_processing", "gauge", "Sequences that are being computed."),
    ("waiting", "llamacpp:requests_deferred", "gauge", "Sequences that wait for a place."),
    ("prompt_tokens", "llamacpp:prompt_tokens_total", "counter", "Prompt tokens computed."),
    ("generated_tokens", "llamacpp:tokens_predicted_total", "counter", "Tokens generated."),
    ("steps", "llamacpp:n_decode_total", "counter", "Batches computed."),
    ("decode_seconds", "dmr_engine_decode_seconds_total", "counter", "Time spent computing batches."),
    ("cached_tokens", "dmr_engine_cached_tokens_total", "counter", "Prompt tokens found in the KV cache."),
    ("forced_tokens", "dmr_engine_forced_tokens_total", "counter", "Tokens that a grammar left no choice about."),
    ("preemptions", "dmr_engine_preemptions_total", "counter", "Sequences that lost their place for want of room."),
    ("threads", "dmr_engine_threads", "gauge", "Threads that compute."),
    ("kv_cells", "dmr_kv_cache_cells", "gauge", "Tokens that the KV cache has room for."),
    ("kv_cells_used", "llamacpp:kv_cache_tokens", "gauge", "Tokens that the KV cache holds, idle prefixes included."),
    ("kv_usage", "llamacpp:kv_cache_usage_ratio", "gauge", "How full the KV cache is, 0 to 1."),
    ("inputs", "dmr_engine_inputs_total", "counter", "Texts turned into vectors or scores."),
)


def _told(found: Sequence[tuple[Labels, Mapping[str, JSON]]]) -> list[Family]:
    families = []
    for key, name, kind, text in _TOLD:
        family = Family(name, "counter" if kind == "counter" else "gauge", text)
        for of, stats in found:
            value = _usage(stats) if key == "kv_usage" else stats.get(key)
            if isinstance(value, int | float):
                family.add(of, value)
        families.append(family)
    return families


def _usage(stats: Mapping[str, JSON]) -> float | None:
    match stats:
        case {"kv_cells": int(cells), "kv_cells_used": int(used)} if cells > 0:
            return round(used / cells, 4)
    return None
