"""GGUF models of real shapes with seeded random weights and a real tokenizer, to measure with.

The weights mean nothing; the cost of every matrix product is that of the real shape. The head's rows of all
tokens but plain words are zero, so whatever is sampled is valid text and no end-of-generation token ever wins:
every server generates exactly ``max_tokens``. The vocabulary (Qwen2, 151,936 tokens) and the GGUF writer come
from the source distribution that ``build_peer`` unpacks.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a llama-architecture model; ``tiny`` has 15 M parameters besides embeddings and head."""

    embedding: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int


SHAPES = {
    "tiny": Shape(embedding=384, layers=8, heads=6, kv_heads=2, feed_forward=1280, context=32768),
    "135m": Shape(embedding=576, layers=30, heads=9, kv_heads=3, feed_forward=1536, context=32768),
}


def make_model(name: str, path: Path, source: Path, seed: int = 1) -> Path:
    """Write the Q8_0 model of ``SHAPES[name]`` unless ``path`` exists. ``source`` is the llama.cpp tree."""
    if path.exists():
        return path
    sys.path.insert(0, str(source / "gguf-py"))
    import gguf  # type: ignore[import-not-found, unused-ignore]

    shape = SHAPES[name]
    rng = np.random.default_rng(seed)
    partial = path.with_suffix(".partial")
    writer: Any = gguf.GGUFWriter(str(partial), "llama")
    tokens = _copy_vocabulary(gguf, writer, source / "models" / "ggml-vocab-qwen2.gguf")
    _write_metadata(writer, name, shape, tokens)

    def add(tensor: str, values: Matrix) -> None:
        if values.ndim == 1:
            writer.add_tensor(tensor, values)
            return
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(tensor, gguf.quants.quantize(values, kind), raw_dtype=kind)

    def random(rows: int, columns: int, sigma: float) -> Matrix:
        return rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(sigma)

    size = shape.embedding
    head = random(len(tokens), size, 3 / size**0.5)
    head[~_plain_words(tokens)] = 0
    add("output.weight", head)
    add("token_embd.weight", random(len(tokens), size, 1))
    add("output_norm.weight", np.ones(size, np.float32))
    kv_size = shape.kv_heads * size // shape.heads
    unit = size**-0.5
    residual = 1.5 / (2 * shape.layers) ** 0.5
    for layer in range(shape.layers):
        prefix = f"blk.{layer}."
        add(prefix + "attn_norm.weight", np.ones(size, np.float32))
        add(prefix + "ffn_norm.weight", np.ones(size, np.float32))
        add(prefix + "attn_q.weight", random(size, size, 1.2 * unit))
        add(prefix + "attn_k.weight", random(kv_size, size, 1.2 * unit))
        add(prefix + "attn_v.weight", random(kv_size, size, unit))
        add(prefix + "attn_output.weight", random(size, size, 2 * unit * residual))
        add(prefix + "ffn_gate.weight", random(shape.feed_forward, size, unit))
        add(prefix + "ffn_up.weight", random(shape.feed_forward, size, unit))
        add(prefix + "ffn_down.weight", random(size, shape.feed_forward, 2 * residual / shape.feed_forward**0.5))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(path)
    return path


def _copy_vocabulary(gguf: Any, writer: Any, path: Path) -> list[str]:
    tokens: list[str] = []
    for key, field in gguf.GGUFReader(str(path)).fields.items():
        if not key.startswith("tokenizer.") or key in ("tokenizer.chat_template", "tokenizer.ggml.eos_token_id"):
            continue
        value = field.contents()
        if key == "tokenizer.ggml.tokens":
            tokens = value
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(key, value)
        else:
            writer.add_key_value(key, value, field.types[0])
    return tokens


def _write_metadata(writer: Any, name: str, shape: Shape, tokens: list[str]) -> None:
    writer.add_name(f"benchmark {name}")
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_chat_template(CHATML)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.embedding)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e5)
    writer.add_rope_dimension_count(shape.embedding // shape.heads)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(7)  # mostly Q8_0


def _plain_words(tokens: list[str]) -> NDArray[np.bool_]:
    """Tokens of 2 to 12 ASCII letters and blanks, spelled as byte-level BPE does (``Ġ`` is a blank)."""
    texts = (token.replace("Ġ", " ") for token in tokens)
    plain = [2 <= len(t) <= 12 and t.isascii() and t.replace(" ", "").isalpha() for t in texts]
    return np.array(plain, dtype=bool)
