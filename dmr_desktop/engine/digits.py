"""Numbers that end. A small model can go on writing digits for as long as its grammar lets it, and JSON's numbers have
no longest one. Knows bytes, no grammar.
"""

from collections.abc import Callable

MOST_DIGITS = 32
"""In a row. A double has seventeen that count."""

_DIGITS = b"0123456789"


class Digits:
    """How many digits an output ends with. ``piece`` gives the bytes of a token.

    ``letter`` is a token that can be no part of a number, but of any free text; None if the vocabulary has none.
    """

    __slots__ = ("_count", "_piece", "letter")

    def __init__(self, piece: Callable[[int], bytes], letter: int | None) -> None:
        self._piece = piece
        self._count = 0
        self.letter = letter

    @property
    def are_too_many(self) -> bool:
        return self._count >= MOST_DIGITS and self.letter is not None

    def add(self, token: int) -> None:
        """The output's next token."""
        piece = self._piece(token)
        if piece.isdigit():
            self._count += len(piece)
        else:
            self._count = len(piece) - len(piece.rstrip(_DIGITS))

    def go_on_in(self, token: int) -> bool:
        """Whether the token begins with one more."""
        return self._piece(token)[:1].isdigit()
