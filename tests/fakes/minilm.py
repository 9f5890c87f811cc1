"""The real embedding model all-MiniLM-L6-v2 as a GGUF file, from the folder of its published files."""

import json
import struct
from pathlib import Path

import numpy as np

from dmr_desktop.engine.gguf_writer import Metadata, Tensor, f32, write_gguf

_MEAN_POOLING = 1
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
_LAYER_NAMES = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def write_minilm(folder: Path, path: Path) -> Path:
    """``folder`` has config.json, vocab.txt and model.safetensors (of 32-bit floats)."""
    config = json.loads((folder / "config.json").read_text())
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    layers = config["num_hidden_layers"]
    names = dict(_NAMES)
    for layer in range(layers):
        names |= {f"encoder.layer.{layer}.{old}": f"blk.{layer}.{new}" for old, new in _LAYER_NAMES.items()}
    tensors: dict[str, Tensor] = {}
    for name, values in _safetensors(folder / "model.safetensors").items():
        stem, _, kind = name.rpartition(".")
        if stem in names:
            tensors[f"{names[stem]}.{kind}"] = f32(values)
    metadata: Metadata = {
        "general.architecture": "bert",
        "general.name": "all-MiniLM-L6-v2",
        "bert.context_length": config["max_position_embeddings"],
        "bert.embedding_length": config["hidden_size"],
        "bert.feed_forward_length": config["intermediate_size"],
        "bert.block_count": layers,
        "bert.attention.head_count": config["num_attention_heads"],
        "bert.attention.layer_norm_epsilon": config["layer_norm_eps"],
        "bert.attention.causal": False,
        "bert.pooling_type": _MEAN_POOLING,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.pre": "jina-v2-en",
        "tokenizer.ggml.token_type_count": config["type_vocab_size"],
        "tokenizer.ggml.tokens": [_piece(token) for token in tokens],
        "tokenizer.ggml.token_type": [_kind(token) for token in tokens],
        "tokenizer.ggml.unknown_token_id": tokens.index("[UNK]"),
        "tokenizer.ggml.seperator_token_id": tokens.index("[SEP]"),
        "tokenizer.ggml.padding_token_id": tokens.index("[PAD]"),
        "tokenizer.ggml.cls_token_id": tokens.index("[CLS]"),
        "tokenizer.ggml.mask_token_id": tokens.index("[MASK]"),
        "tokenizer.ggml.bos_token_id": tokens.index("[CLS]"),
        "tokenizer.ggml.eos_token_id": tokens.index("[SEP]"),
    }
    write_gguf(path, metadata, tensors)
    return path


def _piece(token: str) -> str:
    """WordPiece marks what goes on within a word; GGUF marks where a word begins."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else f"▁{token}"


def _kind(token: str) -> int:
    if token == "[UNK]":
        return _UNKNOWN
    return _CONTROL if token in ("[PAD]", "[CLS]", "[SEP]", "[MASK]") else _NORMAL


def _safetensors(path: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
    return found
