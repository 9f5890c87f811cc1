"""With what context, and for how much memory, a model is loaded."""

from dataclasses import replace
from pathlib import Path

import pytest

from dmr_desktop.protocol.models import Model, ModelConfig, ModelFiles
from dmr_desktop.protocol.runners import EngineTuning, Mode, RunnerConfig
from dmr_desktop.service.launch_plan import plan_launch
from dmr_desktop.store.estimate import ModelShape

GIB = 1024**3
SHAPE = ModelShape(GIB, train_context=32768, num_layers=16, key_width=1024, value_width=1024, width=512)
FILES = ModelFiles(Model("sha256:a", (), 0, ModelConfig()), Path("/w.gguf"), chat_template=Path("/t.jinja"))


@pytest.mark.parametrize(
    ("configured", "packaged", "tokens"),
    [(None, None, 16384), (None, 4096, 4096), (2048, 4096, 2048), (-1, 4096, 32768), (65536, None, 32768)],
)
def test_the_context(configured: int | None, packaged: int | None, tokens: int) -> None:
    files = replace(FILES, model=replace(FILES.model, config=ModelConfig(context_size=packaged)))
    plan = plan_launch(files, Mode.COMPLETION, RunnerConfig(context_size=configured), SHAPE, 64 * GIB)
    assert plan.spec.default_context_size == tokens
    assert (plan.spec.weights, plan.spec.mmproj, plan.spec.chat_template) == ("/w.gguf", None, "/t.jinja")


def test_a_stretched_context_is_not_cut_to_what_was_trained() -> None:
    config = RunnerConfig(context_size=65536, tuning=EngineTuning(rope_scaling="yarn", rope_freq_scale=0.5))
    assert config.tuning.stretches_context
    stretched = plan_launch(FILES, Mode.COMPLETION, config, SHAPE, 64 * GIB)
    cut = plan_launch(FILES, Mode.COMPLETION, RunnerConfig(context_size=65536), SHAPE, 64 * GIB)
    assert stretched.spec.default_context_size == 65536
    assert stretched.need_bytes > cut.need_bytes > GIB


@pytest.mark.parametrize(("available", "cache_ram"), [(64 * GIB, 2 * GIB), (GIB, 0)])
def test_an_eighth_of_what_is_left_is_for_idle_conversations(available: int, cache_ram: int) -> None:
    plan = plan_launch(FILES, Mode.COMPLETION, RunnerConfig(context_size=4096), SHAPE, available)
    assert plan.spec.cache_ram_bytes == cache_ram
    left = plan_launch(FILES, Mode.COMPLETION, RunnerConfig(context_size=4096), SHAPE, plan.need_bytes + GIB)
    assert left.spec.cache_ram_bytes == GIB // 8
