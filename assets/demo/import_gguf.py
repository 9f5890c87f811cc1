"""Makes a work folder from a GGUF file that ``export_gguf.py`` wrote, so that training can go on from it.

The weights come back as they were rounded to Q8_0; the optimisers start anew. What the vocabulary needs beyond its
tokens and merges (pre-tokenizer, special tokens) is put back by ``tokenizer.py``.

Needs (for training only, not for the product): torch, numpy, tokenizers, gguf.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gguf
import tokenizer as vocabulary
import torch
from export_gguf import BLOCK_TENSORS, HERE
from model import Shape
from torch import Tensor
from train import Run


def read_vocabulary(reader: gguf.GGUFReader) -> tuple[list[str], list[tuple[str, str]]]:
    """The tokens by id, and the merges in their order."""

    def texts(key: str) -> list[str]:
        field: Any = reader.fields[key]
        return [bytes(field.parts[i]).decode("utf-8") for i in field.data]

    merges = [tuple(text.split(" ")) for text in texts("tokenizer.ggml.merges")]
    return texts("tokenizer.ggml.tokens"), [(left, right) for left, right in merges]


def read_weights(reader: gguf.GGUFReader, shape: Shape) -> dict[str, Tensor]:
    """The tensors under the names of :class:`model.DemoModel`, in float32."""
    names = {"token_embd.weight": "embedding", "output_norm.weight": "norm"}
    for layer in range(shape.layers):
        names |= {f"blk.{layer}.{theirs}.weight": f"blocks.{layer}.{ours}" for ours, theirs in BLOCK_TENSORS.items()}
    return {
        names[tensor.name]: torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        for tensor in reader.tensors
    }


def main() -> None:
    """Write tokenizer.json and checkpoint.pt into the work folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--gguf", type=Path, default=HERE / "demo.gguf")
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if (options.work / "checkpoint.pt").exists():
        parser.error(f"{options.work} has a checkpoint already: go on with train.py")
    reader = gguf.GGUFReader(options.gguf)
    tokens, merges = read_vocabulary(reader)
    shape = Shape(vocab=len(tokens))
    vocabulary.build(tokens, merges).save(str(options.work / "tokenizer.json"))
    run = Run(options.work, shape, options.rate)
    run.model.load_state_dict(read_weights(reader, shape))
    run.average = {key: value.clone() for key, value in run.model.state_dict().items()}
    run.step = 301  # past the small first steps; the rate warms up over the optimisers' first ones
    run.save()
    print(f"{options.work}: {len(tokens)} tokens, {sum(p.numel() for p in run.model.parameters())} parameters")


if __name__ == "__main__":
    main()
