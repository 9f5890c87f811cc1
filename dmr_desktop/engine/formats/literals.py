"""Literals as models write them in calls, Python's or a template's own, made JSON."""

import json
import re

from dmr_desktop.engine.formats.json_stream import SPACE, StringReader
from dmr_desktop.engine.formats.kinds import kind_of

_WORDS = {"True": "true", "False": "false", "None": "null", "(": "[", ")": "]"}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*|[-+0-9.][0-9A-Za-z_.+-]*|.", re.DOTALL)
_BARE_KEY = re.compile(r"\s*:")
_MAX_SIZE = 1 << 20


def literal_to_json(source: str, quotes: tuple[str, ...] = ('"', "'")) -> str | None:
    """One value as JSON text, or None if it is none.

    ``quotes``: a single character is a quote with escapes inside, a longer text stands around strings as they are.
    """
    if len(source) > _MAX_SIZE:
        return None
    pieces: list[str] = []
    index = 0
    while index < len(source):
        quote = next((quote for quote in quotes if source.startswith(quote, index)), None)
        if quote is not None:
            text, index = _string(source, index + len(quote), quote)
            pieces.append(json.dumps(text, ensure_ascii=False))
            continue
        match = _WORD.match(source, index)
        assert match is not None
        word, index = match.group(), match.end()
        if _BARE_KEY.match(source, index) and (word[0].isalpha() or word[0] == "_"):
            word = json.dumps(word)
        word = _WORDS.get(word, word)
        if word in ("]", "}") and pieces and pieces[-1] == ",":
            pieces.pop()
        if word not in SPACE:
            pieces.append(word)
    text = _spaced(pieces)
    return text.strip(SPACE) if _is_json(text) else None


def untagged_to_json(text: str, allowed: frozenset[str]) -> str:
    """A value written without quotes, as JSON text. ``allowed`` are its JSON types; none means any but a string."""
    found = literal_to_json(text.strip(SPACE))
    others = allowed - {"string"}
    fits = found is not None and (not allowed or bool(others))
    if found is not None and fits and ("string" not in allowed or kind_of(json.loads(found)) in others):
        return text.strip(SPACE) if _is_json(text) else found
    return json.dumps(text, ensure_ascii=False)


def escaped(text: str) -> str:
    """``text`` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def quoted_reader(quote: str) -> "StringReader | VerbatimReader":
    return StringReader(quote) if len(quote) == 1 else VerbatimReader(quote)


def _spaced(pieces: list[str]) -> str:
    """Tokens of JSON as one text, in the usual style."""
    return "".join(f"{piece} " if piece in (",", ":") else piece for piece in pieces)


class VerbatimReader:
    """The text up to ``end``, piece by piece, as it is."""

    __slots__ = ("_end", "_held", "done")

    def __init__(self, end: str) -> None:
        self._end = end
        self._held = ""
        self.done = False

    def feed(self, piece: str) -> tuple[str, str]:
        """The text, and what follows the end (empty until ``done``)."""
        text = self._held + piece
        at = text.find(self._end)
        if at >= 0:
            self.done = True
            return text[:at], text[at + len(self._end) :]
        keep = overlap(text, self._end)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], ""


class LiteralScanner:
    """Finds the end of one literal: the first of ``,`` ``)`` ``]`` ``}`` that does not belong to it.

    ``source`` is the literal as far as it has come.
    """

    __slots__ = ("_depth", "_held", "_quotes", "_reader", "source")

    def __init__(self, quotes: tuple[str, ...]) -> None:
        self._quotes = quotes
        self._depth = 0
        self._held = ""
        self._reader: StringReader | VerbatimReader | None = None
        self.source = ""

    def feed(self, piece: str) -> str | None:
        """What follows the literal; None while it goes on."""
        text = self._held + piece
        # A quote of several characters must be there whole.
        keep = max(overlap(text, quote) for quote in self._quotes)
        self._held = text[len(text) - keep :]
        text = text[: len(text) - keep]
        index = 0
        while index < len(text):
            if self._reader is not None:
                _, rest = self._reader.feed(text[index:])
                index = len(text) - len(rest)
                if self._reader.done:
                    self._reader = None
                continue
            quote = next((quote for quote in self._quotes if text.startswith(quote, index)), None)
            character = text[index]
            if quote is not None:
                self._reader = quoted_reader(quote)
                index += len(quote)
            elif self._depth == 0 and character in ",)]}":
                self.source += text[:index]
                return text[index:] + self._held
            else:
                self._depth += (character in "([{") - (character in ")]}")
                index += 1
        self.source += text
        return None


def overlap(text: str, mark: str) -> int:
    """The length of the longest end of ``text`` with which ``mark`` begins."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0


def _string(source: str, start: int, quote: str) -> tuple[str, int]:
    reader = quoted_reader(quote)
    text, rest = reader.feed(source[start:])
    return text, len(source) - len(rest) if reader.done else len(source)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
