"""Bodies that two parsers could read differently are refused, all others are read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.service.strict_json import MAX_DEPTH, MAX_KEYS, MAX_MARKS, parse_json


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a": ":", "b": {"a:": "::"}}',
        r'{"a": "\u003a", "b": ":"}',
        r'[{"a": 1}, {"a": 2}, {"\"a": "\\"}]',
        r'{"a": {"b": [1, {"b": 2}]}, "b": "x,y{z}[\"]"}',
        "[1e300, 18446744073709551616, -1]",
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
    ],
)
def test_what_is_read(text: str) -> None:
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"{} {}",
        b"{}x",
        b"nul",
        b"NaN",
        b"Infinity",
        b"[-Infinity]",
        b"1e999",
        b"9" * 6000,
        b'"\xff"',
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        rb'"\ud800"',
        b'{"a": 1, "a": 1}',
        b'{"x": {"a": 1, "b": 2, "a": 3}}',
        rb'{"a": 1, "\u0061": 2}',
        rb'{"a": 1, "a": "\u003a"}',
        rb'{"\u003a": 1, ":": 2}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000,
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        json.dumps({str(i): i for i in range(MAX_KEYS + 1)}).encode(),
        b"[" + b"1," * MAX_MARKS + b"1]",
        b"[" + b"[]," * (MAX_MARKS // 2) + b"1]",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^invalid request"):
        parse_json(body)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(alphabet='a":,{}[]\\'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(st.tuples(st.text(alphabet='ab":\\', max_size=2), inner), max_size=4)
    ),
    max_leaves=12,
)


def _write(value: Any, escaped: bool) -> str:
    """JSON text in which a list of pairs is an object, its repeated keys included."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return "{" + ",".join(f"{_write(k, escaped)}:{_write(v, escaped)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write(item, escaped) for item in value) + "]"
    text = json.dumps(value)
    return text.replace(":", r"\u003a") if escaped and isinstance(value, str) else text


class _DuplicateError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _DuplicateError
    return dict(pairs)


@settings(deadline=None)  # a busy machine is no failure
@given(_VALUES, st.booleans())
def test_duplicates_are_found_exactly_where_the_standard_library_sees_them(value: Any, escaped: bool) -> None:
    text = _write(value, escaped)
    try:
        expected = json.loads(text, object_pairs_hook=_unique)
    except _DuplicateError:
        with pytest.raises(InvalidRequest, match="same key twice"):
            parse_json(text.encode())
    else:
        assert parse_json(text.encode()) == expected
