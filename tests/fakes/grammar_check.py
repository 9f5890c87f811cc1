"""Holding a text against a grammar with the real llguidance."""

from concurrent.futures import Future

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from dmr_desktop.engine.constraint import ComingConstraint
from dmr_desktop.engine.formats.control_text import ControlText
from tests.fakes.fake_vocabulary import FakeVocabulary


class _Bytes:
    """What TokenizerWrapper asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, vocabulary: FakeVocabulary) -> None:
        self.tokens = vocabulary.byte_pieces
        self.eos_token_id = vocabulary.token_id(vocabulary.eos_text)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


def tokenizer_of(vocabulary: FakeVocabulary) -> LLTokenizer:
    return LLTokenizer(
        TokenizerWrapper(_Bytes(vocabulary)),
        n_vocab=len(vocabulary.byte_pieces),
        eos_token=vocabulary.token_id(vocabulary.eos_text),
    )


def coming(vocabulary: FakeVocabulary, grammar: str | None) -> ComingConstraint:
    """One that has come."""
    compiled: Future[LLMatcher | None] = Future()
    matcher = None
    if grammar is not None:
        matcher = LLMatcher(tokenizer_of(vocabulary), grammar, log_level=0)
        assert not matcher.is_error(), matcher.get_error()
    compiled.set_result(matcher)
    return ComingConstraint(compiled, len(vocabulary.byte_pieces))


def refusal(vocabulary: FakeVocabulary, grammar: str, text: str) -> str:
    """Where the grammar refuses the whole text, for people; empty if it takes it."""
    matcher = LLMatcher(tokenizer_of(vocabulary), grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    tokens = ControlText(vocabulary, "").tokenize(text)
    taken = matcher.try_consume_tokens(tokens)
    if taken == len(tokens) and matcher.is_accepting():
        return ""
    return f"{vocabulary.show(tokens[:taken])}<<HERE>>{vocabulary.show(tokens[taken:])}"
