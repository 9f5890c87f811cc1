"""The watch for calls, with tokens of several characters and the real grammar compiler."""

from collections.abc import Sequence
from concurrent.futures import Future
from time import monotonic

import numpy as np
import pytest
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from dmr_desktop.engine import call_watch
from dmr_desktop.engine.call_watch import CallStart, CallWatch, CallWatching
from dmr_desktop.engine.constraint import ComingConstraint, Constraint

MARK = b"<call>"
WORDS = (b"<call", b"call", b" <", b">{", b'>{"', b'{"a":', b"x<call>", b"<call>{", b"<call>x", b"</think>", b"<think>")
GRAMMAR = 'start: lead /[ \\n]{0,8}/ "{" /[12]/ "}"\nlead[lazy]: /(.|\\n)*/ "<call>"\n'
OPEN = 'start: /[ \\n]{0,8}/ "{" /[12]/ "}"\n'


class _Tokenizer:
    """Every byte is a token, and so are the words."""

    bos_token_id = None
    eos_token_id = 256
    tokens = (*(bytes([byte]) for byte in range(256)), b"\xff<end>", *WORDS)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


TOKENIZER = LLTokenizer(TokenizerWrapper(_Tokenizer()), n_vocab=len(_Tokenizer.tokens), eos_token=256)


def come(grammar: str = GRAMMAR) -> ComingConstraint:
    compiled: Future[LLMatcher | None] = Future()
    compiled.set_result(LLMatcher(TOKENIZER, grammar, log_level=0))
    return ComingConstraint(compiled, len(_Tokenizer.tokens))


def a_watch(
    *, sure: bool = False, first: bool = False, thinking: bool = False, coming: ComingConstraint | None = None
) -> CallWatch:
    start = CallStart(MARK, is_sure=sure, is_first=first)
    return CallWatch(CallWatching((start,), b"<think>", b"</think>", thinking), coming or come())


def feed(watch: CallWatch, *pieces: bytes | str) -> tuple[int, Constraint] | None:
    """How many pieces, each one token, it took until the call was held."""
    for index, piece in enumerate(pieces):
        data = piece.encode() if isinstance(piece, str) else piece
        constraint = watch.add(_Tokenizer.tokens.index(data), data)
        if constraint is not None:
            return index + 1, constraint
    return None


def letters(text: str) -> list[str]:
    return list(text)


def next_ones(constraint: Constraint) -> list[bytes]:
    return [_Tokenizer.tokens[token] for token in constraint.allowed()]


@pytest.mark.parametrize(
    "pieces",
    [
        ["<call", ">"],
        ["<", "call", ">"],
        [" <", "call", ">"],
        ["a", " <", "c", "a", "l", "l", ">"],
        ["x<call>"],
        ["<", "<call", ">"],
        ["<call", "<call", ">"],
        ["</think>", "<call", ">"],
    ],
)
def test_a_mark_however_it_is_spelled(pieces: Sequence[str]) -> None:
    found = feed(a_watch(sure=True), *pieces)
    assert found is not None
    assert found[0] == len(pieces)
    assert found[1].allows(ord("{"))
    assert not found[1].allows(ord("x"))


@pytest.mark.parametrize("pieces", [["<call", ">{"], ["<call>{"], [" <", "call", ">{"]])
@pytest.mark.parametrize("sure", [True, False])
def test_a_token_that_holds_the_mark_and_what_follows(pieces: Sequence[str], sure: bool) -> None:
    found = feed(a_watch(sure=sure), *pieces)
    assert found is not None
    assert next_ones(found[1]) == [b"1", b"2"]


@pytest.mark.parametrize("pieces", [["<call>x"], ["<call", '>{"'], ["x<call>", "x"]])
def test_what_does_not_fit_stays_free(pieces: Sequence[str]) -> None:
    watch = a_watch()
    assert feed(watch, *pieces, *letters(" and so on {1}")) is None
    assert feed(watch, "<call", ">", "{") is not None


def test_plain_text_counts_once_something_that_fits_follows() -> None:
    watch = a_watch()
    assert feed(watch, "<call", ">", "\n", " ") is None
    found = feed(watch, "{")
    assert found is not None
    assert next_ones(found[1]) == [b"1", b"2"]


def test_talk_of_the_mark_is_none_and_the_next_one_may_be() -> None:
    watch = a_watch()
    assert feed(watch, *letters("Use <call> tags, <call>\n\n<call")) is None
    assert feed(watch, ">", "\n") is None
    assert feed(watch, "{") is not None


def test_too_much_white_space_is_no_call() -> None:
    assert feed(a_watch(), "<call", ">", *" " * 9, "{") is None


def test_nothing_inside_reasoning() -> None:
    watch = a_watch(sure=True, thinking=True)
    assert feed(watch, *letters("<call>{ or <call>{1} </think")) is None
    assert feed(watch, *letters(">")) is None
    assert feed(watch, "<call", ">") is not None


def test_reasoning_that_the_model_opens() -> None:
    watch = a_watch(sure=True)
    assert feed(watch, "<think>", "<call>{", "x<call>", "</think>") is None
    assert feed(watch, *letters("Then <think>so <call>{</think>")) is None
    assert feed(watch, "x<call>") is not None


def test_only_at_the_beginning_of_the_answer() -> None:
    for before in ("", "\n ", "<think>Hm <call> x</think>\n"):
        assert feed(a_watch(first=True), *letters(before + "<call>{")) is not None, before
    for before in ("x", "x<think>so", "a long text in front of it "):
        assert feed(a_watch(first=True), *letters(before + "<call>{")) is None, before
    assert feed(a_watch(first=True), *" " * 200, "<call", ">{") is None


def test_a_call_that_the_prompt_has_begun() -> None:
    def opened() -> CallWatch:
        return CallWatch(CallWatching((), is_open=True), come(OPEN))

    found = feed(opened(), "\n", "{")
    assert found is not None
    assert next_ones(found[1]) == [b"1", b"2"]
    assert feed(opened(), "x", "{", "1") is None


def test_a_long_text_is_not_kept() -> None:
    watch = a_watch()
    assert feed(watch, *letters("<cal" * 5000)) is None
    assert len(watch._tail) < 20
    assert feed(watch, "l", ">", "{") is not None


def test_a_grammar_that_does_not_come_in_time_leaves_the_answer_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_watch, "PATIENCE_SECONDS", 0.05)
    never: Future[LLMatcher | None] = Future()
    watch = a_watch(sure=True, coming=ComingConstraint(never, 300))
    started = monotonic()
    assert feed(watch, "<call", ">", "x<call>", "x<call>") is None
    assert 0.05 <= monotonic() - started < 1
    never.set_result(LLMatcher(TOKENIZER, GRAMMAR, log_level=0))
    # Waiting again and again would hold up everybody.
    assert feed(watch, "<call", ">") is None


def test_a_grammar_that_cannot_be_had_leaves_the_answer_free() -> None:
    none: Future[LLMatcher | None] = Future()
    none.set_result(None)
    assert feed(a_watch(sure=True, coming=ComingConstraint(none, 300)), "<call", ">", "<call", ">") is None


def test_a_constraint_that_fails_on_the_way_allows_everything() -> None:
    compiled: Future[LLMatcher | None] = Future()
    limits = LLParserLimits(max_items_in_row=4, verbose_errors=False)
    matcher = LLMatcher(TOKENIZER, 'start: ("a" | "a" start)*\n', log_level=0, limits=limits)
    compiled.set_result(matcher)
    constraint = ComingConstraint(compiled, len(_Tokenizer.tokens)).get(0)
    assert constraint is not None
    constraint.accept(ord("a"))
    assert constraint.allows(ord("z"))
    assert constraint.fits([1, 2, 3])
    assert np.array_equal(constraint.allowed(), np.arange(len(_Tokenizer.tokens)))
    assert constraint.forced() == []
    assert not constraint.is_complete
    constraint.accept(ord("z"))
