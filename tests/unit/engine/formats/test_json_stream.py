"""JSON in pieces: where a value ends, and what a string says, however it is cut."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.engine.formats.json_stream import ValueScanner
from dmr_desktop.engine.formats.source import Source

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values, st.text(alphabet=',}] \n"x', max_size=4), st.integers(1, 5), st.booleans())
def test_the_end_of_a_value_is_found(value: object, rest: str, step: int, ascii_only: bool) -> None:
    source = json.dumps(value, ensure_ascii=ascii_only)
    text = source + "," + rest
    scanner = ValueScanner()
    for start in range(0, len(text), step):
        end = scanner.feed(text[start : start + step], 0)
        if end >= 0:
            assert start + end == len(source)
            return
    pytest.fail("the value never ended")


def string(pieces: Iterable[str]) -> tuple[str, str]:
    """What a string says that arrives in pieces, and what follows it."""
    source, said = Source(), [""]
    reading = source.string('"', said.append)
    for piece in pieces:
        source.feed(piece)
        next(reading, None)
    return "".join(said), source.rest


@given(st.text(), st.integers(1, 5), st.booleans())
def test_a_string_is_read_piece_by_piece(text: str, step: int, ascii_only: bool) -> None:
    source = json.dumps(text, ensure_ascii=ascii_only)[1:] + "rest"
    assert string(source[start : start + step] for start in range(0, len(source), step)) == (text, "rest")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83dx", "\ufffdx"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\ud83dA", "\ufffdA"),
        (r"\ude00", "\ufffd"),
        (r"\u12", r"\u12"),
        (r"\u12zz", r"\u12zz"),
        (r"\q", r"\q"),
        (r"\/\b\f\r\t", "/\b\f\r\t"),
    ],
)
def test_odd_escapes_do_not_break_the_string(source: str, expected: str) -> None:
    for step in (1, 2, 100):
        text = source + '"'
        assert string(text[start : start + step] for start in range(0, len(text), step)) == (expected, "")
