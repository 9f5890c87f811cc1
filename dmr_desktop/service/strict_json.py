"""JSON bodies, read strictly: whatever two parsers could read differently is refused.

orjson already refuses NaN, Infinity, overflowing numbers, a byte order mark, bad UTF-8, lone surrogates
and anything after the document. It lets through duplicate keys and deep nesting; those are found here.
An integer beyond 64 bits arrives as a float.
"""

import re
from typing import Any, NoReturn

import orjson

from dmr_desktop.protocol.errors import InvalidRequest

MAX_DEPTH = 64
MAX_KEYS = 50_000
MAX_MARKS = 1_000_000
"""Commas and opening brackets, and so about as many values. Reading millions of them would hold up everybody, and no
request needs them: OpenAI takes 300,000 token ids at once."""


def parse_json(body: bytes) -> object:
    """The value; raises :class:`InvalidRequest`, whose message begins with Docker Model Runner's sentence."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_MARKS:
        _refuse(f"more than {MAX_MARKS} commas and brackets")
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
    """Number of pairs, and of colons inside keys and strings. Refuses too deep and too many."""
    keys = colons = depth = 0
    level: list[Any] = [root]
    while level:
        depth += 1
        deeper: list[Any] = []
        for value in level:
            # By their exact types, which are all that orjson makes: this looks at each value of each request.
            kind = type(value)
            if kind is str:
                colons += value.count(":")
            elif kind is dict or kind is list:
                if depth > MAX_DEPTH:
                    _refuse(f"nested deeper than {MAX_DEPTH} levels")
                if kind is list:
                    deeper += value
                    continue
                keys += len(value)
                if keys > MAX_KEYS:
                    _refuse(f"more than {MAX_KEYS} keys")
                for key in value:
                    colons += key.count(":")
                deeper += value.values()
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
