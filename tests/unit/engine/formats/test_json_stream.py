"""JSON in pieces: where a value ends, and what a string says, however it is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.engine.formats.json_stream import StringReader, ValueScanner

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


@given(st.text(), st.integers(1, 5), st.booleans())
def test_a_string_is_read_piece_by_piece(text: str, step: int, ascii_only: bool) -> None:
    source = json.dumps(text, ensure_ascii=ascii_only)[1:] + "rest"
    reader, found, rest = StringReader(), "", ""
    for start in range(0, len(source), step):
        if reader.done:
            rest += source[start : start + step]
            continue
        piece, after = reader.feed(source[start : start + step])
        found += piece
        rest += after
    assert (found, rest) == (text, "rest")


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
        reader, found = StringReader(), ""
        for start in range(0, len(source) + 1, step):
            found += reader.feed((source + '"')[start : start + step])[0]
        assert reader.done
        assert found == expected
