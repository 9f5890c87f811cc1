"""A very small llama model with random weights, made in milliseconds: for the self-test and for tests.

Its text is nonsense, but every layer of the real thing is there: a SentencePiece vocabulary with byte
tokens, control and user-defined tokens, and Q8_0 matrices large enough for every matrix kernel.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.gguf_writer import Metadata, Tensor, f32, q8_0, write_gguf

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_WORDS = (
    "the and that with from this have they which their would there about could other people time first water "
    "little sound place after thing great where help through much before line right mean old same tell boy follow "
    "came want show also around form three small set put end does another well large must big even such because"
).split()
_SPECIALS = (
    ("<unk>", _UNKNOWN),
    ("<s>", _CONTROL),
    ("</s>", _CONTROL),
    ("<|im_start|>", _CONTROL),
    ("<|im_end|>", _CONTROL),
    ("<tool_call>", _USER_DEFINED),
    ("</tool_call>", _USER_DEFINED),
)
_HEAD_DIMENSION = 64
_VOCABULARY_MULTIPLE = 64


@dataclass(frozen=True, slots=True)
class TinyShape:
    """``width`` a multiple of 128; ``seed`` decides the weights."""

    layers: int = 1
    width: int = 256
    context_size: int = 4096
    seed: int = 0


def write_tiny_model(path: Path, shape: TinyShape = TinyShape(), extra: Metadata | None = None) -> None:
    """Writes the GGUF file. ``extra`` metadata is added to its own or replaces it."""
    tokens, kinds = tiny_vocabulary()
    metadata = {**_metadata(shape, len(tokens)), **tokenizer_metadata(tokens, kinds), **(extra or {})}
    write_gguf(path, metadata, _tensors(shape, kinds))


def tiny_vocabulary() -> tuple[list[str], list[int]]:
    """Texts and GGUF token types, a multiple of 64 of them."""
    tokens = [text for text, _ in _SPECIALS]
    kinds = [kind for _, kind in _SPECIALS]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    kinds += [_BYTE] * 256
    # SentencePiece merges pairs of known pieces: a word needs all its beginnings.
    pieces = [chr(code) for code in range(0x21, 0x7F)] + ["▁"]
    for word in (text for plain in _WORDS for text in (plain, "▁" + plain)):
        pieces += [word[:end] for end in range(2, len(word) + 1)]
    pieces = list(dict.fromkeys(pieces))
    pieces = pieces[: len(pieces) - (len(tokens) + len(pieces)) % _VOCABULARY_MULTIPLE]
    return tokens + pieces, kinds + [_NORMAL] * len(pieces)


def tokenizer_metadata(tokens: list[str], kinds: list[int]) -> Metadata:
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        # Longer pieces win.
        "tokenizer.ggml.scores": [float(len(token)) for token in tokens],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": False,
    }


def _metadata(shape: TinyShape, vocab_size: int) -> Metadata:
    heads = shape.width // _HEAD_DIMENSION
    return {
        "general.architecture": "llama",
        "general.name": "tiny",
        "llama.context_length": shape.context_size,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": 2 * shape.width,
        "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": heads // 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _HEAD_DIMENSION,
        "llama.vocab_size": vocab_size,
    }


def _tensors(shape: TinyShape, kinds: list[int]) -> dict[str, Tensor]:
    random = np.random.default_rng(shape.seed)
    width, hidden, keys = shape.width, 2 * shape.width, shape.width // 2

    def matrix(rows: int, columns: int, spread: float) -> npt.NDArray[np.float32]:
        return random.standard_normal((rows, columns), dtype=np.float32) * np.float32(spread)

    ones = f32(np.ones(width, np.float32))
    inner = width**-0.5
    head = matrix(len(kinds), width, 3 * inner)
    # Greedy text is made of ordinary pieces and never ends by itself: all other tokens have logit 0.
    head[[kind != _NORMAL for kind in kinds]] = 0
    tensors = {
        "token_embd.weight": q8_0(matrix(len(kinds), width, 1)),
        "output_norm.weight": ones,
        "output.weight": q8_0(head),
    }
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        tensors[name + "attn_norm.weight"] = ones
        tensors[name + "ffn_norm.weight"] = ones
        tensors[name + "attn_q.weight"] = q8_0(matrix(width, width, inner))
        tensors[name + "attn_k.weight"] = q8_0(matrix(keys, width, inner))
        tensors[name + "attn_v.weight"] = q8_0(matrix(keys, width, inner))
        tensors[name + "attn_output.weight"] = q8_0(matrix(width, width, 2 * inner))
        tensors[name + "ffn_gate.weight"] = q8_0(matrix(hidden, width, inner))
        tensors[name + "ffn_up.weight"] = q8_0(matrix(hidden, width, inner))
        tensors[name + "ffn_down.weight"] = q8_0(matrix(width, hidden, 2 * hidden**-0.5))
    return tensors
