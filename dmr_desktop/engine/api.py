"""What goes into the engine and what each step brings out.

The engine speaks tokens and text pieces. Messages, templates, tool calls and reasoning belong to the
formats layer, which stands between this and :mod:`dmr_desktop.protocol.generation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmr_desktop.engine.call_watch import CallWatching
from dmr_desktop.engine.thinking import ThinkingLimit
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import FinishReason, SamplingParams, Timings, TokenLogprob

if TYPE_CHECKING:
    from dmr_desktop.engine.constraint import ComingConstraint, Constraint


@dataclass(slots=True)
class SequenceRequest:
    """One completion to generate. ``id`` is unique among the requests alive; the caller chooses it.

    ``max_tokens`` None: until the model stops or the context is full; 0: only the prompt is computed.
    ``top_logprobs`` as in GenerationRequest. ``grammar`` is an llguidance grammar (its own serialisation
    or Lark text) that the output must satisfy from its first token; ``constraint`` is the same already
    compiled (:meth:`Engine.compile_grammar`, from any thread) and is used up by the request.
    ``visible_tokens`` are the ids of special tokens whose text belongs in the output (a format's
    markers); all other control tokens render as nothing. ``thinking`` bounds its reasoning. ``calls`` says what to
    watch the output for where nothing else constrains it, and what holds the rest of it from there on. Requests of one
    ``group`` belong together: they do not take each other's place. ``scores_prompt``: with ``top_logprobs``, the
    log-probabilities of the prompt's tokens are wanted too, for which all of it must be computed.
    """

    id: int
    tokens: Sequence[int]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    grammar: str | None = None
    constraint: "Constraint | None" = None
    ignore_eos: bool = False
    visible_tokens: frozenset[int] = frozenset()
    thinking: ThinkingLimit | None = None
    calls: "tuple[CallWatching, ComingConstraint] | None" = None
    group: int | None = None
    scores_prompt: bool = False


@dataclass(slots=True)
class SequenceOutput:
    """What one step brought for one sequence.

    ``text`` is whole characters, free of any stop string and of anything that may yet become one.
    ``num_tokens`` counts the tokens of this step, forced ones included. The output with ``finish`` or
    ``error`` set is the last of its sequence. ``first`` marks the first one of a sequence.
    ``cached_tokens`` of the prompt were not computed: another sequence had. ``prompt_logprobs``, if they were wanted,
    come with the first one; nothing foretold the first token.
    """

    id: int
    text: str = ""
    num_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    prompt_logprobs: tuple[TokenLogprob, ...] = ()
    first: bool = False
    finish: FinishReason | None = None
    stop: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    """So far, all of them, also those whose text is held back or dropped (end-of-generation included)."""
    timings: Timings = field(default_factory=Timings)
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What a running engine tells about itself and its model. ``context_size`` is per sequence."""

    context_size: int
    train_context_size: int
    num_sequences: int
    vocab_size: int
    embedding_length: int


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Counts since the engine started; ``running`` and ``waiting`` sequences are as of now.

    ``prompt_tokens`` were computed, ``cached_tokens`` reused; ``forced_tokens`` are the part of
    ``generated_tokens`` that a grammar left no choice about. ``preemptions``: sequences that had to give
    up their place, for want of KV cells or for those who waited, and were computed again. Times are seconds
    spent in decoding and in everything else the steps do. ``kv_cells_used`` of ``kv_cells`` hold a token now,
    about: prefixes that several sequences share count once.
    """

    running: int
    waiting: int
    steps: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    forced_tokens: int
    preemptions: int
    threads: int
    decode_seconds: float
    other_seconds: float
    kv_cells: int
    kv_cells_used: int
