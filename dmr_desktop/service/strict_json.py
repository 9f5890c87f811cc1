"""JSON bodies, read strictly: whatever two parsers could read differently is refused.

orjson already refuses NaN, Infinity, overflowing numbers, a byte order mark, bad UTF-8, lone surrogates
and anything after the document. It lets through duplicate keys and deep nesting; those are found here.
An integer beyond 64 bits arrives as a float.
"""

import re
from typing import NoReturn

import orjson

from dmr_desktop.protocol.errors import InvalidRequest

MAX_DEPTH = 64
MAX_KEYS = 50_000


def parse_json(body: bytes) -> object:
    """The value; raises :class:`InvalidRequest`, whose message begins with Docker Model Runner's sentence."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _refuse(str(error) if body.strip() else "the body is empty")
    keys, colons = _survey(value)
    # Outside strings, each pair of the text has exactly one colon. A pair that a later one with the same
    # key replaced is missing from the value, so then the text holds more colons than the value explains.
    # Only a colon spelled as an escape could hide that.
    is_hidden = b"\\u003a" in body or b"\\u003A" in body
    if (is_hidden or body.count(b":") != keys + colons) and _has_duplicate_key(body):
        _refuse("an object has the same key twice")
    return value


def _survey(root: object) -> tuple[int, int]:
    """Number of pairs, and of colons inside keys and strings. Refuses too deep, too many and too large."""
    keys = colons = depth = 0
    level = [root]
    while level:
        depth += 1
        deeper: list[object] = []
        for value in level:
            if isinstance(value, str):
                colons += value.count(":")
            elif depth > MAX_DEPTH and isinstance(value, dict | list):
                _refuse(f"nested deeper than {MAX_DEPTH} levels")
            elif isinstance(value, dict):
                keys += len(value)
                if keys > MAX_KEYS:
                    _refuse(f"more than {MAX_KEYS} keys")
                for key in value:
                    colons += key.count(":")
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
        level = deeper
    return keys, colons


_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],]')


def _has_duplicate_key(body: bytes) -> bool:
    """The exact answer, by the structure of a text that is known to be valid JSON."""
    open_keys: list[set[str] | None] = []  # of each object or array around the token; None for arrays
    expects_key = False
    for token in _TOKENS.finditer(body):
        match token[0]:
            case b"{":
                open_keys.append(set())
                expects_key = True
            case b"[":
                open_keys.append(None)
                expects_key = False
            case b"}" | b"]":
                open_keys.pop()
                expects_key = False
            case b",":
                expects_key = open_keys[-1] is not None
            case text if expects_key:
                keys, key = open_keys[-1], orjson.loads(text)
                if keys is not None:
                    if key in keys:
                        return True
                    keys.add(key)
                expects_key = False
    return False


def _refuse(why: str) -> NoReturn:
    raise InvalidRequest(f"invalid request: the body is not acceptable JSON: {why}")
