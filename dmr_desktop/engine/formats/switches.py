"""How hard a model shall think, in the variables that its template reads: there are many names for one wish."""

from collections.abc import Callable, Mapping
from typing import Any

from dmr_desktop.protocol.json_types import JSON

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_EFFORT_NAMES = ("reasoning_effort", "reasoning_strength", "thinking_effort")
_NO_EFFORT = ("no_think", "none")
_NO_THINK = "/no_think"

Accepts = Callable[[Mapping[str, JSON]], bool]
"""Whether the template renders with these variables."""


def thinking_variables(
    given: Mapping[str, JSON], reads: frozenset[str], source: str, budget: int | None, accepts: Accepts
) -> dict[str, JSON]:
    """``given``, and the same wish under the other names that the template ``reads``.

    What is given under a template's own name stays as it is.
    """
    found = dict(given)
    thinks = given.get("enable_thinking")
    if isinstance(thinks, bool):
        for name, value in _switches(thinks, source).items():
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
                found[name] = _accepted(name, effort, found, accepts)
    return found


def says_no_think(given: Mapping[str, JSON], reads: frozenset[str], source: str) -> bool:
    """Whether thinking is switched off by a word in the system message, as some templates want it."""
    return given.get("enable_thinking") is False and "enable_thinking" not in reads and _NO_THINK in source


def _switches(thinks: bool, source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"thinking": thinks, "thinking_mode": "enabled" if thinks else "disabled"}
    if not thinks:
        found["thinking_budget"] = 0
        word = next((word for word in _NO_EFFORT if f"'{word}'" in source or f'"{word}"' in source), None)
        if word:
            found["reasoning_effort"] = word
    return found


def _accepted(name: str, effort: str, found: Mapping[str, JSON], accepts: Accepts) -> str:
    """``effort``, or the nearest that the template does not refuse, rather more than less."""
    if effort not in _EFFORTS or accepts({**found, name: effort}):
        return effort
    at = _EFFORTS.index(effort)
    others = sorted(_EFFORTS, key=lambda word: (abs(_EFFORTS.index(word) - at), -_EFFORTS.index(word)))
    return next((word for word in others if accepts({**found, name: word})), effort)
