"""How a model is to be loaded, worked out before anything is started. Pure."""

from dataclasses import dataclass, replace

from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig
from dmr_desktop.service.placement import context_tokens, load_of
from dmr_desktop.store.estimate import ModelShape, estimate

_CACHE_RAM_SHARE = 1 / 8
"""Of the memory that a model leaves over, for conversations that nobody is having at the moment."""
_MOST_CACHE_RAM = 2 << 30


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """``need_bytes`` is what the runner will take of the machine's memory when it has been started with ``spec``."""

    spec: LaunchSpec
    need_bytes: int


def plan_launch(
    files: ModelFiles, mode: Mode, config: RunnerConfig, shape: ModelShape, available_bytes: int
) -> LaunchPlan:
    """``shape`` as the model's files have it; with ``available_bytes`` a context is chosen where none is configured."""
    configured = config.context_size or files.model.config.context_size
    if config.tuning.stretches_context and (configured or 0) > 0:
        shape = replace(shape, train_context=0)
    tokens = context_tokens(configured, shape, available_bytes, mode)
    need = estimate(shape, load_of(config, mode, tokens)).total_bytes
    spec = LaunchSpec(
        weights=str(files.weights),
        mode=mode,
        config=config,
        mmproj=str(files.mmproj) if files.mmproj else None,
        chat_template=str(files.chat_template) if files.chat_template else None,
        default_context_size=tokens,
        cache_ram_bytes=min(_MOST_CACHE_RAM, int(max(0, available_bytes - need) * _CACHE_RAM_SHARE)),
    )
    return LaunchPlan(spec, need)
