import itertools

import numpy as np
import numpy.typing as npt
import pytest

from dmr_desktop.engine.api import EngineFacts
from dmr_desktop.engine.cores import Supply
from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.pooled import tokens_together
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import ContextOverflow, InvalidRequest, RunnerError


class FakeVectors:
    """A vector is (first token, number of tokens, 0)."""

    num_sequences = 3
    max_tokens = 10

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def embed(self, inputs: list[list[int]]) -> npt.NDArray[np.float32]:
        self.batches.append([len(tokens) for tokens in inputs])
        return np.array([[tokens[0], len(tokens), 0] for tokens in inputs], np.float32)

    def set_threads(self, count: int) -> None:
        self.batches.append([-count])

    def close(self) -> None:
        pass


@pytest.fixture
def context() -> FakeVectors:
    return FakeVectors()


@pytest.fixture
def engine(context: FakeVectors) -> EmbeddingEngine:
    return EmbeddingEngine(context, EngineFacts(10, 10, 3, 100, 3), AdaptiveThreads(1))


def test_inputs_are_packed_as_they_fit_and_stay_in_order(engine: EmbeddingEngine, context: FakeVectors) -> None:
    inputs = [[number] * length for number, length in enumerate([4, 6, 1, 1, 1, 1, 10, 5], start=1)]
    vectors = engine.embed(inputs)
    assert context.batches == [[4, 6], [1, 1, 1], [1], [10], [5]]
    wanted = np.array([[tokens[0], len(tokens), 0] for tokens in inputs], np.float32)
    assert vectors == pytest.approx(wanted / np.linalg.norm(wanted, axis=1, keepdims=True))


def test_nothing_in_nothing_out(engine: EmbeddingEngine) -> None:
    assert engine.embed([]).shape == (0, 3)


def test_a_vector_of_zeros_stays_one(engine: EmbeddingEngine, context: FakeVectors) -> None:
    context.embed = lambda inputs: np.zeros((len(inputs), 3), np.float32)  # type: ignore[method-assign]
    assert not engine.embed([[1]]).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_no_vector(engine: EmbeddingEngine, context: FakeVectors, value: float) -> None:
    context.embed = lambda inputs: np.full((len(inputs), 3), value, np.float32)  # type: ignore[method-assign]
    with pytest.raises(RunnerError, match="not numbers"):
        engine.embed([[1]])


def test_bad_inputs_are_named_and_nothing_is_computed(engine: EmbeddingEngine, context: FakeVectors) -> None:
    with pytest.raises(ContextOverflow, match="10 tokens, however you requested 11 tokens in input 1"):
        engine.embed([[1], [1] * 11])
    with pytest.raises(InvalidRequest, match="Input 2 is empty"):
        engine.embed([[1], [1], []])
    with pytest.raises(InvalidRequest, match="outside 0 to 99"):
        engine.embed([[100]])
    assert context.batches == []


def test_threads_follow_the_free_cores_as_in_the_text_engine(context: FakeVectors) -> None:
    class Busy:
        def __call__(self) -> Supply:
            return Supply(sure=1.0, likely=1.0)

        def restart(self) -> None:
            pass

    ticks = itertools.count(0.0, 0.04)
    threads = AdaptiveThreads(2, Busy(), clock=lambda: next(ticks))
    EmbeddingEngine(context, EngineFacts(10, 10, 3, 100, 3), threads).embed([[1]] * 3 * 20)
    assert context.batches.count([-1]) == 1


def test_texts_are_packed_less_tightly_where_a_token_costs_a_large_row_of_logits() -> None:
    assert tokens_together(32_000) == 4194
    assert tokens_together(250_002) == 536
    assert tokens_together(10**9) == 256
    context = FakeVectors()
    context.max_tokens = 8192
    engine = EmbeddingEngine(context, EngineFacts(8192, 8192, 3, 250_002, 3), AdaptiveThreads(1))
    engine.embed([[1] * 300, [1] * 200, [1] * 100, [1] * 5000])
    assert context.batches == [[300, 200], [100], [5000]]
