"""What a ``_configure`` body wishes for, and what flags mean: read and checked. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

from dmr_desktop.backends.base import DEFAULT_BACKEND
from dmr_desktop.dialects.durations import format_duration, parse_duration
from dmr_desktop.dialects.fields import Fields
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import Mode, RunnerConfig
from dmr_desktop.service.runtime_flags import EMBEDDING_FLAGS, RANKING_FLAGS, FlagSettings, read_flags

_MAX_CONTEXT = 2**31 - 1
_MIN_CONTEXT = 512
# Fewer tokens are no wish but a mistake: docker-agent has sent the length of its answers here, and all would suffer.
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
    mode = _read_mode(body, tokens)
    _check_mode(mode, tokens, flags)
    context_size = body.integer("context-size", -(2**31), _MAX_CONTEXT)
    keep_alive = _read_keep_alive(body)
    speculative = _read_speculation(body)
    vllm = _read_vllm(body)
    budget, llamacpp = _read_reasoning_budget(body, flags)
    shown: dict[str, JSON] = {}
    if context_size is not None:
        shown["context-size"] = context_size
    shown |= flags_shown
    shown |= {"speculative": speculative} if speculative else {}
    if keep_alive is not None:
        shown["keep_alive"] = format_duration(keep_alive)
    shown |= {"vllm": vllm} if vllm else {}
    shown |= {"llamacpp": llamacpp} if llamacpp else {}
    return Wish(
        model=body.text("model") or "",
        mode=mode,
        context_size=context_size if context_size == -1 or (context_size or 0) >= _MIN_CONTEXT else None,
        keep_alive_seconds=keep_alive,
        flags=flags,
        defaults=request_defaults(flags, budget),
        shown=shown,
    )


def _read_mode(body: Fields, tokens: Sequence[str]) -> Mode:
    mode = body.choice("mode", ("completion", "embedding", "reranking", "image-generation"))
    if mode == "image-generation":
        raise DMRError('unsupported backend mode "image-generation"')
    return Mode(mode or ("embedding" if "--embeddings" in tokens else "completion"))


def _check_mode(mode: Mode, tokens: Sequence[str], flags: FlagSettings) -> None:
    """A flag that this mode's engine does not know is refused, too."""
    wrong = [*flags.tuned_by] if mode is not Mode.COMPLETION else []
    if mode is not Mode.RERANKING:
        wrong += [token for token in tokens if token in RANKING_FLAGS]
    if mode is Mode.COMPLETION:
        wrong += [token for token in tokens if token in EMBEDDING_FLAGS]
    if wrong:
        raise DMRError(f'runtime flag "{wrong[0]}" is not supported in mode "{mode.value}"')


def request_defaults(flags: FlagSettings, budget: int | None) -> dict[str, JSON]:
    """What flags say of requests. A budget of 0 asks the template for no reasoning, which not every model understands;
    so its end is written too."""
    if budget is None or budget < 0:
        return flags.defaults
    if budget > 0:
        return {**flags.defaults, "reasoning_budget": budget}
    kwargs = flags.defaults.get("chat_template_kwargs")
    variables = {"enable_thinking": False, **(kwargs if isinstance(kwargs, dict) else {})}
    return {**flags.defaults, "chat_template_kwargs": variables, "reasoning_budget": 0}


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


def _read_reasoning_budget(body: Fields, flags: FlagSettings) -> tuple[int | None, dict[str, JSON]]:
    options = body.inner("llamacpp")
    budget = options.integer("reasoning-budget", -(2**31), _MAX_CONTEXT) if options is not None else None
    shown: dict[str, JSON] = {} if budget is None else {"reasoning-budget": budget}
    if budget is None:
        budget = flags.reasoning_budget
    return budget, shown


def _read_speculation(body: Fields) -> dict[str, JSON]:
    """What was given, in Docker Model Runner's order. Without a draft model it has no effect there either."""
    options = body.inner("speculative")
    if options is None:
        return {}
    if options.text("draft_model"):
        raise DMRError(
            "speculative decoding (speculative.draft_model) is not supported: the engine has no draft models"
        )
    found: dict[str, JSON] = {
        "num_tokens": options.integer("num_tokens", 0, _MAX_CONTEXT),
        "min_acceptance_rate": options.number("min_acceptance_rate", 0, 1),
    }
    return {name: value for name, value in found.items() if value}


def _read_vllm(body: Fields) -> dict[str, JSON]:
    """Kept for the backend that it is for; what is malformed is refused all the same."""
    options = body.inner("vllm")
    if options is None:
        return {}
    overrides = cast(dict[str, JSON], options.mapping("hf-overrides") or {})
    _check_overrides(overrides)
    memory = options.number("gpu-memory-utilization", 0, 1)
    found: dict[str, JSON] = {"hf-overrides": overrides} if overrides else {}
    return found | ({} if memory is None else {"gpu-memory-utilization": memory})


def _check_overrides(overrides: Mapping[str, JSON]) -> None:
    waiting: list[object] = [overrides]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in value:
                if not _OVERRIDE_KEY.fullmatch(key):
                    raise DMRError(f'invalid hf-overrides key "{key[:80]}"')
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def read_service_flags(text: str) -> FlagSettings:
    """What holds for every model: one line of flags. Raises DMRError naming the one that cannot be honoured."""
    try:
        return read_flags(shlex.split(text), DEFAULT_BACKEND)
    except ValueError as error:
        raise DMRError(f"llama_args: {error}") from None


def with_flags(base: RunnerConfig, flags: FlagSettings) -> RunnerConfig:
    """What the flags set, the rest as it was."""
    return replace(
        base,
        context_size=flags.context_size or base.context_size,
        num_sequences=flags.num_sequences or base.num_sequences,
        gpu_layers=base.gpu_layers if flags.gpu_layers is None else flags.gpu_layers,
        threads=flags.threads or base.threads,
        tuning=replace(
            base.tuning, **{name: value for name, value in asdict(flags.tuning).items() if value is not None}
        ),
    )
