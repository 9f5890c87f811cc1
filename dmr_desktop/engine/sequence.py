"""One completion from its prompt to its last token: all that must survive when it loses its slot.

Owns the tokens and the state of sampling, grammar and text. Of the KV cache it knows the slot it is in.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dmr_desktop.engine.api import SequenceOutput, SequenceRequest
from dmr_desktop.engine.call_watch import CallWatch
from dmr_desktop.engine.constraint import Constraint
from dmr_desktop.engine.detokenizer import Detokenizer
from dmr_desktop.engine.sampling import Row, Sampler, log_probabilities, restore
from dmr_desktop.engine.thinking import ThinkingWatch
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import FinishReason, Timings, TokenLogprob, TopLogprob
from dmr_desktop.protocol.wire import LOWEST_LOGPROB

if TYPE_CHECKING:
    from dmr_desktop.engine.slot import Slot

_NO_TIMINGS = Timings()


class SequenceVocabulary(Protocol):
    """The part of a vocabulary that is needed here."""

    @property
    def size(self) -> int: ...
    @property
    def eog(self) -> frozenset[int]: ...
    def piece(self, token: int, *, special: bool) -> bytes: ...


class Sequence:
    """``tokens[:num_tokens]`` are the prompt and what was generated, the last token included.

    ``slot`` is set while it runs. While it waits for ``leader`` to compute their common beginning of
    ``leader_length`` tokens, it computes nothing itself. ``finish`` is set once it has ended. ``is_scoring``: the
    logits of each of its tokens are wanted, one after another from the first (:meth:`score`).
    """

    def __init__(
        self, request: SequenceRequest, context_size: int, vocabulary: SequenceVocabulary, constraint: Constraint | None
    ) -> None:
        """``request.tokens`` are valid, not empty and fewer than ``context_size``."""
        self.id = request.id
        self.group = request.group
        self.prompt_length = len(request.tokens)
        self._limit = context_size
        if request.max_tokens is not None:
            self._limit = min(context_size, self.prompt_length + max(0, request.max_tokens))
        self.tokens = np.empty(self._limit, np.int32)
        self.tokens[: self.prompt_length] = request.tokens
        self.num_tokens = self.prompt_length
        self.num_generated = 0
        self.num_forced = 0
        self.cached_tokens: int | None = None
        self.slot: Slot | None = None
        self.leader: Sequence | None = None
        self.leader_length = 0
        self.waits_since = self.served_seconds = 0.0
        self.turn_began: float | None = None
        """While it runs and all its tokens are computed: since when. The scheduler's notes, as the two above."""
        self.finish: FinishReason | None = None
        self.is_streaming = False
        """Whether its prompt was computed and its client sees tokens come."""
        self._num_reported = 0
        self._vocabulary = vocabulary
        self._visible_tokens = request.visible_tokens
        self._top_logprobs = request.top_logprobs
        self._scores: list[TokenLogprob] = []
        self._shows_scores = request.scores_prompt and request.top_logprobs is not None
        self.is_scoring = self._shows_scores and self.prompt_length > 1
        # A grammar decides itself where its output ends.
        self._ignores_eog = request.ignore_eos and constraint is None
        self._constraint = constraint
        self._sampler = Sampler(request.sampling, vocabulary.size)
        self._detokenizer = Detokenizer(vocabulary, request.visible_tokens, request.stop)
        self._thinking = None if request.thinking is None else ThinkingWatch(request.thinking)
        self._calls = None if request.calls is None or constraint is not None else CallWatch(*request.calls)
        self._submitted_at = perf_counter()
        self._admitted_at = self._first_token_at = 0.0
        self._take_forced()

    @property
    def running_slot(self) -> "Slot":
        """The slot of a running sequence."""
        assert self.slot is not None
        return self.slot

    @property
    def num_remaining(self) -> int:
        """Tokens of a running sequence that the KV cache lacks."""
        return self.num_tokens - self.running_slot.computed

    def admitted(self, cached_tokens: int) -> None:
        """Notes the first time it got a slot. After a preemption its prompt is scored again, if that was not done."""
        if self.is_scoring:
            self._scores.clear()
        if self.cached_tokens is None:
            # Of what a grammar forced, the beginning may be known too; it is no part of the prompt.
            self.cached_tokens = min(cached_tokens, self.prompt_length)
            self._admitted_at = perf_counter()

    def advance(self, row: Row, best: int) -> None:
        """Chooses the next token from its logits, of which ``best`` is the highest, and takes it.

        Raises whatever sampling or the grammar raises; the row is as before in any case.
        """
        if self.num_generated == self.num_forced:
            self._first_token_at = perf_counter()
        if self.num_tokens >= self._limit:
            self.finish = self.finish or "length"
        if self.finish is not None:
            return
        if self._sampler.is_plain and self._top_logprobs is None and self._permits(best):
            self._take(best, None)
        else:
            token = self._choose(row)
            logprob = None if self._top_logprobs is None else self._logprob(row, token, self._top_logprobs)
            self._take(token, logprob)
        self._take_forced()
        if self.finish is None and self.num_tokens >= self._limit:
            self.finish = "length"

    def score(self, row: Row) -> None:
        """Notes how likely the next token of its prompt was, by the logits of those before."""
        token = int(self.tokens[len(self._scores) + 1])
        self._scores.append(self._logprob(row, token, self._top_logprobs or 0))
        self.is_scoring = len(self._scores) < self.prompt_length - 1

    def report(self) -> SequenceOutput:
        """What is new since the last report."""
        ended = self.finish is not None
        if ended:
            self._detokenizer.end()
        text, logprobs = self._detokenizer.take()
        reported, self._num_reported = self._num_reported, self.num_generated
        is_first, self.is_streaming = not self.is_streaming, True
        return SequenceOutput(
            id=self.id,
            text=text,
            num_tokens=self.num_generated - reported,
            logprobs=logprobs,
            prompt_logprobs=self._prompt_logprobs() if is_first and self._shows_scores else (),
            first=is_first,
            finish=self.finish,
            stop=self._detokenizer.stopped_by if ended else None,
            prompt_tokens=self.prompt_length,
            cached_tokens=self.cached_tokens or 0,
            completion_tokens=self.num_generated,
            timings=self._timings() if ended else _NO_TIMINGS,
        )

    def fail(self, error: ErrorInfo) -> SequenceOutput:
        """Its last output when it cannot go on."""
        self.finish = "cancelled"
        output = self.report()
        output.finish, output.error = None, error
        return output

    def _choose(self, row: Row) -> int:
        undo = self._sampler.adjust(row, self.tokens[: self.num_tokens])
        try:
            token = self._sampler.choose(row)
            # Choosing freely and, if refused, again among the permitted gives each of those its right share.
            if self._permits(token):
                return token
            if self._constraint is not None:
                allowed = self._constraint.allowed()
                return int(allowed[self._sampler.choose(row[allowed])])
            others = row.copy()
            others[list(self._vocabulary.eog)] = -np.inf
            return self._sampler.choose(others)
        finally:
            restore(row, undo)

    def _permits(self, token: int) -> bool:
        if self._constraint is not None:
            return self._constraint.allows(token)
        return not (self._ignores_eog and token in self._vocabulary.eog)

    def _take(self, token: int, logprob: TokenLogprob | None) -> None:
        self.num_generated += 1
        if token in self._vocabulary.eog and not self._ignores_eog:
            self.finish = "stop"
            if token in self._visible_tokens:
                self._detokenizer.push(token)
            return
        self.tokens[self.num_tokens] = token
        self.num_tokens += 1
        self._sampler.accept(token)
        if self._constraint is not None:
            self._constraint.accept(token)
        self._watch(token)
        if self._detokenizer.push(token, logprob):
            self.finish = "stop"

    def _watch(self, token: int) -> None:
        """Shows a token to those who wait for something in the text. A call that has begun is held to its grammar."""
        if self._thinking is not None:
            self._thinking.add(self._vocabulary.piece(token, special=True))
        if self._calls is not None:
            self._constraint = self._calls.add(token, self._vocabulary.piece(token, special=True))
            if self._constraint is not None:
                self._calls = None
                self._ignores_eog = False
                # What stands in a call is for a program: a brace in a stop string would break every one.
                self._detokenizer.stop_no_more()

    def _take_forced(self) -> None:
        if self._thinking is not None and self._thinking.is_due:
            self._end_thinking(self._thinking)
        if self._constraint is None or self.finish is not None:
            return
        # A forced token has no logits, hence no log-probability.
        forced = self._constraint.forced() if self._top_logprobs is None else []
        room = self._limit - self.num_tokens
        for token in forced[:room]:
            if self._force(token):
                return
        # The grammar is ahead where its tokens did not all find room: complete, but not what was written.
        if len(forced) <= room and self._constraint.is_complete:
            self.finish = "stop"

    def _end_thinking(self, watch: ThinkingWatch) -> None:
        """Writes the end of the reasoning, as soon as the grammar allows it."""
        if self.finish is not None:
            return
        for token in watch.end_tokens[: self._limit - self.num_tokens]:
            if self._constraint is not None:
                if not self._constraint.allows(token):
                    return
                self._constraint.accept(token)
            if self._force(token):
                return
        watch.end()

    def _force(self, token: int) -> bool:
        """Takes a token that nobody chose; whether that ended it."""
        self.tokens[self.num_tokens] = token
        self.num_tokens += 1
        self.num_generated += 1
        self.num_forced += 1
        self._sampler.accept(token)
        self._watch(token)
        if self._detokenizer.push(token):
            self.finish = "stop"
            return True
        return False

    def _logprob(self, row: Row, token: int, num_top: int) -> TokenLogprob:
        logprob, top = log_probabilities(row, token, num_top)
        text, data = self._spelling(token)
        return TokenLogprob(
            text, data, logprob, tuple(TopLogprob(*self._spelling(other), value) for other, value in top)
        )

    def _prompt_logprobs(self) -> tuple[TokenLogprob, ...]:
        first = TokenLogprob(*self._spelling(int(self.tokens[0])), LOWEST_LOGPROB)
        return (first, *self._scores)

    def _spelling(self, token: int) -> tuple[str, tuple[int, ...]]:
        data = self._vocabulary.piece(token, special=True)
        return data.decode("utf-8", "replace"), tuple(data)

    def _timings(self) -> Timings:
        now = perf_counter()
        admitted = self._admitted_at or now
        first = self._first_token_at or now
        return Timings(
            queue_ms=(admitted - self._submitted_at) * 1e3,
            prompt_ms=(first - admitted) * 1e3,
            predicted_ms=(now - first) * 1e3,
        )
