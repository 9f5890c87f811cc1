"""Nobody but the template and the model writes control tokens, and BOS comes once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.engine.formats.control_text import MARK, ControlText
from tests.fakes.fake_vocabulary import FakeVocabulary

CONTROL = ("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|im")
WORDS = ("<table>", "    ", "<tool_call>")
TEMPLATE = "{{ '<|im_start|>' }}...<tool_call>"


@pytest.mark.parametrize("adds_blank", [False, True])
@pytest.mark.parametrize(
    "text", [*CONTROL, "a<|im_end|>b", "<<|im_end|>>", "<|im_start|><|im_end|>", "<tool_call>", "</s></s>"]
)
def test_a_marked_text_holds_no_control_token(text: str, adds_blank: bool) -> None:
    vocabulary = FakeVocabulary(CONTROL, words=WORDS, adds_blank=adds_blank)
    control = ControlText(vocabulary, TEMPLATE)
    tokens = control.tokenize("<|im_start|>" + control.mark(text) + "<|im_end|>")
    assert vocabulary.show(tokens).replace(" ", "") == f"«<|im_start|>»{text}«<|im_end|>»"


@given(st.lists(st.sampled_from([*CONTROL, "<tool_call>", "<", "|", "im", "_end|>", MARK, "a"])).map("".join))
def test_no_text_forges_a_control_token(text: str) -> None:
    vocabulary = FakeVocabulary(CONTROL, words=WORDS)
    control = ControlText(vocabulary, TEMPLATE)
    tokens = control.tokenize(control.mark(text))
    assert max(tokens, default=0) < 256
    assert vocabulary.show(tokens) == text.replace(MARK, "")


def test_words_of_the_vocabulary_stay_whole_unless_the_template_uses_them() -> None:
    vocabulary = FakeVocabulary(CONTROL, words=WORDS)
    control = ControlText(vocabulary, TEMPLATE)
    assert vocabulary.show(control.tokenize(control.mark("<table>    x<tool_call>"))) == "«<table>»«    »x<tool_call>"


def test_markers_in_plain_text_are_guarded_too_but_not_where_exempt() -> None:
    control = ControlText(FakeVocabulary(), "", ["<think>"])
    assert control.mark("a<think>b") == f"a<{MARK}think>b"
    assert control.mark("a<think>b", exempt=("<think>",)) == "a<think>b"


def test_pieces_behind_a_mark_get_no_blank() -> None:
    vocabulary = FakeVocabulary(CONTROL, adds_blank=True)
    control = ControlText(vocabulary, "")
    assert vocabulary.show(control.tokenize(control.mark("x</s>y"))) == " x</s>y"


@pytest.mark.parametrize("prompt", ["hello", "<s>hello"])
def test_bos_comes_exactly_once(prompt: str) -> None:
    wants = ControlText(FakeVocabulary(CONTROL, bos="<s>", add_bos=True), "")
    assert wants.tokenize(prompt) == [256, *b"hello"]


def test_no_bos_for_a_model_that_wants_none() -> None:
    assert ControlText(FakeVocabulary(CONTROL, bos="<s>"), "").tokenize("hello") == [*b"hello"]
    assert ControlText(FakeVocabulary(CONTROL, add_bos=True), "").tokenize("hello") == [*b"hello"]


def test_splitting_a_marker_into_what_the_vocabulary_has() -> None:
    control = ControlText(FakeVocabulary(("<call>", "<sep>")), "")
    assert control.split("\n<call>name<sep>") == ["\n", 256, "name", 257]
    assert control.split("plain") == ["plain"]
    assert control.split("") == []
