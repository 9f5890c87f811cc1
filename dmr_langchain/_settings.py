"""How the service shall run a model: the body of DMR's ``_configure``. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

Mode: TypeAlias = Literal["completion", "embedding", "reranking"]
Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "adaptive"]

BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "adaptive": -1}
"""Tokens a model may think, by the word that docker-agent uses; -1: as many as it likes."""

_DURATION = re.compile(r"0|-1|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")


def duration(keep_alive: str | int) -> str:
    """``"10m"``, ``"-1"`` (for ever) or a number of seconds, as the service reads it. Raises ValueError."""
    if isinstance(keep_alive, int):
        return str(keep_alive) if keep_alive == 0 else "-1" if keep_alive < 0 else f"{keep_alive}s"
    text = keep_alive.strip()
    if not _DURATION.fullmatch(text):
        raise ValueError(f"keep_alive: {keep_alive!r} is not a duration such as '10m', '1h30m', '0' or '-1'")
    return text


def configuration(
    model: str,
    *,
    mode: Mode | None = None,
    context_size: int | None = None,
    keep_alive: str | int | None = None,
    runtime_flags: Sequence[str] | str | None = None,
    raw_runtime_flags: str | None = None,
    thinking_budget: int | Effort | None = None,
    speculative_draft_model: str | None = None,
    speculative_num_tokens: int | None = None,
    speculative_acceptance_rate: float | None = None,
) -> dict[str, Any] | None:
    """The request's body, or None if nothing is wished for. Raises ValueError."""
    wish: dict[str, Any] = {}
    if context_size is not None:
        wish["context-size"] = context_size
    if keep_alive is not None:
        wish["keep_alive"] = duration(keep_alive)
    if runtime_flags and raw_runtime_flags:
        raise ValueError("runtime_flags and raw_runtime_flags exclude each other")
    if runtime_flags:
        wish["runtime-flags"] = (
            shlex.split(runtime_flags) if isinstance(runtime_flags, str) else [str(flag) for flag in runtime_flags]
        )
    if raw_runtime_flags:
        wish["raw-runtime-flags"] = raw_runtime_flags
    if thinking_budget is not None:
        budget = BUDGETS[thinking_budget] if isinstance(thinking_budget, str) else thinking_budget
        wish["llamacpp"] = {"reasoning-budget": budget}
    speculative = {
        "draft_model": speculative_draft_model,
        "num_tokens": speculative_num_tokens,
        "min_acceptance_rate": speculative_acceptance_rate,
    }
    if given := {name: value for name, value in speculative.items() if value is not None}:
        wish["speculative"] = given
    if not wish:
        return None
    return {"model": model, "mode": mode or "completion", **wish}
