"""Long texts are cut before llama.cpp tokenizes them; their tokens must be those of the whole."""

import random
from collections.abc import Iterator
from time import process_time

import pytest

from dmr_desktop.engine.llama import Model, long_text
from dmr_desktop.engine.tiny_model import tiny_vocabulary, tokenizer_metadata, write_tiny_model

_CONTROL, _USER_DEFINED = 3, 4
# Texts that overlap, contain and continue each other, as some vocabularies have them.
_ADDED = {
    "\n\n": _USER_DEFINED,
    "\n\n\n": _USER_DEFINED,
    "\n\n\n\n\n": _USER_DEFINED,
    "<a": _USER_DEFINED,
    "<ab>": _USER_DEFINED,
    "b><": _USER_DEFINED,
    "><a": _CONTROL,
    "<end>": _CONTROL,
    "<end><end>": _CONTROL,
    "é<": _USER_DEFINED,
    "\n<end": _CONTROL,
    "<|endoftext|>": _CONTROL,
}
_PIECES = [*_ADDED, "<|im_start|>", "<|im_end|>", "\n", " ", "  ", "the water", "<", ">", "ab", "end", "é", "日本"]


@pytest.fixture(scope="module", params=["plain", "phi-3"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """Of a model with the second name llama.cpp lets the special tokens take the blanks behind them."""
    tokens, kinds = tiny_vocabulary()
    tokens[-len(_ADDED) :], kinds[-len(_ADDED) :] = _ADDED.keys(), _ADDED.values()
    path = tmp_path_factory.mktemp("models") / "overlaps.gguf"
    write_tiny_model(path, extra={**tokenizer_metadata(tokens, kinds), "general.name": request.param})
    made = Model.load(path, gpu_layers=0)
    yield made
    made.close()


@pytest.mark.parametrize("parse_special", [True, False])
def test_cut_at_every_chance_a_text_has_the_tokens_of_the_whole(
    model: Model, parse_special: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary, source = model.vocabulary, random.Random(7)
    texts = ["".join(source.choices(_PIECES, k=source.randrange(40))) for _ in range(600)]
    whole = [vocabulary.tokenize(text, False, parse_special) for text in texts]
    monkeypatch.setattr(long_text, "_LONG_BYTES", 0)
    monkeypatch.setattr(long_text, "_PIECE_BYTES", 1)
    monkeypatch.setattr(long_text, "_MAX_TRIES", 1_000_000)
    cut = [vocabulary.tokenize(text, False, parse_special) for text in texts]
    assert cut == whole
    cutter = vocabulary._cutter if parse_special else vocabulary._user_defined_cutter
    pieces = [list(cutter.pieces(text.encode())) for text in texts]
    assert [b"".join(found).decode() for found in pieces] == texts
    assert sum(map(len, pieces)) > 3 * len(texts)


def test_a_long_conversation_has_the_tokens_of_the_whole(any_model: Model) -> None:
    vocabulary = any_model.vocabulary
    text = "".join(f"<|im_start|>user\nmessage {number}\n\n <|im_end|>\n" for number in range(800))
    assert len(text) > 3 * long_text._LONG_BYTES
    assert vocabulary.tokenize(text, False, True) == vocabulary._tokens(text.encode(), False, True)


@pytest.mark.parametrize("unit", ["a\n\n", "\n", "<ab>", "<|im_start|>user\nhi<|im_end|>\n", "<end>\n"])
def test_a_hundred_thousand_special_tokens_take_seconds_not_minutes(model: Model, unit: str) -> None:
    vocabulary = model.vocabulary
    text = unit * (200_000 // len(unit))
    before = process_time()
    tokens = vocabulary.tokenize(text, False, True)
    assert process_time() - before < 2
    if model.metadata("general.name") == "plain":
        assert b"".join(vocabulary.piece(token, special=True) for token in tokens).decode() == text


def test_a_text_without_special_tokens_stays_whole(model: Model) -> None:
    data = b"the water <3 " * 10_000
    assert list(model.vocabulary._cutter.pieces(data)) == [data]


def test_in_parts_a_text_of_words_has_the_tokens_of_the_whole(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, source = model.vocabulary, random.Random(3)
    words = ["the", "water", "日本", "é", "same", "a.b", "end", "\n", "  two", "\n\n", "<end>"]
    texts = [" ".join(source.choices(words, k=1000)) for _ in range(40)]
    whole = [vocabulary._tokens(text.encode(), False, True) for text in texts]
    monkeypatch.setattr(long_text, "_PART_BYTES", 40)
    monkeypatch.setattr(long_text, "_SEARCHED_BYTES", 1000)
    assert sum(len(list(long_text.parts_between_words(text.encode()))) for text in texts) > 10 * len(texts)
    assert [vocabulary.tokenize(text, False, True) for text in texts] == whole


def test_many_characters_that_the_vocabulary_lacks_take_no_minutes(model: Model) -> None:
    before = process_time()
    tokens = model.vocabulary.tokenize("日本語" * 60_000, False, True)
    assert process_time() - before < 1.5
    text = b"".join(model.vocabulary.piece(token, special=True) for token in tokens).decode()
    assert text.strip() == "日本語" * 60_000
