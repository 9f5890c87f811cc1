"""What ``_configure`` has set: read, checked, handed to the loader, and shown again as it was written.

The loader knows what a runner is started with; kept here is what only requests and ``GET _configure``
need. In memory only, as in Docker Model Runner.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.dialects.durations import format_duration, parse_duration
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import Mode, RunnerConfig, RunnerKey
from dmr_desktop.service.loader import Loader
from dmr_desktop.service.runtime_flags import FlagSettings, read_flags

_MAX_CONTEXT = 2**31 - 1
_OVERRIDE_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Wish:
    """One ``_configure`` body. ``shown`` is its ``Config`` object in the listing."""

    model: str
    mode: Mode
    context_size: int | None
    keep_alive_seconds: float | None
    flags: FlagSettings
    defaults: Mapping[str, JSON]
    shown: Mapping[str, JSON]


def read_wish(body: Fields, backend: str) -> Wish:
    """Raises InvalidRequest, or DMRError (500) for flags and overrides, as Docker Model Runner does."""
    tokens, flags_shown = _read_tokens(body)
    flags = read_flags(tokens, backend)
    mode = body.choice("mode", ("completion", "embedding", "reranking"))
    context_size = body.integer("context-size", -(2**31), _MAX_CONTEXT)
    keep_alive = _read_keep_alive(body)
    _refuse_speculation(body)
    _check_overrides(body)
    shown: dict[str, JSON] = {}
    if context_size is not None:
        shown["context-size"] = context_size
    shown |= flags_shown
    if keep_alive is not None:
        shown["keep_alive"] = format_duration(keep_alive)
    defaults: dict[str, JSON] = dict(flags.defaults)
    budget = _read_reasoning_budget(body)
    if budget is not None:
        shown["llamacpp"] = {"reasoning-budget": budget}
        if budget == 0:
            defaults["chat_template_kwargs"] = {"enable_thinking": False}
    return Wish(
        model=body.text("model") or "",
        mode=Mode(mode or ("embedding" if "--embeddings" in tokens else "completion")),
        context_size=context_size if context_size is not None and (context_size > 0 or context_size == -1) else None,
        keep_alive_seconds=keep_alive,
        flags=flags,
        defaults=defaults,
        shown=shown,
    )


def _read_tokens(body: Fields) -> tuple[list[str], dict[str, JSON]]:
    listed = body.items("runtime-flags")
    if listed:
        tokens = [token for token in listed if isinstance(token, str)]
        if len(tokens) != len(listed):
            raise InvalidRequest("invalid request")
        return tokens, {"runtime-flags": tokens}
    raw = body.text("raw-runtime-flags")
    if not raw:
        return [], {}
    try:
        tokens = shlex.split(raw)
    except ValueError as error:
        raise InvalidRequest(f"invalid request: raw-runtime-flags: {error}") from None
    return tokens, {"runtime-flags": tokens}


def _read_keep_alive(body: Fields) -> float | None:
    text = body.text("keep_alive")
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError:
        raise InvalidRequest(f"invalid request: keep_alive {text[:40]!r} is not a duration") from None


def _read_reasoning_budget(body: Fields) -> int | None:
    options = body.inner("llamacpp")
    budget = options.integer("reasoning-budget", -1, _MAX_CONTEXT) if options is not None else None
    if budget is not None and budget > 0:
        raise DMRError("a reasoning-budget other than 0 (off) and -1 (unlimited) is not supported")
    return budget


def _refuse_speculation(body: Fields) -> None:
    options = body.inner("speculative")
    if options is not None and options.text("draft_model"):
        raise DMRError("speculative decoding with a draft model is not supported")


def _check_overrides(body: Fields) -> None:
    """vLLM's part is not for this backend, but what is malformed is refused all the same."""
    options = body.inner("vllm")
    if options is None:
        return
    options.number("gpu-memory-utilization", 0, 1)
    waiting: list[object] = [options.mapping("hf-overrides") or {}]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in value:
                if not _OVERRIDE_KEY.fullmatch(key):
                    raise DMRError(f'invalid hf-overrides key "{key[:80]}"')
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


class Configurations:
    """``base`` holds the service's own settings for runners."""

    def __init__(self, loader: Loader, base: RunnerConfig) -> None:
        self._loader = loader
        self._base = base
        self._wishes: dict[RunnerKey, Wish] = {}

    def apply(self, model_id: str, wish: Wish) -> None:
        """Replaces what was set for the model and mode. Raises Conflict while such a runner is in use."""
        key = RunnerKey(DEFAULT_BACKEND, model_id, wish.mode)
        self._loader.configure(key, self._config(wish))
        self._wishes[key] = wish

    def _config(self, wish: Wish) -> RunnerConfig:
        base, flags = self._base, wish.flags
        return RunnerConfig(
            context_size=wish.context_size if wish.context_size is not None else flags.context_size or None,
            keep_alive_seconds=wish.keep_alive_seconds,
            num_sequences=flags.num_sequences or base.num_sequences,
            gpu_layers=base.gpu_layers if flags.gpu_layers is None else flags.gpu_layers,
            threads=flags.threads or base.threads,
        )

    def defaults(self, model_id: str, mode: Mode) -> Mapping[str, JSON]:
        """Request fields that hold where a request does not set them."""
        wish = self._wishes.get(RunnerKey(DEFAULT_BACKEND, model_id, mode))
        return wish.defaults if wish is not None else {}

    def wishes(self) -> Mapping[RunnerKey, Wish]:
        """Those that the loader still holds."""
        held = self._loader.configurations()
        self._wishes = {key: wish for key, wish in self._wishes.items() if key in held}
        return self._wishes

    def shown(self, model_id: str) -> Mapping[str, JSON]:
        """What was set for a model, as it was written; for text, else for another mode."""
        wishes = self.wishes()
        found = (wishes.get(RunnerKey(DEFAULT_BACKEND, model_id, mode)) for mode in Mode)
        return next((wish.shown for wish in found if wish is not None), {})
