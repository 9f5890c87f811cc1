"""Tiny random models whose memory is not a plain KV cache: Mamba, Gemma 2 (sliding window) and BERT."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.gguf_writer import Metadata, Tensor, f32, write_gguf
from dmr_desktop.engine.tiny_model import tiny_vocabulary, tokenizer_metadata

WIDTH = 128
WINDOW = 16
BERT_CONTEXT = 128


class Weights:
    """Random tensors by name; ``ones`` for norms."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(5)
        self.tensors: dict[str, Tensor] = {}

    def matrix(self, name: str, rows: int, columns: int, spread: float | None = None) -> npt.NDArray[np.float32]:
        values = self.random.standard_normal((rows, columns), dtype=np.float32)
        values *= columns**-0.5 if spread is None else spread
        self.tensors[f"{name}.weight"] = f32(values)
        return values

    def vector(self, name: str, size: int = WIDTH, value: float = 1.0) -> None:
        self.tensors[name] = f32(np.full(size, value, np.float32))


def write_mamba(path: Path) -> None:
    """A model with a running state: of what it has read nothing can be taken back."""
    tokens, kinds = tiny_vocabulary()
    inner, state, rank, kernel = 2 * WIDTH, 16, 8, 4
    weights = Weights()
    weights.matrix("token_embd", len(tokens), WIDTH, 1)
    weights.matrix("output", len(tokens), WIDTH, 3 * WIDTH**-0.5)
    weights.vector("output_norm.weight")
    for layer in range(2):
        name = f"blk.{layer}."
        weights.vector(name + "attn_norm.weight")
        weights.matrix(name + "ssm_in", 2 * inner, WIDTH)
        weights.matrix(name + "ssm_conv1d", inner, kernel)
        weights.vector(name + "ssm_conv1d.bias", inner, 0)
        weights.matrix(name + "ssm_x", rank + 2 * state, inner)
        weights.matrix(name + "ssm_dt", inner, rank)
        weights.vector(name + "ssm_dt.bias", inner, 0)
        weights.tensors[name + "ssm_a"] = f32(-np.tile(np.arange(1, state + 1, dtype=np.float32), (inner, 1)))
        weights.vector(name + "ssm_d", inner)
        weights.matrix(name + "ssm_out", WIDTH, inner)
    metadata: Metadata = {
        "general.architecture": "mamba",
        "mamba.context_length": 4096,
        "mamba.embedding_length": WIDTH,
        "mamba.feed_forward_length": 0,
        "mamba.attention.head_count": 0,
        "mamba.block_count": 2,
        "mamba.ssm.conv_kernel": kernel,
        "mamba.ssm.inner_size": inner,
        "mamba.ssm.state_size": state,
        "mamba.ssm.time_step_rank": rank,
        "mamba.attention.layer_norm_rms_epsilon": 1e-5,
        **tokenizer_metadata(tokens, kinds),
    }
    write_gguf(path, metadata, weights.tensors)


def write_gemma2(path: Path) -> None:
    """Every other layer sees the last ``WINDOW`` tokens only, and its older cells may be overwritten."""
    tokens, kinds = tiny_vocabulary()
    weights = Weights()
    weights.matrix("token_embd", len(tokens), WIDTH, 0.3)
    weights.vector("output_norm.weight")
    for layer in range(2):
        name = f"blk.{layer}."
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            weights.vector(f"{name}{norm}.weight")
        for part, rows in (("q", WIDTH), ("k", WIDTH), ("v", WIDTH), ("output", WIDTH)):
            weights.matrix(f"{name}attn_{part}", rows, WIDTH)
        weights.matrix(name + "ffn_gate", 2 * WIDTH, WIDTH)
        weights.matrix(name + "ffn_up", 2 * WIDTH, WIDTH)
        weights.matrix(name + "ffn_down", WIDTH, 2 * WIDTH)
    metadata: Metadata = {
        "general.architecture": "gemma2",
        "gemma2.context_length": 4096,
        "gemma2.embedding_length": WIDTH,
        "gemma2.feed_forward_length": 2 * WIDTH,
        "gemma2.block_count": 2,
        "gemma2.attention.head_count": 2,
        "gemma2.attention.head_count_kv": 2,
        "gemma2.attention.sliding_window": WINDOW,
        "gemma2.attention.layer_norm_rms_epsilon": 1e-5,
        **tokenizer_metadata(tokens, kinds),
    }
    write_gguf(path, metadata, weights.tensors)


def write_bert(path: Path) -> None:
    """An encoder: no KV cache at all, every token sees all others, mean pooling."""
    tokens, kinds = tiny_vocabulary()
    weights = Weights()
    weights.matrix("token_embd", len(tokens), WIDTH, 1)
    weights.matrix("position_embd", BERT_CONTEXT, WIDTH, 0.3)
    weights.matrix("token_types", 2, WIDTH, 0.1)
    weights.vector("token_embd_norm.weight")
    weights.vector("token_embd_norm.bias", value=0)
    for layer in range(2):
        name = f"blk.{layer}."
        for part in ("q", "k", "v", "output"):
            weights.matrix(f"{name}attn_{part}", WIDTH, WIDTH)
            weights.vector(f"{name}attn_{part}.bias", value=0)
        weights.matrix(name + "ffn_up", 2 * WIDTH, WIDTH)
        weights.vector(name + "ffn_up.bias", 2 * WIDTH, 0)
        weights.matrix(name + "ffn_down", WIDTH, 2 * WIDTH)
        weights.vector(name + "ffn_down.bias", value=0)
        for norm in ("attn_output_norm", "layer_output_norm"):
            weights.vector(f"{name}{norm}.weight")
            weights.vector(f"{name}{norm}.bias", value=0)
    metadata: Metadata = {
        "general.architecture": "bert",
        "bert.context_length": BERT_CONTEXT,
        "bert.embedding_length": WIDTH,
        "bert.feed_forward_length": 2 * WIDTH,
        "bert.block_count": 2,
        "bert.attention.head_count": 2,
        "bert.attention.layer_norm_epsilon": 1e-5,
        "bert.attention.causal": False,
        "bert.pooling_type": 1,
        **tokenizer_metadata(tokens, kinds),
        "tokenizer.ggml.token_type_count": 2,
    }
    write_gguf(path, metadata, weights.tensors)
