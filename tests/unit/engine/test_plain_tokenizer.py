"""A tokenizer of letters and two words, and the one that must not find the words."""

import ctypes

import pytest

from dmr_desktop.engine.llama.plain_tokenizer import _FUNCTION, PlainTokenizer

WORDS = {300: b"<tool>", 301: b"</tool>"}


def tokens_of(data: bytes) -> list[int]:
    tokens = []
    while data:
        word = next((token for token, text in WORDS.items() if data.startswith(text)), None)
        tokens.append(data[0] if word is None else word)
        data = data[1 if word is None else len(WORDS[word]) :]
    return tokens


def behind(data: bytes) -> list[int]:
    return [1000, *tokens_of(data)]


TOKENIZER = PlainTokenizer(tokens_of, behind, WORDS)


@pytest.mark.parametrize("text", [b"", b"abc", b"<tool", b"\xf0\x9f"])
def test_what_has_none_of_the_words_is_as_it_was(text: bytes) -> None:
    assert TOKENIZER.tokens(text) == tokens_of(text)


@pytest.mark.parametrize("text", [b"<tool>", b"a<tool>b</tool>", b"<<tool>>", b"<tool><tool>", b"\xff<tool>\xff"])
def test_the_words_are_spelled(text: bytes) -> None:
    found = TOKENIZER.tokens(text)
    assert bytes(token for token in found if token < 256) == text
    assert set(found) <= {*text, 1000}


def test_called_as_the_c_function_that_it_is() -> None:
    function = _FUNCTION(TOKENIZER.address)
    text, room = b"x<tool>y, and more", 7
    data, found = ctypes.create_string_buffer(text), (ctypes.c_int32 * 10)()
    assert function(0, data, 3, found, room, False, False) == 3
    assert found[:4] == [ord("x"), ord("<"), ord("t"), 0]
    assert function(0, data, 8, found, room, False, False) == -9
    assert found[:4] == [ord("x"), ord("<"), ord("t"), 0]
    assert function(0, data, 8, found, 10, False, False) == 9
