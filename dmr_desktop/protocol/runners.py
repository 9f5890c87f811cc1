"""Runners: their identity, their life, and what one is started with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias


class Mode(StrEnum):
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANKING = "reranking"


class RunnerState(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunnerKey:
    """Identity of a runner: the same model can be loaded once per mode. ``model_id`` is ``sha256:...``."""

    backend: str
    model_id: str
    mode: Mode


CacheType: TypeAlias = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]


@dataclass(frozen=True, slots=True)
class EngineTuning:
    """llama.cpp's own knobs; None leaves each as it is.

    ``batch_size`` tokens are computed in one call at most, ``ubatch_size`` of them at once. ``cache_type_*``: how the
    KV cache stores keys and values. ``load_mode``: how the weights come into memory. The ``rope_*`` and ``yarn_*``
    stretch the context beyond what the model was trained for. ``cache_ram``: MiB of memory for what the KV cache held
    for sequences that nobody runs; 0: none, -1: no limit.
    """

    batch_size: int | None = None
    ubatch_size: int | None = None
    flash_attention: Literal["on", "off", "auto"] | None = None
    cache_type_k: CacheType | None = None
    cache_type_v: CacheType | None = None
    kv_offload: bool | None = None
    op_offload: bool | None = None
    load_mode: Literal["mmap", "mmap_mlock", "mlock", "none", "direct_io"] | None = None
    repack: bool | None = None
    no_host: bool | None = None
    check_tensors: bool | None = None
    split_mode: Literal["none", "layer", "row"] | None = None
    main_gpu: int | None = None
    rope_scaling: Literal["none", "linear", "yarn"] | None = None
    rope_freq_base: float | None = None
    rope_freq_scale: float | None = None
    yarn_orig_ctx: int | None = None
    yarn_ext_factor: float | None = None
    yarn_attn_factor: float | None = None
    yarn_beta_slow: float | None = None
    cache_ram: int | None = None
    yarn_beta_fast: float | None = None

    @property
    def stretches_context(self) -> bool:
        """Whether more tokens than the model was trained for may be wanted."""
        return any((self.rope_scaling not in (None, "none"), self.rope_freq_base, self.rope_freq_scale))


AS_IT_IS = EngineTuning()


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """What ``_configure`` can set for a (backend, model, mode).

    ``context_size`` tokens (None: the model's config, else a default that fits; -1: the model's maximum).
    ``keep_alive_seconds`` None: the service's idle timeout; negative: for ever; 0: right after the request.
    """

    context_size: int | None = None
    keep_alive_seconds: float | None = None
    num_sequences: int = 8
    gpu_layers: int = -1
    threads: int | None = None
    tuning: EngineTuning = EngineTuning()


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What a runner process is told at start, as one JSON object on its command channel. Paths are absolute."""

    weights: str
    mode: Mode
    config: RunnerConfig = RunnerConfig()
    mmproj: str | None = None
    chat_template: str | None = None
    default_context_size: int | None = None
    """``context_size`` of the model's own config, used when ``config.context_size`` is None."""
    cache_ram_bytes: int = 0
    """Used when ``config.tuning.cache_ram`` is None."""


@dataclass(frozen=True, slots=True)
class RunnerFacts:
    """What a ready runner tells about itself."""

    context_size: int
    train_context_size: int
    num_sequences: int
    vocab_size: int
    embedding_length: int
    chat_format: str
    """Which format layer rule applied, e.g. ``learned: hermes json``; for inspection."""
    notes: tuple[str, ...] = ()
    """Sentences a user should see, e.g. about slower kernels on this CPU."""


@dataclass(frozen=True, slots=True)
class RunnerStatus:
    """One line of ``ps``. ``model_name`` is the reference that the loading request used.

    ``last_used`` and ``loaded_at`` are Unix seconds; ``memory_bytes`` what the process holds,
    ``card_bytes`` of them on graphics cards; ``expires_at`` None: not idle, or kept for ever.
    """

    backend: str
    model_id: str
    model_name: str
    mode: Mode
    state: RunnerState
    pid: int | None = None
    active_requests: int = 0
    last_used: float = 0.0
    loaded_at: float = 0.0
    expires_at: float | None = None
    memory_bytes: int = 0
    error: str = ""
    facts: RunnerFacts | None = None
    card_bytes: int = 0
