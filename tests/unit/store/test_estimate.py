"""What a model will take in memory, from headers of every kind of model; real runners are asked in tests/process."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.store.estimate import (
    PROCESS_BYTES,
    Load,
    ModelShape,
    estimate,
    kv_bytes_per_token,
    largest_context,
    shape_of,
)
from dmr_desktop.store.gguf import read_header
from dmr_desktop.store.gguf_header import header_of_metadata
from tests.fakes.gguf_files import ARR, BOOL, I32, STR, TINY, U32, gguf_bytes

MIB = 1024 * 1024


def shape(tmp_path: Path, architecture: str = "llama", **keys: Any) -> ModelShape:
    metadata = {**TINY, "general.architecture": (STR, architecture)}
    for name, value in keys.items():
        kind = BOOL if isinstance(value, bool) else U32
        content = (ARR, (I32, value)) if isinstance(value, list) else (kind, value)
        metadata[f"{architecture}.{name.replace('__', '.')}"] = content
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf_bytes(metadata))
    return shape_of(read_header(path), 100 * MIB)


LLAMA = {"block_count": 32, "embedding_length": 4096, "attention__head_count": 32, "feed_forward_length": 14336}


def test_grouped_heads(tmp_path: Path) -> None:
    """Llama 3 8B: 128 KiB a token."""
    found = shape(tmp_path, **LLAMA, attention__head_count_kv=8, context_length=131072)
    assert kv_bytes_per_token(found) == 131072
    assert kv_bytes_per_token(found, "q8_0", "q8_0") == 131072 * 34 / 64
    assert (found.width, found.inner_width, found.vocab_size, found.train_context) == (4096, 14336, 64, 131072)
    assert estimate(found, Load(8192)).kv_bytes == 1024 * MIB


def test_without_grouping_all_heads_count(tmp_path: Path) -> None:
    assert kv_bytes_per_token(shape(tmp_path, **LLAMA)) == 4 * 131072


def test_lengths_of_their_own(tmp_path: Path) -> None:
    """Gemma's heads are not the width divided by their number."""
    keys = {**LLAMA, "attention__head_count_kv": 8, "attention__key_length": 256, "attention__value_length": 64}
    assert kv_bytes_per_token(shape(tmp_path, "gemma2", **keys)) == 2 * 32 * 8 * 320


def test_layers_that_differ(tmp_path: Path) -> None:
    """A mixed model: every fourth layer attends, the others have a state."""
    keys = {**LLAMA, "attention__head_count_kv": [0, 0, 0, 8] * 8, "feed_forward_length": [8192, 14336] * 16}
    state = {"ssm__inner_size": 8192, "ssm__state_size": 128, "ssm__conv_kernel": 4, "ssm__group_count": 8}
    found = shape(tmp_path, "granitehybrid", **keys, **state)
    assert kv_bytes_per_token(found) == 131072 / 4
    assert found.inner_width == 14336
    assert found.state_width == 24 * (3 * (8192 + 2 * 8 * 128) + 8192 * 128)
    one, two = (estimate(found, Load(4096, num_sequences=count)).kv_bytes for count in (1, 2))
    assert two - one == 4 * found.state_width


def test_models_without_a_cache(tmp_path: Path) -> None:
    mamba = shape(tmp_path, "mamba", block_count=2, embedding_length=64, attention__head_count=0, ssm__inner_size=128)
    assert kv_bytes_per_token(mamba) == 0
    encoder = shape(tmp_path, "bert", **LLAMA, attention__causal=False)
    assert kv_bytes_per_token(encoder) == 0


def test_experts(tmp_path: Path) -> None:
    found = shape(tmp_path, "qwen3moe", **LLAMA, expert_feed_forward_length=4096, expert_used_count=8)
    assert found.inner_width == 32768


def test_the_buffers_grow_with_the_batch_and_the_context(tmp_path: Path) -> None:
    found = shape(tmp_path, **LLAMA)
    small, large = (estimate(found, Load(4096, batch)).compute_bytes for batch in (128, 512))
    assert large == pytest.approx(4 * small, rel=0.01)
    near, far = (estimate(found, Load(tokens)).compute_bytes for tokens in (4096, 8192))
    assert far - near == 4096 * 512 * 2
    slow = estimate(found, Load(4096, flash_attention=False)).compute_bytes
    assert slow - near == 32 * 4096 * 512 * 4
    windowed = shape(tmp_path, "gemma2", **LLAMA, attention__sliding_window=4096)
    assert windowed.num_masks == 2


def test_an_unknown_shape_counts_by_its_weights(tmp_path: Path) -> None:
    found = estimate(ModelShape(1000 * MIB), Load(4096))
    assert (found.weights_bytes, found.kv_bytes, found.compute_bytes) == (1050 * MIB, 100 * MIB, 50 * MIB)
    assert found.total_bytes == PROCESS_BYTES + 1200 * MIB


def test_the_largest_context(tmp_path: Path) -> None:
    found = shape(tmp_path, **LLAMA, attention__head_count_kv=8)
    for available in (200 * MIB, 1000 * MIB, 4000 * MIB):
        tokens = largest_context(found, Load(1), available, 131072)
        fits = estimate(found, Load(tokens)).total_bytes <= available
        more = estimate(found, Load(tokens + 1)).total_bytes <= available
        assert (fits or tokens == 0, more) == (True, False)
    assert largest_context(found, Load(1), 1 << 40, 131072) == 131072
    assert largest_context(found, Load(1), 0, 131072) == 0


@pytest.mark.parametrize("number", ["9" * 18, "-" + "9" * 17, "4294967295", "1000000000", "16384", "0"])
def test_what_a_registry_says_costs_nothing_and_stays_a_number(number: str) -> None:
    """Nobody has checked it yet: a model of a billion layers must not be laid out in memory to be refused."""
    names = [*LLAMA, "attention__head_count_kv", "attention__key_length", "context_length", "vocab_size"]
    names += ["ssm__inner_size", "ssm__state_size", "ssm__conv_kernel", "wkv__head_size", "expert_used_count"]
    metadata = {f"llama.{name.replace('__', '.')}": number for name in (*names, "expert_feed_forward_length")}
    tracemalloc.start()
    found = shape_of(header_of_metadata({"general.architecture": "llama", **metadata}), 1 << 62)
    total = estimate(found, Load(1 << 30)).total_bytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB
    assert PROCESS_BYTES <= total < 1 << 63
    assert 0 <= largest_context(found, Load(1), 1 << 40, found.train_context) <= 1 << 30


@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_absurd_numbers_are_only_numbers(tmp_path: Path, number: int) -> None:
    keys = dict.fromkeys([*LLAMA, "attention__head_count_kv", "attention__key_length", "ssm__state_size"], number)
    keys["block_count"] = 1
    found = estimate(shape(tmp_path, **keys), Load(4096))
    assert found.total_bytes >= PROCESS_BYTES
