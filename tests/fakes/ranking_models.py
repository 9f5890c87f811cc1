"""Tiny random models that rank: a BERT cross-encoder, its scores in numpy, and a Qwen3 that answers yes or no."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.gguf_writer import Metadata, write_gguf
from dmr_desktop.engine.tiny_model import tiny_vocabulary, tokenizer_metadata
from tests.fakes.other_architectures import WIDTH, Weights

RANKER_CONTEXT = 512
BOS, EOS, SEP = 1, 2, 3
RERANK_TEMPLATE = "<|im_start|>query: {query}\ndocument: {document}<|im_end|>"
_LAYERS, _HEADS = 2, 2
_HEAD = WIDTH // _HEADS

Matrix = npt.NDArray[np.float32]


class CrossEncoder:
    """The weights by name; ``write`` makes the GGUF file, ``score`` is what a model with them must answer."""

    def __init__(self) -> None:
        self._weights = Weights()
        self._matrices: dict[str, Matrix] = {}
        tokens, _ = tiny_vocabulary()
        self._matrix("token_embd", len(tokens), WIDTH, 1)
        self._matrix("position_embd", RANKER_CONTEXT, WIDTH, 0.3)
        self._matrix("token_types", 2, WIDTH, 0.1)
        self._norm("token_embd_norm")
        for layer in range(_LAYERS):
            name = f"blk.{layer}."
            for part in ("q", "k", "v", "output"):
                self._matrix(f"{name}attn_{part}", WIDTH, WIDTH)
            self._matrix(name + "ffn_up", 2 * WIDTH, WIDTH)
            self._matrix(name + "ffn_down", WIDTH, 2 * WIDTH)
            self._norm(name + "attn_output_norm")
            self._norm(name + "layer_output_norm")
        self._matrix("cls", WIDTH, WIDTH)
        # Large, so that scores are not all alike.
        self._matrix("cls.output", 1, WIDTH, 1)

    def write(self, path: Path, *, has_head: bool = True) -> None:
        """Without its head the model is an ordinary one for embeddings, which claims to rank."""
        tokens, kinds = tiny_vocabulary()
        metadata: Metadata = {
            "general.architecture": "bert",
            "bert.context_length": RANKER_CONTEXT,
            "bert.embedding_length": WIDTH,
            "bert.feed_forward_length": 2 * WIDTH,
            "bert.block_count": _LAYERS,
            "bert.attention.head_count": _HEADS,
            "bert.attention.layer_norm_epsilon": 1e-5,
            "bert.attention.causal": False,
            "bert.pooling_type": 4,
            **tokenizer_metadata(tokens, kinds),
            "tokenizer.ggml.token_type_count": 2,
            "tokenizer.ggml.add_eos_token": True,
            "tokenizer.ggml.add_sep_token": True,
            "tokenizer.ggml.seperator_token_id": SEP,
        }
        tensors = self._weights.tensors
        write_gguf(path, metadata, {n: t for n, t in tensors.items() if has_head or n != "cls.output.weight"})

    def score(self, tokens: Sequence[int]) -> float:
        """BERT by the book, in double precision."""
        w = {name: matrix.astype(np.float64) for name, matrix in self._matrices.items()}
        state = _normed(w["token_embd"][list(tokens)] + w["position_embd"][: len(tokens)] + w["token_types"][0])
        for layer in range(_LAYERS):
            name = f"blk.{layer}."
            q, k, v = ((state @ w[f"{name}attn_{part}"].T).reshape(-1, _HEADS, _HEAD).swapaxes(0, 1) for part in "qkv")
            weights = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(_HEAD))
            mixed = (weights / weights.sum(axis=2, keepdims=True)) @ v
            joined = mixed.swapaxes(0, 1).reshape(-1, WIDTH)
            state = _normed(state + joined @ w[name + "attn_output"].T)
            state = _normed(state + _gelu(state @ w[name + "ffn_up"].T) @ w[name + "ffn_down"].T)
        return float((np.tanh(state[0] @ w["cls"].T) @ w["cls.output"].T)[0])

    def _matrix(self, name: str, rows: int, columns: int, spread: float | None = None) -> None:
        self._matrices[name] = self._weights.matrix(name, rows, columns, spread)

    def _norm(self, name: str) -> None:
        self._weights.vector(f"{name}.weight")
        self._weights.vector(f"{name}.bias", value=0)


def _normed(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = rows - rows.mean(axis=1, keepdims=True)
    normed: npt.NDArray[np.float64] = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    return normed


def _gelu(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return found


def write_yes_or_no(path: Path) -> None:
    """A causal model read off its last token, with a template of its own and a softmax over two labels."""
    tokens, kinds = tiny_vocabulary()
    weights = Weights()
    weights.matrix("token_embd", len(tokens), WIDTH, 1)
    weights.vector("output_norm.weight")
    weights.matrix("cls.output", 2, WIDTH, 0.1)
    for layer in range(_LAYERS):
        name = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            weights.vector(f"{name}{norm}.weight")
        for norm in ("attn_q_norm", "attn_k_norm"):
            weights.vector(f"{name}{norm}.weight", _HEAD)
        for part in ("q", "k", "v", "output"):
            weights.matrix(f"{name}attn_{part}", WIDTH, WIDTH)
        weights.matrix(name + "ffn_gate", 2 * WIDTH, WIDTH)
        weights.matrix(name + "ffn_up", 2 * WIDTH, WIDTH)
        weights.matrix(name + "ffn_down", WIDTH, 2 * WIDTH)
    metadata: Metadata = {
        "general.architecture": "qwen3",
        "qwen3.context_length": 4096,
        "qwen3.embedding_length": WIDTH,
        "qwen3.feed_forward_length": 2 * WIDTH,
        "qwen3.block_count": _LAYERS,
        "qwen3.attention.head_count": _HEADS,
        "qwen3.attention.head_count_kv": _HEADS,
        "qwen3.attention.key_length": _HEAD,
        "qwen3.attention.value_length": _HEAD,
        "qwen3.attention.layer_norm_rms_epsilon": 1e-5,
        "qwen3.pooling_type": 4,
        "qwen3.classifier.output_labels": ["yes", "no"],
        **tokenizer_metadata(tokens, kinds),
        "tokenizer.chat_template.rerank": RERANK_TEMPLATE,
    }
    write_gguf(path, metadata, weights.tensors)
