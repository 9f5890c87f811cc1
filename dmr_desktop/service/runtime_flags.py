"""llama.cpp's command line flags, as far as this program's engine honours them.

Docker Model Runner hands the flags of ``_configure`` to llama-server. Here those that configure a runner
become fields of its configuration, those that set a sampling default become defaults of the request's
fields, and every other is refused by name, in Docker Model Runner's sentences.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON

ALWAYS_ON = frozenset({"--jinja", "--cont-batching", "-cb", "--cache-prompt", "--embeddings", "--embedding"})
"""What the engine does anyway, or the mode says."""


@dataclass(frozen=True, slots=True)
class FlagSettings:
    """``defaults`` are fields of OpenAI's request body."""

    context_size: int | None = None
    num_sequences: int | None = None
    gpu_layers: int | None = None
    threads: int | None = None
    defaults: dict[str, JSON] = field(default_factory=dict)


def _whole(low: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < low:
            raise ValueError(text)
        return value

    return parse


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _object(text: str) -> dict[str, JSON]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


_SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "--ctx-size": ("context_size", _whole(0)),
    "-c": ("context_size", _whole(0)),
    "--parallel": ("num_sequences", _whole(1)),
    "-np": ("num_sequences", _whole(1)),
    "--gpu-layers": ("gpu_layers", _whole(0)),
    "--n-gpu-layers": ("gpu_layers", _whole(0)),
    "-ngl": ("gpu_layers", _whole(0)),
    "--threads": ("threads", _whole(1)),
    "-t": ("threads", _whole(1)),
}
_DEFAULTS: dict[str, tuple[str, Callable[[str], JSON]]] = {
    "--temp": ("temperature", _decimal),
    "--temperature": ("temperature", _decimal),
    "--top-k": ("top_k", _whole(0)),
    "--top-p": ("top_p", _decimal),
    "--min-p": ("min_p", _decimal),
    "--repeat-penalty": ("repeat_penalty", _decimal),
    "--repeat-last-n": ("repeat_last_n", _whole(-1)),
    "--presence-penalty": ("presence_penalty", _decimal),
    "--frequency-penalty": ("frequency_penalty", _decimal),
    "--seed": ("seed", _whole(-1)),
    "-s": ("seed", _whole(-1)),
    "--predict": ("max_tokens", _whole(1)),
    "--n-predict": ("max_tokens", _whole(1)),
    "-n": ("max_tokens", _whole(1)),
    "--chat-template-kwargs": ("chat_template_kwargs", _object),
}


def read_flags(tokens: Sequence[str], backend: str) -> FlagSettings:
    """Raises :class:`DMRError` (status 500, as Docker Model Runner answers) naming the flag that cannot be."""
    for token in tokens:
        if "/" in token or "\\" in token:
            raise DMRError(f"invalid runtime flag \"{token}\": paths are not allowed (contains '/' or '\\\\')")
        name, _, value = token.partition("=")
        if name.startswith("-") and not (name in _SETTINGS or name in _DEFAULTS or name in ALWAYS_ON):
            raise DMRError(f'runtime flag "{name}" is not allowed for backend "{backend}"')
        if value.startswith("-") and not value[1:2].isdigit():
            raise DMRError(f"invalid flag \"{token}\": value cannot start with '-' unless followed by a digit")
    found = FlagSettings()
    waiting = list(tokens)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        if name in ALWAYS_ON:
            continue
        if not name.startswith("-"):
            raise DMRError(f'"{name}" is not a runtime flag')
        if not equals:
            value = waiting.pop(0) if waiting and not waiting[0].startswith("-") else ""
        found = _with(found, name, value)
    return found


def _with(found: FlagSettings, name: str, text: str) -> FlagSettings:
    try:
        if name in _SETTINGS:
            setting, parse = _SETTINGS[name]
            return replace(found, **{setting: parse(text)})
        field_name, parse = _DEFAULTS[name]
        return replace(found, defaults={**found.defaults, field_name: parse(text)})
    except ValueError:
        raise DMRError(f'invalid value for runtime flag "{name}": "{text}"') from None
