"""Scoring pairs of a query and a document, many in one call of llama.cpp. Owned by one thread; nothing is kept."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.cores import FreeCores, default_threads
from dmr_desktop.engine.llama import Model, RankingContext
from dmr_desktop.engine.pooled import INPUTS_AT_ONCE, PooledEngine
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import RunnerError

MAX_CONTEXT_SIZE = 8192
_LOGITS_BYTES = 2 * 1024**3
_LEAST_CONTEXT_SIZE = 512


class RankingEngine(PooledEngine):
    """One score a pair. A pair is the tokens of both texts, as :class:`.formats.pairs.PairFormat` joins them."""

    noun = "document"
    param = "documents"
    too_long = 'Split the document into shorter pieces, or send "truncate": true to have its end left out.'

    @classmethod
    def open(cls, model: Model, *, context_size: int | None = None, threads: int | None = None) -> "RankingEngine":
        """``context_size`` tokens are the longest pair; None: what the model was trained for, within reason.

        Raises :class:`RunnerStartFailed` when memory is short.
        """
        most = min(context_size or _default_context_size(model), model.train_context_size)
        adaptive = AdaptiveThreads(threads or default_threads(), FreeCores())
        context = RankingContext(model, max_tokens=most, num_sequences=INPUTS_AT_ONCE, threads=adaptive.start())
        return cls(context, cls.facts_of(model, context), adaptive)

    def rank(self, pairs: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Float32 ``[len(pairs)]``. Computes until all are done.

        Raises :class:`ContextOverflow` for a pair that is too long and :class:`InvalidRequest` for an empty one;
        then nothing is computed. :class:`RunnerError` if the model gives something that is no number.
        """
        scores = self._rows(pairs)[:, 0]
        if not np.isfinite(scores).all():
            raise RunnerError("The model's scores are not numbers.", hint="The file may be damaged: pull it again.")
        return scores


def _default_context_size(model: Model) -> int:
    """A token of a long text costs a row of logits, see :func:`.pooled.tokens_together`."""
    affordable = _LOGITS_BYTES // (4 * model.vocabulary.size)
    return min(MAX_CONTEXT_SIZE, max(_LEAST_CONTEXT_SIZE, affordable))
