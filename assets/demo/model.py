"""The demo model in torch: the llama architecture as llama.cpp computes it, small enough for one CPU core."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

BF16 = torch.bfloat16
ATTENTION_ROWS = 128  # queries that are scored together; the future is skipped block by block


def causal_attention(q: Tensor, k: Tensor, v: Tensor, future: Tensor) -> Tensor:
    """Causal attention by plain matrix products over blocks of queries.

    All of shape (batch, heads, time, head width); ``future`` is (ATTENTION_ROWS, ATTENTION_ROWS), large and negative
    above its diagonal. Compiled, this takes two thirds of the fused kernel's time on a CPU.
    """
    mixed = []
    q = q * q.shape[-1] ** -0.5
    for start in range(0, q.shape[2], ATTENTION_ROWS):
        end = min(start + ATTENTION_ROWS, q.shape[2])
        scores = torch.matmul(q[:, :, start:end], k[:, :, :end].transpose(-1, -2))
        own = scores[..., start:] + future[: end - start, : end - start]
        mixed.append(torch.matmul(torch.softmax(torch.cat((scores[..., :start], own), -1), -1), v[:, :, :end]))
    return torch.cat(mixed, 2)


@dataclass(frozen=True)
class Shape:
    """The model's dimensions."""

    vocab: int
    width: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 384
    context: int = 4096
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """The width of one attention head."""
        return self.width // self.heads

    def to_dict(self) -> dict[str, int | float]:
        """For the checkpoint."""
        return asdict(self)


class Block(nn.Module):
    """Attention and gated feed-forward, each behind an RMS norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        d, h = shape.width, shape.hidden
        out_scale = 0.02 / math.sqrt(2 * shape.layers)

        def weight(rows: int, columns: int, scale: float = 0.02) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, columns) * scale)

        self.attn_norm, self.ffn_norm = nn.Parameter(torch.ones(d)), nn.Parameter(torch.ones(d))
        self.q, self.k, self.v = weight(d, d, 0.04), weight(d, d, 0.04), weight(d, d)
        self.o = weight(d, d, out_scale)
        self.gate, self.up, self.down = weight(h, d, 0.04), weight(h, d, 0.04), weight(d, h, out_scale)

    def _rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        even, odd = x[..., ::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values as (batch, heads, time, head width)."""
        batch, time, _ = x.shape
        normed = fn.rms_norm(x, (self.shape.width,), self.attn_norm.to(BF16), self.shape.epsilon)
        packed = fn.linear(normed, torch.cat((self.q, self.k, self.v)).to(BF16))
        q, k, v = packed.view(batch, time, 3, self.shape.heads, self.shape.head_width).unbind(2)
        q, k = self._rotate(q, cos, sin), self._rotate(k, cos, sin)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Everything after the attention's mixing."""
        batch, time, width = x.shape
        x = x + fn.linear(mixed.transpose(1, 2).reshape(batch, time, width), self.o.to(BF16))
        normed = fn.rms_norm(x, (width,), self.ffn_norm.to(BF16), self.shape.epsilon)
        gate, up = fn.linear(normed, torch.cat((self.gate, self.up)).to(BF16)).chunk(2, -1)
        return x + fn.linear(fn.silu(gate) * up, self.down.to(BF16))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, future: Tensor) -> Tensor:
        """One layer over whole sequences."""
        q, k, v = self.project(x, cos, sin)
        return self.finish(x, causal_attention(q, k, v, future))


class DemoModel(nn.Module):
    """Embedding, blocks, norm; the output matrix is the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(shape.vocab, shape.width) * 0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        self._tables: dict[int, tuple[Tensor, Tensor]] = {}
        self._future = torch.full((ATTENTION_ROWS, ATTENTION_ROWS), -1e9, dtype=BF16).triu(1)

    def tables(self, time: int) -> tuple[Tensor, Tensor]:
        """Rotary tables of the first ``time`` positions."""
        if time not in self._tables:
            self._tables[time] = self.rotary(torch.arange(time))
        return self._tables[time]

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotary positions, shaped for (batch, time, heads, pairs)."""
        width = self.shape.head_width
        angles = torch.outer(positions.float(), self.shape.rope_base ** (-torch.arange(0, width, 2) / width))
        return angles.cos().to(BF16)[None, :, None], angles.sin().to(BF16)[None, :, None]

    def forward(self, tokens: Tensor) -> Tensor:
        """The normed hidden states, in bfloat16."""
        cos, sin = self.tables(tokens.shape[1])
        x = fn.embedding(tokens, self.embedding).to(BF16)
        for block in self.blocks:
            x = block(x, cos, sin, self._future)
        return fn.rms_norm(x, (self.shape.width,), self.norm.to(BF16), self.shape.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary."""
        return fn.linear(hidden, self.embedding.to(BF16)).float()

    def matrices(self) -> Iterator[nn.Parameter]:
        """The parameters that the matrix optimiser takes."""
        for block in self.blocks:
            for name in ("q", "k", "v", "o", "gate", "up", "down"):
                yield getattr(block, name)

    def others(self) -> Iterator[nn.Parameter]:
        """The parameters that stay with AdamW."""
        yield self.embedding
        yield self.norm
        for block in self.blocks:
            yield block.attn_norm  # type: ignore[misc]
            yield block.ffn_norm  # type: ignore[misc]

    @torch.no_grad()
    def generate(self, prompt: list[int], stop: int, limit: int) -> list[int]:
        """Greedy continuation up to ``stop`` (not included) or ``limit`` tokens."""
        cache: list[tuple[Tensor, Tensor]] = []
        out: list[int] = []
        tokens, offset = torch.tensor([prompt]), 0
        while True:
            cos, sin = self.rotary(torch.arange(offset, offset + tokens.shape[1]))
            x = fn.embedding(tokens, self.embedding).to(BF16)
            for i, module in enumerate(self.blocks):
                assert isinstance(module, Block)
                q, k, v = module.project(x, cos, sin)
                if offset:
                    k, v = torch.cat((cache[i][0], k), 2), torch.cat((cache[i][1], v), 2)
                    cache[i] = (k, v)
                else:
                    cache.append((k, v))
                x = module.finish(x, fn.scaled_dot_product_attention(q, k, v, is_causal=not offset))
            hidden = fn.rms_norm(x[:, -1], (self.shape.width,), self.norm.to(BF16), self.shape.epsilon)
            token = int(self.logits(hidden).argmax(-1))
            if token == stop or len(out) >= limit:
                return out
            out.append(token)
            offset += tokens.shape[1]
            tokens = torch.tensor([[token]])
