"""Writes the demo model's checkpoint as one GGUF file: llama architecture, Q8_0 matrices, F32 norms.

Needs (for training only, not for the product): torch, numpy, tokenizers, gguf.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import gguf
import numpy as np
import torch
from model import Shape
from tokenizer import CONTROL, USER_DEFINED
from torch import Tensor

HERE = Path(__file__).resolve().parent
BLOCK_TENSORS = {
    "attn_norm": "attn_norm",
    "ffn_norm": "ffn_norm",
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}


def add_metadata(writer: gguf.GGUFWriter, shape: Shape, template: str) -> None:
    """What the model is and how it is run."""
    writer.add_name("DMR demo")
    writer.add_description("A smoke-test model: it proves that everything works and is no use for real work.")
    writer.add_license("apache-2.0")
    writer.add_size_label("4M")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_vocab_size(shape.vocab)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_chat_template(template)
    # Its facts are exact or wrong: greedy, unless a request says otherwise.
    writer.add_float32("general.sampling.temp", 0.0)


def add_vocabulary(writer: gguf.GGUFWriter, path: Path) -> None:
    """The byte-level BPE vocabulary with llama.cpp's name for its pre-tokenizer."""
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    kinds = [
        gguf.TokenType.CONTROL
        if token in CONTROL
        else gguf.TokenType.USER_DEFINED
        if token in USER_DEFINED
        else gguf.TokenType.NORMAL
        for token in tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    end = tokens.index("<|im_end|>")
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def add_tensor(writer: gguf.GGUFWriter, name: str, tensor: Tensor) -> None:
    """Matrices as Q8_0, vectors as F32."""
    array = tensor.detach().float().numpy().astype(np.float32)
    if array.ndim == 1:
        writer.add_tensor(name, array)
        return
    packed = gguf.quants.quantize(array, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)


def export(work: Path, out: Path, average: bool = True) -> None:
    """Write ``out`` from the checkpoint in ``work``; the old file stays until the new one is complete."""
    state = torch.load(work / "checkpoint.pt", weights_only=True, map_location="cpu")
    shape = Shape(**state["shape"])
    weights: dict[str, Tensor] = state["average" if average else "model"]
    temporary = out.with_name(out.name + ".tmp")
    writer = gguf.GGUFWriter(temporary, "llama")
    add_metadata(writer, shape, (HERE / "chat_template.jinja").read_text(encoding="utf-8"))
    add_vocabulary(writer, work / "tokenizer.json")
    add_tensor(writer, "token_embd.weight", weights["embedding"])
    for layer in range(shape.layers):
        for ours, theirs in BLOCK_TENSORS.items():
            add_tensor(writer, f"blk.{layer}.{theirs}.weight", weights[f"blocks.{layer}.{ours}"])
    add_tensor(writer, "output_norm.weight", weights["norm"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, out)


def main() -> None:
    """Export the checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "demo.gguf")
    parser.add_argument("--last", action="store_true", help="the last weights instead of their running average")
    options = parser.parse_args()
    export(options.work, options.out, average=not options.last)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
