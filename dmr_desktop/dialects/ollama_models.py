"""Models and runners as Ollama lists them: ``/api/tags``, ``/api/ps``, ``/api/show``. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dmr_desktop.dialects.openai_models import context_window
from dmr_desktop.dialects.times import rfc3339
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus

_FOR_EVER = timedelta(days=365 * 292)
"""How far ahead Ollama puts the end of a model that stays; its command line prints "Forever"."""
_LOADED = (RunnerState.STARTING, RunnerState.READY, RunnerState.BUSY)
_READS_TOOLS = re.compile(r"\btools\b")
_THINKS = re.compile(r"<think>|</think>|enable_thinking|reasoning_content|\bthinking\b|<\|channel\|>")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model's file says. ``metadata``: GGUF's keys, arrays as None. ``template`` is Jinja text, or ""."""

    metadata: Mapping[str, JSON]
    template: str = ""
    has_projector: bool = False


def names(model: Model) -> tuple[str, ...]:
    """Under which it is listed: each of its tags, or its id if it has none."""
    return model.tags or (model.id,)


def details(model: Model) -> dict[str, object]:
    config = model.config
    family = config.architecture
    return {
        "parent_model": "",
        "format": config.format or "gguf",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": config.parameters.replace(" ", ""),
        "quantization_level": config.quantization,
    }


def tag_list(models: Sequence[Model]) -> dict[str, object]:
    """One entry a tag, the newest models first, as Ollama sorts."""
    newest_first = sorted(models, key=lambda model: model.created, reverse=True)
    return {"models": [_entry(model, name) for model in newest_first for name in names(model)]}


def _entry(model: Model, name: str) -> dict[str, object]:
    return {
        "name": name,
        "model": name,
        "modified_at": rfc3339(datetime.fromtimestamp(model.created, UTC)),
        "size": model.size_bytes,
        "digest": model.id.removeprefix("sha256:"),
        "details": details(model),
    }


def ps_list(
    runners: Sequence[RunnerStatus], models: Mapping[str, Model], now: datetime, idle_seconds: float
) -> dict[str, object]:
    """One entry a model, however many runners it has. ``models`` by id.

    A model in use ends ``idle_seconds`` from now at the earliest; one that stays, in centuries.
    """
    loaded: dict[str, list[RunnerStatus]] = {}
    for runner in runners:
        if runner.state in _LOADED and runner.model_id in models:
            loaded.setdefault(runner.model_id, []).append(runner)
    return {"models": [_running(models[key], found, now, idle_seconds) for key, found in loaded.items()]}


def _running(model: Model, runners: Sequence[RunnerStatus], now: datetime, idle_seconds: float) -> dict[str, object]:
    # The name that the list has: clients look one up in the other.
    name = next((tag for tag in model.tags if _is_called(tag, runners[0].model_name)), names(model)[0])
    generating = next((runner for runner in runners if runner.mode is Mode.COMPLETION), runners[0])
    return {
        "name": name,
        "model": name,
        "size": sum(runner.memory_bytes for runner in runners),
        "digest": model.id.removeprefix("sha256:"),
        "details": details(model),
        "expires_at": rfc3339(max(_expires_at(runner, now, idle_seconds) for runner in runners)),
        "size_vram": sum(runner.card_bytes for runner in runners),
        "context_length": generating.facts.context_size if generating.facts else context_window(model) or 0,
    }


def _expires_at(runner: RunnerStatus, now: datetime, idle_seconds: float) -> datetime:
    if runner.expires_at is not None:
        return datetime.fromtimestamp(runner.expires_at, UTC)
    if runner.state is RunnerState.READY or idle_seconds < 0:
        return now + _FOR_EVER
    return now + timedelta(seconds=idle_seconds)


def _is_called(tag: str, asked: str) -> bool:
    """Whether a client that wrote ``asked`` may have meant ``tag``."""
    asked = asked.lower() if ":" in asked.rpartition("/")[2] else f"{asked.lower()}:latest"
    return tag.lower() == asked or tag.lower().endswith(f"/{asked}")


def show(model: Model, name: str, facts: ModelFacts, parameters: Mapping[str, JSON]) -> dict[str, object]:
    """``parameters``: what holds where a request sets nothing, in Ollama's names."""
    return {
        "modelfile": f"FROM {name}\n",
        "parameters": "\n".join(f"{key:<30} {value}" for key, value in parameters.items()),
        "template": facts.template,
        "details": details(model),
        "model_info": dict(facts.metadata),
        "capabilities": capabilities(facts),
        "modified_at": rfc3339(datetime.fromtimestamp(model.created, UTC)),
    }


def capabilities(facts: ModelFacts) -> list[str]:
    """A model with a pooling layer makes vectors; what any other can do is read off its chat template."""
    if any(key.endswith(".pooling_type") for key in facts.metadata):
        return ["embedding"]
    found = ["completion"]
    if facts.has_projector:
        found.append("vision")
    if _READS_TOOLS.search(facts.template):
        found.append("tools")
    if _THINKS.search(facts.template):
        found.append("thinking")
    return found
