"""Tool calls that the model starts by itself: text is free until one begins, and from there held to the grammar.

Watches the text, not the tokens, because a model may spell its marks in several ways; the grammar then decides with the
tokens. Knows nothing of how calls are spelled.
"""

from collections import deque
from dataclasses import dataclass

from dmr_desktop.engine.constraint import ComingConstraint, Constraint

PATIENCE_SECONDS = 3.0
"""How long the beginning of a call waits for its grammar, and with it all that the engine does."""
_MAX_LEAD = 64
"""Bytes of white space in front of a call that nothing marks."""


@dataclass(frozen=True, slots=True)
class CallStart:
    """A text with which a call begins. ``is_first``: only at the beginning of an answer.

    ``is_sure``: whatever follows, it is a call. Else what follows must fit the grammar.
    """

    text: bytes
    is_sure: bool
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class CallWatching:
    """What to look for. Not inside reasoning, whose marks are empty where there is none.

    ``is_thinking``: the prompt ends inside reasoning. ``is_open``: it ends with what starts a call, and only that one
    counts.
    """

    starts: tuple[CallStart, ...]
    reasoning_start: bytes = b""
    reasoning_end: bytes = b""
    is_thinking: bool = False
    is_open: bool = False


class CallWatch:
    """Looks for the first call in one output. ``coming`` is the grammar from the token in which its start begins."""

    __slots__ = (
        "_begun",
        "_coming",
        "_constraint",
        "_is_fresh",
        "_is_over",
        "_is_thinking",
        "_keep",
        "_pieces",
        "_tail",
        "_watching",
    )

    def __init__(self, watching: CallWatching, coming: ComingConstraint) -> None:
        self._watching = watching
        self._coming = coming
        self._constraint: Constraint | None = None
        texts = [watching.reasoning_start, watching.reasoning_end, *(start.text for start in watching.starts)]
        self._keep = max(map(len, texts)) - 1
        # The last tokens with their text, which together is the tail.
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._tail = b""
        self._is_thinking = watching.is_thinking
        # Whether nothing but white space was written of the answer.
        self._is_fresh = True
        # The tokens of what may be a call, until one with more than white space has come.
        self._begun: list[int] | None = [] if watching.is_open else None
        self._is_over = False

    def add(self, token: int, piece: bytes) -> Constraint | None:
        """The next token and its text. Once it is sure that a call has begun: its constraint, at its place."""
        if self._is_over:
            return None
        if self._begun is not None:
            self._begun.append(token)
            if self._fits(self._begun):
                return self._held(self._begun) if piece.strip() else None
            self._begun = None
            self._is_over = self._is_over or self._watching.is_open
        self._pieces.append((token, piece))
        self._tail += piece
        watching = self._watching
        if self._is_thinking:
            if watching.reasoning_end in self._tail:
                self._is_thinking = False
                self._forget()
                self._is_fresh = True
        elif watching.reasoning_start and watching.reasoning_start in self._tail:
            self._is_thinking = True
            self._forget()
        else:
            for start in watching.starts:
                at = self._place(start)
                if at >= 0:
                    return self._begin(start, at)
        if self._is_fresh and (len(self._tail) > _MAX_LEAD or len(self._tail.lstrip()) > self._keep):
            self._is_fresh = False
        if not self._is_fresh:
            while self._pieces and len(self._tail) - len(self._pieces[0][1]) >= self._keep:
                self._tail = self._tail[len(self._pieces.popleft()[1]) :]
        return None

    def _place(self, start: CallStart) -> int:
        """Where it begins in the tail, or -1."""
        if not start.is_first:
            return self._tail.find(start.text)
        if not self._is_fresh or not self._tail.lstrip().startswith(start.text):
            return -1
        return self._tail.index(start.text)

    def _begin(self, start: CallStart, at: int) -> Constraint | None:
        behind = self._tail[at + len(start.text) :]
        while at >= len(self._pieces[0][1]):
            at -= len(self._pieces.popleft()[1])
        begun = [token for token, _ in self._pieces]
        self._forget()
        if not self._fits(begun):
            return None
        if start.is_sure or behind.strip():
            return self._held(begun)
        self._begun = begun
        return None

    def _fits(self, tokens: list[int]) -> bool:
        if self._constraint is None:
            self._constraint = self._coming.get(PATIENCE_SECONDS)
        if self._constraint is None:
            self._is_over = True
            return False
        return self._constraint.fits(tokens)

    def _held(self, tokens: list[int]) -> Constraint | None:
        constraint = self._constraint
        assert constraint is not None
        for token in tokens:
            constraint.accept(token)
        self._is_over = True
        return constraint

    def _forget(self) -> None:
        self._pieces.clear()
        self._tail = b""
        self._is_fresh = False
