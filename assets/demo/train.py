"""Trains the demo model on one CPU core, in bfloat16, for a given number of minutes.

The run can be interrupted at any time and goes on from its last checkpoint with the same command. The learning
rate follows the clock: warm-up, constant, and a straight line down to a twentieth over the last part of the time.

Training needs (none of it is needed by the product): torch, numpy, tokenizers.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tokenizer as vocabulary
import torch
from corpus import Composer, Sample, render
from model import DemoModel, Shape
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as fn

LENGTHS = (96, 128, 192, 256, 320, 384, 512, 640, 768, 1024, 1536, 2048)
PROMPT_SHARE = 0.12  # of the tokens that are not learned, this share gets a little weight: it teaches copying early
CHOICE_WEIGHT = 4.0  # of the tokens of a called tool's name: few, and everything after them hangs on them
CHOICE = re.compile(r'<tool_call>\n\{"name": "([^"]+)"')


@dataclass
class Batch:
    """Sequences of one length, and where and how strongly they are learned."""

    tokens: Tensor
    places: Tensor  # indices into the flattened (batch, time), of the position before each target
    targets: Tensor
    weights: Tensor


def encode(tok: Tokenizer, sample: Sample, rng: random.Random) -> tuple[list[int], list[float]]:
    """Token ids of a conversation and the weight of each as a target."""
    pieces = render(sample)
    text = "".join(piece for piece, _ in pieces)
    learned = np.zeros(len(text) + 1)
    at = 0
    for piece, learn in pieces:
        learned[at : at + len(piece)] = learn
        at += len(piece)
    for name in CHOICE.finditer(text):
        learned[slice(*name.span(1))] *= CHOICE_WEIGHT
    encoding = tok.encode(text, add_special_tokens=False)
    weights = [float(learned[start]) or (0.15 if rng.random() < PROMPT_SHARE else 0.0) for start, _ in encoding.offsets]
    return encoding.ids, weights


def batches(tok: Tokenizer, seed: int, tokens_per_batch: int) -> Iterator[Batch]:
    """Endless batches: conversations are collected by length until a batch is full."""
    composer, rng = Composer(seed), random.Random(seed)
    pools: dict[int, list[tuple[list[int], list[float]]]] = {length: [] for length in LENGTHS}
    while True:
        ids, weights = encode(tok, composer.sample(), rng)
        if len(ids) > LENGTHS[-1]:
            continue
        length = next(n for n in LENGTHS if n >= len(ids))
        pool = pools[length]
        pool.append((ids, weights))
        if len(pool) < max(1, tokens_per_batch // length):
            continue
        tokens = torch.zeros(len(pool), length, dtype=torch.long)
        scale = torch.zeros(len(pool), length)
        for row, (row_ids, row_weights) in enumerate(pool):
            tokens[row, : len(row_ids)] = torch.tensor(row_ids)
            scale[row, : len(row_ids)] = torch.tensor(row_weights)
        flat = scale[:, 1:].contiguous()
        rows, columns = flat.nonzero(as_tuple=True)
        yield Batch(tokens, rows * length + columns, tokens[rows, columns + 1], flat[rows, columns])
        pool.clear()


def hard_ones(stream: Iterator[Batch], model: DemoModel, share: float) -> Iterator[Batch]:
    """Batches of the conversations with the highest loss of each batch, and a few others by chance.

    Most of the corpus is soon known by heart; a look forward costs a third of a full turn and leaves those for which
    the turn is worth it.
    """
    rng = random.Random(1)
    pools: dict[int, list[tuple[Tensor, Tensor]]] = {}
    for batch in stream:
        rows, length = batch.tokens.shape
        with torch.no_grad():
            hidden = model(batch.tokens).flatten(0, 1)[batch.places]
            losses = fn.cross_entropy(model.logits(hidden), batch.targets, reduction="none") * batch.weights
        scores = torch.zeros(rows).index_add_(0, batch.places // length, losses * (batch.weights >= 1))
        kept = set(scores.topk(max(1, round(rows * share))).indices.tolist())
        kept |= {row for row in range(rows) if rng.random() < share / 4}
        dense = torch.zeros(rows, length)
        dense.view(-1)[batch.places] = batch.weights
        pool = pools.setdefault(length, [])
        for row in kept:
            pool.append((batch.tokens[row], dense[row]))
            if len(pool) == rows:
                weights = torch.stack([w for _, w in pool])
                tokens = torch.stack([t for t, _ in pool])
                places = weights.flatten().nonzero()[:, 0]
                yield Batch(tokens, places, tokens.flatten()[places + 1], weights.flatten()[places])
                pool.clear()


class Run:
    """The state of a training run: model, its running average, optimisers and clock."""

    def __init__(self, work: Path, shape: Shape, rate: float) -> None:
        self.work, self.rate = work, rate
        torch.manual_seed(1)
        self.model = DemoModel(shape)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.matrix = torch.optim.Muon(
            list(self.model.matrices()), lr=rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.AdamW(list(self.model.others()), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.seconds, self.tokens, self.visits = 0, 0.0, 0, 0
        path = work / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.matrix.load_state_dict(state["matrix"])
            self.adam.load_state_dict(state["adam"])
            self.step, self.seconds = state["step"], state["seconds"]
            self.tokens, self.visits = state["tokens"], state["visits"] + 1

    def save(self) -> None:
        """Write the checkpoint; a crash while writing leaves the old one."""
        state = {
            "shape": self.model.shape.to_dict(),
            "model": self.model.state_dict(),
            "average": self.average,
            "matrix": self.matrix.state_dict(),
            "adam": self.adam.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "tokens": self.tokens,
            "visits": self.visits,
        }
        temporary = self.work / "checkpoint.tmp"
        torch.save(state, temporary)
        os.replace(temporary, self.work / "checkpoint.pt")

    def set_rate(self, progress: float, decay_from: float) -> float:
        """The learning rate at a share of the time."""
        rate = self.rate * min(1.0, (self.step + 1) / 100)
        if progress > decay_from:
            rate *= max(0.05, (1 - progress) / (1 - decay_from))
        for group in itertools.chain(self.matrix.param_groups, self.adam.param_groups):
            group["lr"] = rate
        return rate

    def update(self, micro: list[Batch]) -> float:
        """One optimiser step over a few batches; returns the mean loss of the learned tokens."""
        total = float(sum(batch.weights.sum() for batch in micro))
        loss_sum = learned = 0.0
        for batch in micro:
            hidden = self.model(batch.tokens).flatten(0, 1)[batch.places]
            losses = fn.cross_entropy(self.model.logits(hidden), batch.targets, reduction="none")
            ((losses * batch.weights).sum() / total).backward()  # type: ignore[no-untyped-call]
            full = batch.weights >= 1
            loss_sum += float(losses.detach()[full].sum())
            learned += float(full.sum())
            self.tokens += batch.tokens.numel()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.matrix.step()  # type: ignore[no-untyped-call]
        self.adam.step()
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        decay = min(0.985, 1 - 1 / (self.step + 1))
        with torch.no_grad():
            for key, value in self.model.state_dict().items():
                self.average[key].lerp_(value, 1 - decay)
        return loss_sum / max(1.0, learned)


def main() -> None:
    """Train, or go on with training."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of tokenizer.json, checkpoints and log")
    parser.add_argument("--minutes", type=float, default=80, help="total training time, over all interruptions")
    parser.add_argument("--until", default=None, help="instead of --minutes: stop at this time of day, HH:MM (UTC)")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--decay-from", type=float, default=0.6, help="share of the time after which the rate falls")
    parser.add_argument("--batch", type=int, default=4096, help="tokens in a batch")
    parser.add_argument("--accumulate", type=int, default=3, help="batches in a step")
    parser.add_argument("--seed", type=int, default=1000, help="another one for a second run, see average.py")
    parser.add_argument("--hardest", type=float, default=1.0, help="learn from this share of the conversations only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    vocab_path = work / "tokenizer.json"
    if not vocab_path.exists():
        vocabulary.train().save(str(vocab_path))
    tok = vocabulary.load(vocab_path)
    run = Run(work, Shape(vocab=tok.get_vocab_size()), options.rate)
    for block in run.model.blocks:
        block.compile(dynamic=False)
    torch._dynamo.config.recompile_limit = 64
    limit = options.minutes * 60
    if options.until:
        hours, minutes = map(int, re.findall(r"\d+", options.until))
        now = time.gmtime()
        limit = run.seconds + (hours * 60 + minutes - now.tm_hour * 60 - now.tm_min) * 60 - now.tm_sec
    stream = batches(tok, options.seed + run.visits, options.batch)
    if options.hardest < 1:
        stream = hard_ones(stream, run.model, options.hardest)
    started, before = time.monotonic(), run.seconds
    saved = reported = started
    losses: list[float] = []
    while run.seconds < limit:
        rate = run.set_rate(run.seconds / limit, options.decay_from)
        losses.append(run.update(list(itertools.islice(stream, options.accumulate if run.step > 300 else 1))))
        now_ = time.monotonic()
        run.seconds = before + now_ - started
        if now_ - reported > 15:
            print(
                f"step {run.step} minutes {run.seconds / 60:.1f} tokens {run.tokens / 1e6:.2f}M "
                f"loss {np.mean(losses):.4f} rate {rate:.2e}",
                flush=True,
            )
            reported, losses = now_, []
        if now_ - saved > 90:
            run.save()
            saved = now_
    run.save()
    print(f"done: {run.step} steps, {run.tokens / 1e6:.1f}M tokens, {run.seconds / 60:.1f} minutes")


if __name__ == "__main__":
    main()
