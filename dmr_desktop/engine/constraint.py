"""Grammars that an output must satisfy, by llguidance.

The usual case costs microseconds: a token is chosen as if there were no grammar and only checked. The
mask over the whole vocabulary is computed when the check fails. Where the grammar leaves no choice the
tokens are known without the model.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from functools import partial
from typing import Protocol

import llguidance
import numpy as np
import numpy.typing as npt

from dmr_desktop.engine.digits import Digits
from dmr_desktop.protocol.errors import DMRError, InvalidRequest

_logger = logging.getLogger(__name__)

MAX_GRAMMAR_BYTES = 1 << 20
_KEPT_BYTES = 1 << 20
"""Text of all the grammars that are kept compiled, which takes about 40 times as much."""
_LEAST_BYTES = 1 << 15
"""As how much a shorter one counts."""
_SIMPLIFY = "Simplify the grammar or schema."


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
    def tokenizer_without(self, avoided: Collection[int]) -> int: ...
    def piece(self, token: int, *, special: bool) -> bytes: ...
    def control_texts(self) -> dict[str, int]: ...
    def is_control(self, token: int) -> bool: ...


class Constraint:
    """One output's place in its grammar. Where a ``lenient`` one fails, everything is allowed from there on.

    Too many digits in a row end as soon as the grammar allows anything else. ``digits``: of this output alone.
    """

    __slots__ = ("_digits", "_is_lenient", "_mask", "_matcher", "_vocab_size")

    def __init__(
        self, matcher: llguidance.LLMatcher, vocab_size: int, digits: Digits | None = None, *, is_lenient: bool = False
    ) -> None:
        self._matcher = matcher
        self._digits = digits
        self._mask = np.zeros((vocab_size + 31) // 32, np.uint32)
        self._vocab_size = vocab_size
        self._is_lenient = is_lenient

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end can follow."""
        return bool(self._matcher.is_stopped()) and not self._has_given_up

    def allows(self, token: int) -> bool:
        digits = self._digits
        if digits is not None and digits.are_too_many and digits.go_on_in(token) and token not in self.allowed():
            return False
        return self.fits([token])

    def fits(self, tokens: list[int]) -> bool:
        """Whether all of them may come next, one after another."""
        return bool(self._matcher.validate_tokens(tokens) == len(tokens)) or self._has_given_up

    def allowed(self) -> npt.NDArray[np.int64]:
        """Ids of all tokens that may come next, never none. Raises :class:`InvalidRequest` if that cannot be told."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check()
        if self._has_given_up:
            return np.arange(self._vocab_size)
        ids = np.flatnonzero(np.unpackbits(self._mask.view(np.uint8), bitorder="little"))
        if not len(ids):
            raise InvalidRequest("The grammar allows no token of this model here.", hint=_SIMPLIFY)
        return self._without_digits(ids) if self._digits is not None and self._digits.are_too_many else ids

    def accept(self, token: int) -> None:
        """Moves on by a token that :meth:`allows` or :meth:`allowed` permits."""
        self._matcher.consume_token(token)
        self._check()
        if self._digits is not None:
            self._digits.add(token)

    def forced(self) -> list[int]:
        """The tokens that must come next, already accepted; mostly empty."""
        if self._matcher.is_stopped():
            return []
        tokens = self._matcher.compute_ff_tokens()
        if tokens:
            self._matcher.consume_tokens(tokens)
            self._check()
            if self._digits is not None:
                for token in tokens:
                    self._digits.add(token)
        return list(tokens)

    @property
    def _has_given_up(self) -> bool:
        return self._is_lenient and bool(self._matcher.is_error())

    def _without_digits(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those that do not begin with a digit, unless there are no others, or this is free text."""
        digits = self._digits
        assert digits is not None
        if digits.letter is None or self.fits([digits.letter]):
            return ids
        others = [token for token in ids.tolist() if not digits.go_on_in(token)]
        return np.array(others, np.int64) if others else ids

    def _check(self) -> None:
        if self._matcher.is_error() and not self._is_lenient:
            raise InvalidRequest(
                "The grammar became too complex.",
                hint=_SIMPLIFY,
                evidence=self._matcher.get_error(),
            )


class ComingConstraint:
    """A lenient constraint that is being compiled on another thread, for any number of outputs."""

    def __init__(
        self,
        compiled: "Future[llguidance.LLMatcher | None]",
        vocab_size: int,
        new_digits: Callable[[], Digits] | None = None,
    ) -> None:
        self._compiled = compiled
        self._vocab_size = vocab_size
        self._new_digits = new_digits

    def get(self, patience_seconds: float) -> Constraint | None:
        """One at its beginning; None if it cannot be had, or not in time."""
        try:
            matcher = self._compiled.result(patience_seconds)
        except NotDone:
            return None
        if matcher is None:
            return None
        digits = None if self._new_digits is None else self._new_digits()
        return Constraint(matcher.deep_copy(), self._vocab_size, digits, is_lenient=True)


class Grammars:
    """Compiles grammars for one model's vocabulary; may be used from any thread.

    Agents send the same tools at every turn: what was compiled lately is kept.
    """

    def __init__(self, vocabulary: GrammarVocabulary) -> None:
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._tokenizer: llguidance.LLTokenizer | None = None
        self._kept: OrderedDict[str, tuple[llguidance.LLMatcher, int]] = OrderedDict()
        self._kept_bytes = 0
        # One thread: of many requests with the same tools the first compiles them.
        self._worker = ThreadPoolExecutor(1, "grammars")
        self._letter: int | None = None

    def warm(self) -> None:
        """Builds the token table before the first grammar needs it: 0.7 s for 152 000 tokens, half of it in one go."""
        self._ready_tokenizer()

    def close(self) -> None:
        """Waits for what is being compiled: it reads the vocabulary, which may be gone afterwards."""
        self._worker.shutdown(cancel_futures=True)

    def compile(self, grammar: str) -> Constraint:
        """``grammar``: Lark text or llguidance's JSON. Takes milliseconds, at worst about a second.

        Raises :class:`InvalidRequest` with the position and reason if it is wrong or too large.
        """
        return Constraint(self._matcher(grammar), self._vocabulary.size, self._new_digits())

    def compile_later(self, write: Callable[[], str | None]) -> ComingConstraint:
        """The same on a thread of its own, which also writes the grammar; None is none."""

        def compiled() -> llguidance.LLMatcher | None:
            try:
                grammar = write()
                return None if grammar is None else self._matcher(grammar)
            except DMRError as error:
                _logger.info("calls are not held to the tools: %s", error.message)
            except Exception:
                _logger.exception("calls are not held to the tools")
            return None

        return ComingConstraint(self._worker.submit(compiled), self._vocabulary.size, self._new_digits)

    def _matcher(self, grammar: str) -> llguidance.LLMatcher:
        """At its beginning, for one output. Raises :class:`InvalidRequest`."""
        size = len(grammar.encode("utf-8", "replace"))
        if size > MAX_GRAMMAR_BYTES:
            raise InvalidRequest("The grammar or schema is larger than 1 MiB.", hint="Send a smaller one.")
        with self._lock:
            if grammar in self._kept:
                self._kept.move_to_end(grammar)
                return self._kept[grammar][0].deep_copy()
        limits = llguidance.LLParserLimits(verbose_errors=False)
        matcher = llguidance.LLMatcher(self._ready_tokenizer(), grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise InvalidRequest(
                f"The grammar or schema cannot be used: {matcher.get_error().strip()}",
                hint="Check it against what llguidance supports.",
            )
        self._keep(grammar, matcher.deep_copy(), max(size, _LEAST_BYTES))
        return matcher

    def _keep(self, grammar: str, matcher: llguidance.LLMatcher, size: int) -> None:
        with self._lock:
            if grammar not in self._kept:
                self._kept[grammar] = matcher, size
                self._kept_bytes += size
            while self._kept_bytes > _KEPT_BYTES:
                _, (_, size) = self._kept.popitem(last=False)
                self._kept_bytes -= size

    def _new_digits(self) -> Digits:
        return Digits(partial(self._vocabulary.piece, special=False), self._letter)

    def _ready_tokenizer(self) -> llguidance.LLTokenizer:
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._build_tokenizer()
            return self._tokenizer

    def _build_tokenizer(self) -> llguidance.LLTokenizer:
        vocabulary = self._vocabulary
        pieces = [vocabulary.piece(token, special=True) for token in range(vocabulary.size)]
        self._letter = pieces.index(b"x") if b"x" in pieces else None
        found_in_text: set[int] = set()
        for text, token in vocabulary.control_texts().items():
            # A leading 0xFF byte, which no text contains, is llguidance's mark of a special token.
            if vocabulary.is_control(token) or (text.startswith("<") and text.endswith(">")):
                pieces[token] = b"\xff" + pieces[token]
                if not vocabulary.is_control(token):
                    found_in_text.add(token)
        ends = sorted(vocabulary.eog, key=lambda token: (token != vocabulary.eos, token))
        made: llguidance.LLTokenizer = llguidance.LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
            tokens=pieces,
            vocab_ptr=vocabulary.address,
            # Where such a text is forced as plain letters, as in a constant, the token would be a wrong one.
            tokenize_fptr=vocabulary.tokenizer_without(found_in_text),
            eos_token=ends,
        )
        return made
