"""Grammars that an output must satisfy, by llguidance.

The usual case costs microseconds: a token is chosen as if there were no grammar and only checked. The
mask over the whole vocabulary is computed when the check fails. Where the grammar leaves no choice the
tokens are known without the model.
"""

import threading
from typing import Protocol

import llguidance
import numpy as np
import numpy.typing as npt

from dmr_desktop.protocol.errors import InvalidRequest, RunnerError

MAX_GRAMMAR_BYTES = 1 << 20


class GrammarVocabulary(Protocol):
    """The part of a vocabulary that is needed here; the addresses are of llama.cpp's C objects."""

    @property
    def size(self) -> int: ...
    @property
    def eos(self) -> int | None: ...
    @property
    def eog(self) -> frozenset[int]: ...
    @property
    def address(self) -> int: ...
    @property
    def tokenize_address(self) -> int: ...
    def piece(self, token: int, *, special: bool) -> bytes: ...
    def control_texts(self) -> dict[str, int]: ...
    def is_control(self, token: int) -> bool: ...


class Constraint:
    """One output's place in its grammar."""

    __slots__ = ("_mask", "_matcher")

    def __init__(self, matcher: llguidance.LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._mask = np.zeros((vocab_size + 31) // 32, np.uint32)

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end can follow."""
        return bool(self._matcher.is_stopped())

    def allows(self, token: int) -> bool:
        return bool(self._matcher.validate_tokens([token]) == 1)

    def allowed(self) -> npt.NDArray[np.int64]:
        """Ids of all tokens that may come next, never none. Raises :class:`RunnerError` if that cannot be told."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check()
        ids = np.flatnonzero(np.unpackbits(self._mask.view(np.uint8), bitorder="little"))
        if not len(ids):
            raise RunnerError("The grammar allows no token of this model here.", hint="Simplify the grammar or schema.")
        return ids

    def accept(self, token: int) -> None:
        """Moves on by a token that :meth:`allows` or :meth:`allowed` permits."""
        self._matcher.consume_token(token)
        self._check()

    def forced(self) -> list[int]:
        """The tokens that must come next, already accepted; mostly empty."""
        if self._matcher.is_stopped():
            return []
        tokens = self._matcher.compute_ff_tokens()
        if tokens:
            self._matcher.consume_tokens(tokens)
            self._check()
        return list(tokens)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise RunnerError(
                "The grammar became too complex.",
                hint="Simplify the grammar or schema.",
                evidence=self._matcher.get_error(),
            )


class Grammars:
    """Compiles grammars for one model's vocabulary; may be used from any thread."""

    def __init__(self, vocabulary: GrammarVocabulary) -> None:
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._tokenizer: llguidance.LLTokenizer | None = None

    def warm(self) -> None:
        """Builds the token table (some seconds for large vocabularies) before the first grammar needs it."""
        self._ready_tokenizer()

    def compile(self, grammar: str) -> Constraint:
        """``grammar``: Lark text or llguidance's JSON. Takes milliseconds, at worst about a second.

        Raises :class:`InvalidRequest` with the position and reason if it is wrong or too large.
        """
        if len(grammar.encode("utf-8", "replace")) > MAX_GRAMMAR_BYTES:
            raise InvalidRequest("The grammar or schema is larger than 1 MiB.", hint="Send a smaller one.")
        limits = llguidance.LLParserLimits(verbose_errors=False)
        matcher = llguidance.LLMatcher(self._ready_tokenizer(), grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise InvalidRequest(
                f"The grammar or schema cannot be used: {matcher.get_error().strip()}",
                hint="Check it against what llguidance supports.",
            )
        return Constraint(matcher, self._vocabulary.size)

    def _ready_tokenizer(self) -> llguidance.LLTokenizer:
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._build_tokenizer()
            return self._tokenizer

    def _build_tokenizer(self) -> llguidance.LLTokenizer:
        vocabulary = self._vocabulary
        pieces = [vocabulary.piece(token, special=True) for token in range(vocabulary.size)]
        for text, token in vocabulary.control_texts().items():
            # A leading 0xFF byte, which no text contains, is llguidance's mark of a special token.
            if vocabulary.is_control(token) or (text.startswith("<") and text.endswith(">")):
                pieces[token] = b"\xff" + pieces[token]
        ends = sorted(vocabulary.eog, key=lambda token: (token != vocabulary.eos, token))
        made: llguidance.LLTokenizer = llguidance.LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
            tokens=pieces,
            vocab_ptr=vocabulary.address,
            tokenize_fptr=vocabulary.tokenize_address,
            eos_token=ends,
        )
        return made
