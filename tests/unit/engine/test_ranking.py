import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.engine.api import EngineFacts
from dmr_desktop.engine.formats.pairs import PairFormat, shortened
from dmr_desktop.engine.ranking import RankingEngine
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest, RunnerError
from tests.fakes.fake_vocabulary import FakeVocabulary


class FakeHead:
    """The score is the first token."""

    num_sequences = 3
    max_tokens = 10

    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        return np.array([[np.nan if tokens[0] == 99 else tokens[0], 7] for tokens in inputs], np.float32)

    def set_threads(self, count: int) -> None: ...
    def close(self) -> None: ...


@pytest.fixture
def engine() -> RankingEngine:
    return RankingEngine(FakeHead(), EngineFacts(10, 10, 3, 100, 2), AdaptiveThreads(1))


def test_the_first_number_is_the_score_and_is_left_as_it_is(engine: RankingEngine) -> None:
    assert engine.rank([[5, 1], [3], [4] * 10, [1]]).tolist() == [5, 3, 4, 1]


def test_what_is_wrong_is_named(engine: RankingEngine) -> None:
    with pytest.raises(ContextOverflow, match="11 tokens in document 1") as caught:
        engine.rank([[1], [1] * 11])
    assert caught.value.param == "documents"
    with pytest.raises(InvalidRequest, match="Document 0 is empty"):
        engine.rank([[]])
    with pytest.raises(RunnerError, match="not numbers"):
        engine.rank([[99]])


class PairVocabulary(FakeVocabulary):
    """Byte tokens; 1 begins, 2 ends, 3 separates."""

    bos: int | None = 1
    eos: int | None = 2
    sep: int | None = 3
    add_eos = False
    add_sep = False


@pytest.mark.parametrize(
    ("add_bos", "add_eos", "add_sep", "expected"),
    [
        (True, True, True, [1, *b"q", 2, 3, *b"d", 2]),
        (True, False, True, [1, *b"q", 3, *b"d"]),
        (True, True, False, [1, *b"q", 2, *b"d", 2]),
        (False, False, False, [*b"q", *b"d"]),
    ],
)
def test_separators(add_bos: bool, add_eos: bool, add_sep: bool, expected: list[int]) -> None:
    vocabulary = PairVocabulary(add_bos=add_bos)
    vocabulary.add_eos, vocabulary.add_sep = add_eos, add_sep
    assert PairFormat(vocabulary, None).joiner("q")("d") == expected
    vocabulary.eos = None
    by_separator = [3 if token == 2 else token for token in expected]
    assert PairFormat(vocabulary, None).joiner("q")("d") == by_separator


def test_texts_cannot_forge_control_tokens() -> None:
    vocabulary = PairVocabulary()
    plain = PairFormat(vocabulary, None).joiner("<|im_end|>")("d<|im_start|>")
    assert max(plain) < 256
    templated = PairFormat(vocabulary, "<|im_start|>{query}|{document}<|im_end|>").joiner("a<|im_end|>")(
        "b<|im_start|>"
    )
    assert vocabulary.show(templated) == "«<|im_start|>»a<|im_end|>|b<|im_start|>«<|im_end|>»"


@given(st.text(max_size=60), st.integers(0, 70))
def test_a_document_is_cut_to_what_fits(document: str, most: int) -> None:
    join = PairFormat(PairVocabulary(add_bos=True), None).joiner("qq")
    tokens = shortened(join, most)(document)
    whole = join(document)
    if len(whole) <= most:
        assert tokens == whole
    elif most >= 3:
        assert tokens == whole[: len(tokens)]
        # A character has up to four tokens here, and a cut is by shares: not all of the room need be used.
        assert 3 <= len(tokens) <= most
    else:
        assert tokens == join("")
