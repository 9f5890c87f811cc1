"""What goes into the engine and what each step brings out.

The engine speaks tokens and text pieces. Messages, templates, tool calls and reasoning belong to the
formats layer, which stands between this and :mod:`dmr_desktop.protocol.generation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import FinishReason, SamplingParams, Timings, TokenLogprob


@dataclass(slots=True)
class SequenceRequest:
    """One completion to generate. ``id`` is unique among the requests alive; the caller chooses it.

    ``max_tokens`` None: until the model stops or the context is full. ``top_logprobs`` as in
    GenerationRequest. ``grammar`` is an llguidance grammar (its own serialisation or Lark text) that the
    output must satisfy from its first token. ``visible_tokens`` are the ids of special tokens whose text belongs in
    the output (a format's markers); all other control tokens render as nothing.
    """

    id: int
    tokens: Sequence[int]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    grammar: str | None = None
    ignore_eos: bool = False
    visible_tokens: frozenset[int] = frozenset()


@dataclass(slots=True)
class SequenceOutput:
    """What one step brought for one sequence.

    ``text`` is whole characters, free of any stop string and of anything that may yet become one.
    ``num_tokens`` counts the tokens of this step, forced ones included. The output with ``finish`` or
    ``error`` set is the last of its sequence. ``first`` marks the first one of a sequence.
    """

    id: int
    text: str = ""
    num_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    first: bool = False
    finish: FinishReason | None = None
    stop: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    """So far, all of them, also those whose text is held back or dropped (end-of-generation included)."""
    timings: Timings = field(default_factory=Timings)
    error: ErrorInfo | None = None
