"""Literals as models write them in calls, Python's or a template's own, made JSON."""

import json
import re

from dmr_desktop.engine.formats.json_stream import SPACE, string_piece
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


def _spaced(pieces: list[str]) -> str:
    """Tokens of JSON as one text, in the usual style."""
    return "".join(f"{piece} " if piece in (",", ":") else piece for piece in pieces)


def _string(source: str, start: int, quote: str) -> tuple[str, int]:
    """What the string says that begins behind its quote at ``start``, and where it has ended; it may lack its end."""
    if len(quote) == 1:
        text, end, is_whole = string_piece(source, start, quote)
        return text, end if is_whole else len(source)
    end = source.find(quote, start)
    return (source[start:], len(source)) if end < 0 else (source[start:end], end + len(quote))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
