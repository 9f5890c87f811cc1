"""llama.cpp's command line flags, as far as this program's engine honours them.

Docker Model Runner hands the flags of ``_configure`` to llama-server. Here those that configure a runner
become fields of its configuration, those that set a default of requests become defaults of their fields, and
every other is refused by name, in Docker Model Runner's sentences. None can name a path, a host or a file.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, get_args

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.runners import AS_IT_IS, CacheType, EngineTuning
from dmr_desktop.service.runtime_flag_names import NOT_HONOURED

EMBEDDING_FLAGS = frozenset({"--embeddings", "--embedding"})
RANKING_FLAGS = frozenset({"--rerank", "--reranking"})
ALWAYS_ON = frozenset(
    "--jinja --cont-batching -cb --cache-prompt --swa-full --kv-unified -kvu --no-context-shift --warmup --no-perf "
    "--no-slots --no-webui --metrics".split()
)
"""What this program does anyway."""

MAX_THREADS = 1024
MAX_SEQUENCES = 256
MAX_BATCH = 65536
MAX_CONTEXT = 2**24
_MAX_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class FlagSettings:
    """``defaults`` are fields of OpenAI's request body; ``tuned_by`` the flags that only a runner for text knows."""

    context_size: int | None = None
    num_sequences: int | None = None
    gpu_layers: int | None = None
    threads: int | None = None
    reasoning_budget: int | None = None
    tuning: EngineTuning = AS_IT_IS
    defaults: dict[str, JSON] = field(default_factory=dict)
    tuned_by: tuple[str, ...] = ()


Parse: TypeAlias = Callable[[str], Any]


def _whole(low: int, high: int = _MAX_INT) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if len(text) < 12 else high + 1
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _decimal(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return parse


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(text)
        return text

    return parse


def _object(text: str) -> dict[str, JSON]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def _flash(text: str) -> str:
    """A flag that once took no value."""
    return {"": "on", "1": "on", "0": "off", "-1": "auto"}.get(text) or _one_of("on", "off", "auto")(text)


def _scale(text: str) -> float:
    """``--rope-scale`` N makes room for N times the tokens."""
    return 1 / _decimal(0.01, 1024)(text)


_CACHE_TYPE = _one_of(*get_args(CacheType))
_POSITIVE = _decimal(1e-9, 1e12)

_SETTINGS: dict[str, tuple[str, Parse]] = {
    "--ctx-size -c": ("context_size", _whole(0, MAX_CONTEXT)),
    "--parallel -np": ("num_sequences", _whole(1, MAX_SEQUENCES)),
    "--gpu-layers --n-gpu-layers -ngl": ("gpu_layers", _whole(0)),
    "--threads -t": ("threads", _whole(1, MAX_THREADS)),
    "--reasoning-budget": ("reasoning_budget", _whole(-1)),
}
_TUNING: dict[str, tuple[str, Parse]] = {
    "--batch-size -b": ("batch_size", _whole(1, MAX_BATCH)),
    "--ubatch-size -ub": ("ubatch_size", _whole(1, MAX_BATCH)),
    "--flash-attn -fa": ("flash_attention", _flash),
    "--cache-type-k -ctk": ("cache_type_k", _CACHE_TYPE),
    "--cache-type-v -ctv": ("cache_type_v", _CACHE_TYPE),
    "--cache-ram -cram": ("cache_ram", _whole(-1)),
    "--split-mode -sm": ("split_mode", _one_of("none", "layer", "row")),
    "--main-gpu -mg": ("main_gpu", _whole(0, 255)),
    "--rope-scaling": ("rope_scaling", _one_of("none", "linear", "yarn")),
    "--rope-scale": ("rope_freq_scale", _scale),
    "--rope-freq-base": ("rope_freq_base", _POSITIVE),
    "--rope-freq-scale": ("rope_freq_scale", _POSITIVE),
    "--yarn-orig-ctx": ("yarn_orig_ctx", _whole(0, MAX_CONTEXT)),
    "--yarn-ext-factor": ("yarn_ext_factor", _decimal(-1, 1e6)),
    "--yarn-attn-factor": ("yarn_attn_factor", _decimal(-1, 1e6)),
    "--yarn-beta-slow": ("yarn_beta_slow", _decimal(-1, 1e6)),
    "--yarn-beta-fast": ("yarn_beta_fast", _decimal(-1, 1e6)),
}
_SWITCHES: dict[str, tuple[str, object]] = {
    "--mmap": ("load_mode", "mmap"),
    "--no-mmap": ("load_mode", "none"),
    "--mlock": ("load_mode", "mmap_mlock"),
    "--direct-io -dio": ("load_mode", "direct_io"),
    "--no-direct-io -ndio": ("load_mode", "mmap"),
    "--kv-offload -kvo": ("kv_offload", True),
    "--no-kv-offload -nkvo": ("kv_offload", False),
    "--op-offload": ("op_offload", True),
    "--no-op-offload": ("op_offload", False),
    "--repack": ("repack", True),
    "--no-repack -nr": ("repack", False),
    "--no-host": ("no_host", True),
    "--check-tensors": ("check_tensors", True),
}
_OF_THE_MODEL = frozenset({"load_mode", "repack", "no_host", "check_tensors", "split_mode", "main_gpu"})
"""These hold for vectors and ranking too."""

_DEFAULTS: dict[str, tuple[str, Parse]] = {
    "--temp --temperature": ("temperature", _decimal(0, 2)),
    "--top-k": ("top_k", _whole(0)),
    "--top-p": ("top_p", _decimal(0, 1)),
    "--min-p": ("min_p", _decimal(0, 1)),
    "--repeat-penalty": ("repeat_penalty", _decimal(0, 100)),
    "--repeat-last-n": ("repeat_last_n", _whole(-1)),
    "--presence-penalty": ("presence_penalty", _decimal(-2, 2)),
    "--frequency-penalty": ("frequency_penalty", _decimal(-2, 2)),
    "--seed -s": ("seed", _whole(-1)),
    "--predict --n-predict -n": ("max_tokens", _whole(1)),
    "--chat-template-kwargs": ("chat_template_kwargs", _object),
}
_FIXED: dict[str, Parse] = {"--reasoning-format": _one_of("auto", "deepseek")}
"""With the only values that describe what this program does."""


def _by_name(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for names, value in table.items() for name in names.split()}


_SETTING, _TUNED, _SWITCH, _DEFAULT = (_by_name(table) for table in (_SETTINGS, _TUNING, _SWITCHES, _DEFAULTS))
_BARE = ALWAYS_ON | EMBEDDING_FLAGS | RANKING_FLAGS | _SWITCH.keys()
HONOURED = _BARE | _SETTING.keys() | _TUNED.keys() | _DEFAULT.keys() | _FIXED.keys()


def read_flags(tokens: Sequence[str], backend: str) -> FlagSettings:
    """Raises :class:`DMRError` (status 500, as Docker Model Runner answers) naming the flag that cannot be."""
    for token in tokens:
        _check(token, backend)
    found = FlagSettings()
    waiting = list(tokens)
    while waiting:
        name, equals, value = waiting.pop(0).partition("=")
        if not name.startswith("-"):
            raise DMRError(f'"{name}" is not a runtime flag')
        if name in _BARE:
            if equals:
                raise DMRError(f'runtime flag "{name}" takes no value')
        elif not equals:
            value = waiting.pop(0) if waiting and not waiting[0].startswith("-") else ""
        found = _with(found, name, value)
    _check_cache(found.tuning)
    return found


def _check(token: str, backend: str) -> None:
    if "/" in token or "\\" in token:
        raise DMRError(f"invalid runtime flag \"{token}\": paths are not allowed (contains '/' or '\\\\')")
    name, _, value = token.partition("=")
    if name in NOT_HONOURED:
        raise DMRError(f'runtime flag "{name}" is not supported: this program\'s engine cannot honour it')
    if name.startswith("-") and name not in HONOURED:
        raise DMRError(f'runtime flag "{name}" is not allowed for backend "{backend}"')
    if value.startswith("-") and not value[1:2].isdigit():
        raise DMRError(f"invalid flag \"{token}\": value cannot start with '-' unless followed by a digit")


def _with(found: FlagSettings, name: str, text: str) -> FlagSettings:
    if name in _SWITCH:
        setting, value = _SWITCH[name]
        if {value, found.tuning.load_mode} == {"mmap_mlock", "none"}:
            value = "mlock"  # --mlock with --no-mmap
        return _tuned(found, name, setting, value)
    try:
        if name in _SETTING:
            setting, parse = _SETTING[name]
            return replace(found, **{setting: parse(text)})
        if name in _TUNED:
            setting, parse = _TUNED[name]
            return _tuned(found, name, setting, parse(text))
        if name in _DEFAULT:
            field_name, parse = _DEFAULT[name]
            return replace(found, defaults={**found.defaults, field_name: parse(text)})
        if name in _FIXED:
            _FIXED[name](text)
    except (ValueError, RecursionError):
        raise DMRError(f'invalid value for runtime flag "{name}": "{text}"') from None
    return found


def _tuned(found: FlagSettings, name: str, setting: str, value: object) -> FlagSettings:
    tuning = replace(found.tuning, **{setting: value})  # type: ignore[arg-type]  # as the tables say
    for_text = () if setting in _OF_THE_MODEL else (name,)
    return replace(found, tuning=tuning, tuned_by=(*found.tuned_by, *for_text))


def _check_cache(tuning: EngineTuning) -> None:
    """llama.cpp computes with quantized values only in flash attention."""
    if tuning.flash_attention == "off" and tuning.cache_type_v not in (None, "f32", "f16", "bf16"):
        raise DMRError(f'runtime flag "--cache-type-v" with "{tuning.cache_type_v}" needs "--flash-attn on"')
