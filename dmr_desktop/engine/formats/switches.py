"""How hard a model shall think, in the variables that its template reads: there are many names for one wish."""

from collections.abc import Callable, Mapping
from typing import Any

from dmr_desktop.protocol.json_types import JSON

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_AMONG_THREE = {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}
_EFFORT_NAMES = ("reasoning_effort", "reasoning_strength", "thinking_effort")
_NO_EFFORT = ("no_think", "none")
_NO_THINK = "/no_think"

Accepts = Callable[[Mapping[str, JSON]], bool]
"""Whether the template renders with these variables."""


def thinking_variables(
    given: Mapping[str, JSON],
    reads: frozenset[str],
    source: str,
    budget: int | None,
    accepts: Accepts,
    *,
    has_three_efforts: bool = False,
) -> dict[str, JSON]:
    """``given``, and the same wish under the other names that the template ``reads``.

    What is given under a template's own name stays as it is. ``has_three_efforts``: the model knows low, medium and
    high, whatever its template lets pass.
    """
    found = dict(given)
    thinks = given.get("enable_thinking")
    if isinstance(thinks, bool):
        for name, value in _switches(thinks, source, reads).items():
            if name in reads:
                found.setdefault(name, value)
    elif isinstance(given.get("thinking"), bool):
        found["enable_thinking"] = given["thinking"]
    if budget is not None and "thinking_budget" in reads:
        found.setdefault("thinking_budget", budget)
    effort = given.get("reasoning_effort")
    if isinstance(effort, str):
        for name in _EFFORT_NAMES:
            if name in reads and (name == "reasoning_effort" or name not in given):
                known = _AMONG_THREE.get(effort, effort) if has_three_efforts else effort
                found[name] = _accepted(name, known, found, accepts)
    return found


def says_no_think(given: Mapping[str, JSON], reads: frozenset[str], source: str) -> bool:
    """Whether thinking is switched off by a word in the system message, as some templates want it."""
    return given.get("enable_thinking") is False and "enable_thinking" not in reads and _NO_THINK in source


def _switches(thinks: bool, source: str, reads: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"thinking": thinks, "thinking_mode": "enabled" if thinks else "disabled"}
    off = next((word for word in _NO_EFFORT if f"'{word}'" in source or f'"{word}"' in source), None)
    if not thinks:
        found["thinking_budget"] = 0
    if not thinks and off:
        found["reasoning_effort"] = off
    elif not thinks and not reads & {"enable_thinking", "thinking"}:
        found["reasoning_effort"] = "low"
    elif thinks and off == "no_think":
        # Only models that do not think unless told have a word for it.
        found["reasoning_effort"] = "high"
    return found


def _accepted(name: str, effort: str, found: Mapping[str, JSON], accepts: Accepts) -> str:
    """``effort``, or the nearest that the template does not refuse, rather more than less."""
    if effort not in _EFFORTS or accepts({**found, name: effort}):
        return effort
    at = _EFFORTS.index(effort)
    others = sorted(_EFFORTS, key=lambda word: (abs(_EFFORTS.index(word) - at), -_EFFORTS.index(word)))
    return next((word for word in others if accepts({**found, name: word})), effort)
