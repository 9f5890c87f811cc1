"""Continuous batching: sequences join and leave between steps, each step decodes one batch for all.

Synchronous and owned by one thread; only what compiles or warms grammars may be called from others. Speaks tokens:
knows no templates, no sockets, no clock but that of its steps.
"""

from collections.abc import Callable
from time import monotonic, perf_counter

import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.api import EngineFacts, EngineStats, SequenceOutput, SequenceRequest
from dmr_desktop.engine.constraint import ComingConstraint, Constraint, Grammars
from dmr_desktop.engine.contracts import LEAST_ROWS, DecodeContext, EngineVocabulary
from dmr_desktop.engine.cores import FreeCores, default_threads
from dmr_desktop.engine.llama import Context, Model
from dmr_desktop.engine.lone_decode import LoneDecode
from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.parked import NO_PARKING, Parking
from dmr_desktop.engine.plan import Plan
from dmr_desktop.engine.scheduler import Scheduler
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slots import Slots
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import ContextOverflow, DMRError, ErrorInfo, InvalidRequest, RunnerError
from dmr_desktop.protocol.runners import AS_IT_IS, EngineTuning

N_BATCH = 2048
N_UBATCH = 512


class Engine:
    """Generates many sequences at once. Submit requests, call :meth:`step` until :attr:`is_idle`.

    All sequences share one pool of ``context_size`` KV cells: one of them may use it all, and what several
    have in common counts once. When the pool runs full, the youngest sequence waits and is computed again
    later; so does one that has had its turn when another has waited for long. The client only sees a pause. Turns are
    measured by ``clock``, in seconds.
    """

    def __init__(
        self,
        context: DecodeContext,
        vocabulary: EngineVocabulary,
        *,
        context_size: int,
        n_ubatch: int = N_UBATCH,
        threads: AdaptiveThreads | None = None,
        train_context_size: int = 0,
        embedding_length: int = 0,
        parking: Parking = NO_PARKING,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.facts = EngineFacts(
            context_size=context_size,
            train_context_size=train_context_size,
            num_sequences=context.num_sequences,
            vocab_size=vocabulary.size,
            embedding_length=embedding_length,
        )
        self._context = context
        self._vocabulary = vocabulary
        self._grammars = Grammars(vocabulary)
        self._threads = threads or AdaptiveThreads(default_threads())
        self._lone_decode = LoneDecode()
        self._threads_set = 0
        n_batch = context.batch.capacity
        self._slots = Slots(context, parking)
        self._pace = PrefillPace(n_batch=n_batch, n_ubatch=n_ubatch)
        self._scheduler = Scheduler(
            self._slots,
            self._pace,
            n_batch=n_batch,
            pool_size=context.pool_size,
            max_rows=max(context.num_sequences, LEAST_ROWS),
            clock=clock,
        )
        self._alive: dict[int, Sequence] = {}
        self._refused: list[SequenceOutput] = []
        self._to_cancel: set[int] = set()
        self._steps = self._prompt_tokens = self._cached_tokens = 0
        self._generated_tokens = self._forced_tokens = 0
        self._decode_seconds = self._other_seconds = 0.0

    @classmethod
    def open(
        cls,
        model: Model,
        *,
        context_size: int,
        num_sequences: int = 8,
        threads: int | None = None,
        tuning: EngineTuning = AS_IT_IS,
        parking: Parking = NO_PARKING,
    ) -> "Engine":
        """An engine on a loaded model. ``threads`` None: chosen for this machine, fewer while it is busy.

        Raises :class:`RunnerStartFailed` when the memory for the context cannot be had.
        """
        adaptive = AdaptiveThreads(threads or default_threads(), FreeCores())
        n_batch = max(tuning.batch_size or N_BATCH, 2 * num_sequences)
        n_ubatch = min(tuning.ubatch_size or N_UBATCH, n_batch)
        context = Context(
            model,
            pool_size=context_size,
            num_sequences=num_sequences,
            n_batch=n_batch,
            n_ubatch=n_ubatch,
            threads=adaptive.count,
            tuning=tuning,
        )
        engine = cls(
            context,
            model.vocabulary,
            context_size=context_size,
            n_ubatch=n_ubatch,
            threads=adaptive,
            train_context_size=model.train_context_size,
            embedding_length=model.embedding_length,
            parking=parking,
        )
        try:
            engine.warm_up()
        except Exception:
            engine.close()
            raise
        return engine

    @property
    def context_size(self) -> int:
        """Tokens a sequence may hold, prompt and output together."""
        return self.facts.context_size

    @property
    def is_idle(self) -> bool:
        """Whether a step would bring nothing."""
        return not self._alive and not self._refused

    def stats(self) -> EngineStats:
        return EngineStats(
            running=len(self._scheduler.running),
            waiting=len(self._scheduler.waiting),
            steps=self._steps,
            prompt_tokens=self._prompt_tokens,
            cached_tokens=self._cached_tokens,
            generated_tokens=self._generated_tokens,
            forced_tokens=self._forced_tokens,
            preemptions=self._scheduler.preemptions,
            threads=self._threads_set,
            decode_seconds=self._decode_seconds,
            other_seconds=self._other_seconds,
            kv_cells=self._context.pool_size,
            kv_cells_used=min(self._slots.cells_held, self._context.pool_size),
        )

    def compile_grammar(self, grammar: str) -> Constraint:
        """For :attr:`SequenceRequest.constraint`, from any thread. Raises :class:`InvalidRequest`."""
        return self._grammars.compile(grammar)

    def compile_later(self, write: Callable[[], str | None]) -> ComingConstraint:
        """For :attr:`SequenceRequest.calls`, from any thread. ``write`` runs on another; None is no grammar."""
        return self._grammars.compile_later(write)

    def warm_grammars(self) -> None:
        """Does the slow part of the first grammar now, from any thread."""
        self._grammars.warm()

    def warm_up(self) -> None:
        """Reads the weights into memory, by computing one token. For an idle engine. Raises :class:`RunnerError`."""
        self._set_threads(self._threads.start())
        batch = self._context.batch
        batch.tokens[0] = batch.positions[0] = batch.seq_ids[0] = 0
        batch.wanted[0] = 1
        self._context.decode(1)
        self._context.clear(0)

    def tidy(self) -> bool:
        """Does a piece of work for which the next request would else have to wait; False if there is none.

        For an idle engine, in a quiet moment.
        """
        return self._slots.park_one()

    def submit(self, request: SequenceRequest) -> None:
        """Takes a request. What is wrong with it comes out of the next step as its error."""
        try:
            if request.id in self._alive:
                raise InvalidRequest(f"There is already a sequence {request.id}.")
            sequence = self._admissible(request)
        except Exception as error:
            self._refused.append(SequenceOutput(request.id, first=True, error=_info(error)))
            return
        self._alive[sequence.id] = sequence
        self._scheduler.add(sequence)

    def cancel(self, sequence_id: int) -> None:
        """Ends a sequence at the next step with finish ``cancelled``. An unknown id is ignored."""
        if sequence_id in self._alive:
            self._to_cancel.add(sequence_id)

    def step(self) -> list[SequenceOutput]:
        """One turn: schedule, decode, advance. At most one output for each sequence."""
        started = perf_counter()
        decoding = self._decode_seconds
        outputs, self._refused = self._refused, []
        for sequence_id in sorted(self._to_cancel):
            sequence = self._alive[sequence_id]
            sequence.finish = "cancelled"
            outputs.append(self._ended(sequence, sequence.report()))
        plan = self._scheduler.schedule()
        while plan.num_tokens:
            try:
                if self._decode(plan):
                    outputs += self._advance(plan)
                    break
            except Exception as error:
                outputs += [self._fail(sequence, error) for sequence in plan.sequences]
                break
            if not self._slots.evict(plan.num_tokens):
                plan = self._make_room(plan, outputs)
        self._steps += 1
        self._other_seconds += perf_counter() - started - (self._decode_seconds - decoding)
        return outputs

    def close(self) -> None:
        """Frees the context. The model stays with its owner."""
        self._grammars.close()
        self._context.close()

    def _admissible(self, request: SequenceRequest) -> Sequence:
        count = len(request.tokens)
        if count == 0:
            raise InvalidRequest("The prompt is empty.", hint="Send at least one token.")
        if count >= self.context_size:
            raise ContextOverflow(
                f"This model's maximum context length is {self.context_size} tokens. However, your messages "
                f"resulted in {count} tokens. Please reduce the length of the messages.",
                hint="Shorten the conversation or configure a larger context size.",
            )
        if min(request.tokens) < 0 or max(request.tokens) >= self._vocabulary.size:
            raise InvalidRequest(f"The prompt has token ids outside 0 to {self._vocabulary.size - 1}.")
        biased = max(request.sampling.logit_bias, default=0)
        if biased >= self._vocabulary.size:
            raise InvalidRequest(
                f"Invalid key in 'logit_bias': {biased}. Maximum value is {self._vocabulary.size - 1}.",
                param="logit_bias",
            )
        constraint = request.constraint
        if constraint is None and request.grammar is not None:
            constraint = self._grammars.compile(request.grammar)
        return Sequence(request, self.context_size, self._vocabulary, constraint)

    def _decode(self, plan: Plan) -> bool:
        plan.fill(self._context.batch)
        most = self._threads.count
        self._set_threads(self._lone_decode.threads(most) if plan.num_tokens == 1 else most)
        before = perf_counter()
        done = self._context.decode(plan.num_tokens)
        seconds = perf_counter() - before
        self._decode_seconds += seconds
        if done:
            plan.mark_computed()
            self._learn(plan, seconds)
        return done

    def _learn(self, plan: Plan, seconds: float) -> None:
        self._prompt_tokens += sum(count for sequence, count in plan.chunks if not sequence.is_streaming)
        if plan.num_tokens == 1:
            self._lone_decode.took(seconds)
        else:
            self._lone_decode.interrupted()
        if plan.chunks:
            self._pace.observe(plan.num_tokens, seconds)
        self._threads.adapt(seconds)

    def _set_threads(self, count: int) -> None:
        if count != self._threads_set:
            self._context.set_threads(count)
            self._threads_set = count

    def _advance(self, plan: Plan) -> list[SequenceOutput]:
        if not plan.outputs:
            return []
        logits = self._context.logits(len(plan.outputs))
        best = logits.argmax(axis=1)
        usable = np.isfinite(logits[np.arange(len(best)), best])
        rows = zip(plan.outputs, logits, best.tolist(), usable.tolist(), strict=True)
        outputs = [self._advance_one(sequence, row, token, is_usable) for sequence, row, token, is_usable in rows]
        return [output for output in outputs if output is not None]

    def _advance_one(
        self, sequence: Sequence, row: npt.NDArray[np.float32], best: int, is_usable: bool
    ) -> SequenceOutput | None:
        """None where there is nothing to say: a prompt is scored token by token, and one that failed has been told."""
        try:
            if sequence.is_scoring and sequence.finish is not None:
                return None
            if not is_usable:
                raise RunnerError("The model computed no number.", hint="The model file may be damaged; pull it again.")
            if sequence.is_scoring:
                sequence.score(row)
                return None
            sequence.advance(row, best)
        except Exception as error:
            return self._fail(sequence, error)
        output = sequence.report()
        self._generated_tokens += output.num_tokens
        return output if sequence.finish is None else self._ended(sequence, output)

    def _make_room(self, plan: Plan, outputs: list[SequenceOutput]) -> Plan:
        if not self._scheduler.preempt_one():
            error = RunnerError("The KV cache has no room left.", hint="Configure a larger context size.")
            outputs += [self._fail(sequence, error) for sequence in plan.sequences]
        return self._scheduler.schedule()

    def _fail(self, sequence: Sequence, error: Exception) -> SequenceOutput:
        slot = sequence.slot
        output = self._ended(sequence, sequence.fail(_info(error)))
        # What its cells hold is in doubt.
        if slot is not None:
            self._slots.clear(slot)
        return output

    def _ended(self, sequence: Sequence, output: SequenceOutput) -> SequenceOutput:
        self._scheduler.remove(sequence)
        del self._alive[sequence.id]
        self._to_cancel.discard(sequence.id)
        self._cached_tokens += output.cached_tokens
        self._forced_tokens += sequence.num_forced
        return output


def _info(error: Exception) -> ErrorInfo:
    if isinstance(error, DMRError):
        return error.info
    return RunnerError("The engine failed on this request.", evidence=repr(error)).info
