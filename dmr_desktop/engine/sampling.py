"""Choosing the next token from a row of logits, in numpy.

A row is the float32 logits of the whole vocabulary (150,000 and more): nothing here builds a sorted
copy of it. Order of the steps as in llama.cpp: logit bias, penalties, top-k, top-p, min-p, and the
temperature last. Knows neither sequences nor grammars.
"""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dmr_desktop.protocol.generation import SamplingParams
from dmr_desktop.protocol.wire import LOWEST_LOGPROB

Row: TypeAlias = npt.NDArray[np.float32]
Ids: TypeAlias = npt.NDArray[np.int64]

_BLOCK = 512
# Where to look for the highest values before looking at all of them: nats below the best one.
_REACHES = (3.0, 5.0, 7.0, 9.0, 11.0, 14.0, math.inf)
# Alternatives are looked for this near first.
_MARGIN = 9.0
# Below it the second best token has no chance that float32 could hold.
_COLDEST = 1e-5
# Stronger than any logit, yet finite.
_MOST_BIAS = 1e4


class Sampler:
    """One sequence's parameters, random state and counts of what it has generated.

    The same seed, parameters and logits give the same tokens.
    """

    __slots__ = ("_bias_ids", "_bias_values", "_counts", "_params", "_random", "is_greedy", "is_plain")

    def __init__(self, params: SamplingParams, vocab_size: int) -> None:
        self._params = params
        bias = {
            token: min(max(value, -_MOST_BIAS), _MOST_BIAS)
            for token, value in params.logit_bias.items()
            if 0 <= token < vocab_size
        }
        self._bias_ids = np.fromiter(bias.keys(), np.int64, len(bias))
        self._bias_values = np.fromiter(bias.values(), np.float32, len(bias))
        self._counts: dict[int, int] = {}
        self._random = np.random.default_rng(None if params.seed is None else params.seed & 0xFFFF_FFFF_FFFF_FFFF)
        self.is_greedy = not params.temperature > _COLDEST
        self.is_plain = self.is_greedy and not bias and not self._penalises_recent and not self._penalises_generated
        """Whether the best logit of an untouched row is the answer."""

    @property
    def _penalises_recent(self) -> bool:
        return self._params.repeat_penalty not in (0, 1) and self._params.repeat_last_n != 0

    @property
    def _penalises_generated(self) -> bool:
        return self._params.presence_penalty != 0 or self._params.frequency_penalty != 0

    def accept(self, token: int) -> None:
        """Counts a generated token."""
        if self._penalises_generated:
            self._counts[token] = self._counts.get(token, 0) + 1

    def adjust(self, row: Row, history: npt.NDArray[np.int32]) -> tuple[Ids, Row] | None:
        """Applies bias and penalties to the row, touching the listed tokens only.

        ``history``: prompt and generated tokens. The repeat penalty looks at its last ``repeat_last_n``
        (negative: all), presence and frequency penalties at generated tokens only, as OpenAI defines them.
        Returns what :func:`restore` needs, or None if nothing changed.
        """
        params = self._params
        recent = generated = np.empty(0, np.int64)
        if self._penalises_recent:
            window = history if params.repeat_last_n < 0 else history[-params.repeat_last_n :]
            recent = np.unique(window).astype(np.int64)
        if self._penalises_generated:
            generated = np.fromiter(self._counts.keys(), np.int64, len(self._counts))
        touched = np.concatenate([self._bias_ids, recent, generated])
        if not len(touched):
            return None
        undo = (touched, row[touched])
        row[self._bias_ids] += self._bias_values
        if len(recent):
            values = row[recent]
            row[recent] = np.where(values > 0, values / params.repeat_penalty, values * params.repeat_penalty)
        if len(generated):
            counts = np.fromiter(self._counts.values(), np.float32, len(self._counts))
            row[generated] -= params.presence_penalty + params.frequency_penalty * counts
        return undo

    def choose(self, logits: Row) -> int:
        """Index of the chosen logit. At least one must be finite."""
        best = int(logits.argmax())
        if self.is_greedy:
            return best
        params = self._params
        # Log-weights relative to the best, whose weight is 1.
        values = logits - logits[best]
        ids: Ids | None = None
        if 0 < params.top_k < len(values):
            ids = _highest(values, params.top_k)
            values = values[ids]
        if params.top_p < 1:
            ids, values = _narrow(ids, values, _nucleus(values, params.top_p))
        if params.min_p > 0:
            ids, values = _narrow(ids, values, np.flatnonzero(values >= math.log(min(params.min_p, 1.0))))
        # In place: a new array of a vocabulary's size costs about as much as what is computed in it.
        if params.temperature != 1:
            values /= np.float32(params.temperature)
        drawn = _draw(np.exp(values, out=values), self._random.random())
        return drawn if ids is None else int(ids[drawn])


def _narrow(ids: Ids | None, values: Row, kept: Ids) -> tuple[Ids, Row]:
    return (kept if ids is None else ids[kept]), values[kept]


def _draw(weights: Row, uniform: float) -> int:
    """An index, each as likely as its weight, from a number between 0 and 1."""
    # Finding the block first saves summing up all of a vocabulary step by step.
    starts = np.arange(0, len(weights), _BLOCK)
    blocks = np.add.reduceat(weights, starts).cumsum(dtype=np.float64)
    goal = uniform * blocks[-1]
    block = min(int(np.searchsorted(blocks, goal, side="right")), len(blocks) - 1)
    start = block * _BLOCK
    mass = weights[start : start + _BLOCK].cumsum(dtype=np.float64)
    before = blocks[block - 1] if block else 0.0
    drawn = int(np.searchsorted(mass, goal - before, side="right"))
    if drawn >= len(mass):
        # Rounding led past the end: the heaviest of the block is as good.
        drawn = int(weights[start : start + _BLOCK].argmax())
    return start + drawn


def _highest(values: Row, count: int) -> Ids:
    """Indices of the ``count`` highest of values whose maximum is 0, in order of index."""
    near = np.empty(0, np.int64)
    for reach in _REACHES:
        near = np.flatnonzero(values >= -reach)
        if len(near) >= count:
            break
    return np.sort(near[np.argpartition(-values[near], count - 1)[:count]])


def _nucleus(values: Row, share: float) -> Ids:
    """Indices of the fewest values (log-weights, maximum 0) that together weigh ``share`` of all, heaviest first."""
    weights = np.exp(values)
    goal = share * float(weights.sum())
    near = np.empty(0, np.int64)
    for reach in _REACHES:
        near = np.flatnonzero(values >= -reach)
        if float(weights[near].sum()) >= goal:
            break
    near = near[np.argsort(-values[near], kind="stable")]
    count = int(np.searchsorted(weights[near].cumsum(dtype=np.float64), goal)) + 1
    return near[:count]


def restore(row: Row, undo: tuple[Ids, Row] | None) -> None:
    """Takes back what :meth:`Sampler.adjust` did."""
    if undo is not None:
        row[undo[0]] = undo[1]


def log_probabilities(row: Row, token: int, num_top: int) -> tuple[float, list[tuple[int, float]]]:
    """Natural log-probability of ``token``, and the ``num_top`` best tokens with theirs, best first.

    ``row`` is what the model said, before any bias or penalty. Never below -9999.
    """
    top = row.max()
    total = float(top) + math.log(float(np.exp(row - top).sum(dtype=np.float64)))

    def of(index: int) -> float:
        return max(float(row[index]) - total, LOWEST_LOGPROB)

    if num_top <= 0:
        return of(token), []
    num_top = min(num_top, len(row))
    near = np.flatnonzero(row >= top - _MARGIN)
    if len(near) < num_top:
        near = np.argpartition(row, len(row) - num_top)[-num_top:]
    best = near[np.argsort(-row[near], kind="stable")][:num_top]
    return of(token), [(int(index), of(int(index))) for index in best]
