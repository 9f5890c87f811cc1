"""Numbers that end, with the real grammar compiler."""

import json

import pytest
from llguidance import LLMatcher

from dmr_desktop.engine.constraint import Constraint
from dmr_desktop.engine.digits import MOST_DIGITS, Digits
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.grammar_check import tokenizer_of

VOCABULARY = FakeVocabulary()
END = VOCABULARY.token_id("<|im_end|>")


def piece(token: int) -> bytes:
    return bytes([token]) if token < 256 else b""


def written_with(schema: object, likes: str, most: int = 500) -> str:
    """What a model writes that takes the first character of ``likes`` which it may, else whatever it may."""
    found = json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}})  # type: ignore[dict-item]
    matcher = LLMatcher(tokenizer_of(VOCABULARY), f"start: %json {found}\n", log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    constraint = Constraint(matcher, len(VOCABULARY.byte_pieces), Digits(piece, ord("x")))
    text = bytes(constraint.forced())
    while len(text) < most and not constraint.is_complete:
        token = next((ord(one) for one in likes if constraint.allows(ord(one))), None)
        if token is None:
            token = int(constraint.allowed()[0])
        if token == END:
            break
        constraint.accept(token)
        text += bytes([token, *constraint.forced()])
    return text.decode()


NUMBERS = (
    {"type": "number"},
    {"type": "number", "minimum": 0, "maximum": 5},
    {"type": "number", "minimum": 0},
    {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 1},
    {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"], "additionalProperties": False},
    {"type": "string", "pattern": "^[0-9]+$"},
)


@pytest.mark.parametrize("likes", ["3", "3.", ".0", "3e", "-0.3e+"])
@pytest.mark.parametrize("schema", NUMBERS)
def test_a_model_that_repeats_a_digit_for_ever_comes_to_an_end(schema: object, likes: str) -> None:
    text = written_with(schema, likes)
    json.loads(text)
    assert len(text) < 3 * MOST_DIGITS + 20


def test_free_text_may_have_as_many_as_it_likes() -> None:
    assert len(written_with({"type": "string"}, "3")) == 500


def test_as_many_as_the_grammar_demands() -> None:
    assert written_with({"type": "string", "pattern": "^[0-9]{100}$"}, "3") == '"' + "3" * 100 + '"'
    sevens = "7" * 60
    assert written_with({"enum": [f"{sevens}1", f"{sevens}2"]}, "2") == f'"{sevens}2"'


def test_only_those_in_a_row_count() -> None:
    tokens = {1: b"3" * (MOST_DIGITS - 1), 2: b"33x3", 3: b"3", 4: b"", 5: b"x"}
    digits = Digits(tokens.__getitem__, letter=5)
    for token, are_too_many in ((1, False), (3, True), (2, False), (1, True), (3, True), (4, False)):
        digits.add(token)
        assert digits.are_too_many is are_too_many
    assert [token for token in tokens if digits.go_on_in(token)] == [1, 2, 3]
