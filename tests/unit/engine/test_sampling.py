import math

import numpy as np
import pytest

from dmr_desktop.engine.sampling import Row, Sampler, log_probabilities, restore
from dmr_desktop.protocol.generation import SamplingParams

NO_HISTORY = np.empty(0, np.int32)


def row(*values: float) -> Row:
    return np.array(values, np.float32)


def random_row(size: int = 5000, seed: int = 1, spread: float = 3.0) -> Row:
    return (np.random.default_rng(seed).standard_normal(size) * spread).astype(np.float32)


def draws(params: SamplingParams, logits: Row, count: int) -> list[int]:
    sampler = Sampler(params, len(logits))
    return [sampler.choose(logits) for _ in range(count)]


def test_temperature_zero_takes_the_best() -> None:
    logits = random_row()
    assert set(draws(SamplingParams(temperature=0), logits, 5)) == {int(logits.argmax())}
    assert Sampler(SamplingParams(temperature=0), 10).is_plain


@pytest.mark.parametrize("temperature", [-1.0, math.nan, 1e-60])
def test_a_senseless_temperature_is_greedy(temperature: float) -> None:
    assert Sampler(SamplingParams(temperature=temperature), 10).is_greedy


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=0, logit_bias={1: 2.0}),
        SamplingParams(temperature=0, repeat_penalty=1.1),
        SamplingParams(temperature=0, presence_penalty=0.5),
        SamplingParams(temperature=0, frequency_penalty=0.5),
        SamplingParams(temperature=0.5),
    ],
)
def test_whatever_changes_the_row_is_not_plain(params: SamplingParams) -> None:
    assert not Sampler(params, 10).is_plain


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_draws_follow_the_softmax(temperature: float) -> None:
    logits = row(2.0, 1.0, 0.0, -1.0)
    counts = np.bincount(draws(SamplingParams(temperature=temperature, seed=1), logits, 20_000), minlength=4) / 20_000
    wanted = np.exp(logits / temperature)
    # Standard error of a share at 20,000 draws is at most 0.0036.
    assert counts == pytest.approx(wanted / wanted.sum(), abs=0.015)


def test_the_far_tail_keeps_its_share_at_high_temperature() -> None:
    logits = np.zeros(1000, np.float32)
    logits[0] = 5
    share = np.mean(np.array(draws(SamplingParams(temperature=5, seed=2), logits, 5000)) == 0)
    assert share == pytest.approx(math.e / (math.e + 999), abs=0.004)


def test_every_token_of_a_large_vocabulary_has_its_share() -> None:
    drawn = np.array(draws(SamplingParams(seed=3), np.zeros(2000, np.float32), 8000))
    # 100 tokens a bin: 400 draws each, standard deviation 20.
    assert np.bincount(drawn // 100, minlength=20) == pytest.approx(400, abs=100)
    assert len(set(drawn.tolist())) > 1900


def test_top_k_leaves_the_k_best() -> None:
    logits = random_row()
    best = set(np.argsort(-logits)[:7].tolist())
    assert set(draws(SamplingParams(temperature=3, top_k=7, seed=1), logits, 500)) == best
    assert set(draws(SamplingParams(temperature=3, top_k=1, seed=1), logits, 5)) == {int(logits.argmax())}


def test_top_p_leaves_the_smallest_set_that_reaches_the_mass() -> None:
    logits = np.log(row(0.5, 0.3, 0.15, 0.05))
    assert set(draws(SamplingParams(top_p=0.75, seed=1), logits, 300)) == {0, 1}
    assert set(draws(SamplingParams(top_p=0.81, seed=1), logits, 300)) == {0, 1, 2}
    assert set(draws(SamplingParams(top_p=0.0, seed=1), logits, 50)) == {0}


def test_top_p_counts_before_the_temperature() -> None:
    logits = np.log(row(0.9, 0.06, 0.04))
    assert set(draws(SamplingParams(temperature=50, top_p=0.8, seed=1), logits, 200)) == {0}


def test_min_p_is_relative_to_the_best() -> None:
    logits = np.log(row(0.5, 0.3, 0.15, 0.05))
    assert set(draws(SamplingParams(min_p=0.2, temperature=2, seed=1), logits, 300)) == {0, 1, 2}
    assert set(draws(SamplingParams(min_p=1.5, seed=1), logits, 20)) == {0}


def test_the_same_seed_gives_the_same_tokens_and_another_one_others() -> None:
    logits = random_row()
    assert draws(SamplingParams(seed=7), logits, 50) == draws(SamplingParams(seed=7), logits, 50)
    assert draws(SamplingParams(seed=7), logits, 50) != draws(SamplingParams(seed=8), logits, 50)
    assert draws(SamplingParams(seed=-1), logits, 50) == draws(SamplingParams(seed=-1), logits, 50)


def test_without_a_seed_runs_differ() -> None:
    logits = random_row(spread=0.5)
    assert draws(SamplingParams(), logits, 50) != draws(SamplingParams(), logits, 50)


def test_logit_bias_adds_and_is_taken_back() -> None:
    logits = random_row()
    before = logits.copy()
    worst, best = int(logits.argmin()), int(logits.argmax())
    sampler = Sampler(SamplingParams(temperature=0, logit_bias={worst: 100.0, best: -100.0, 999_999: 5.0}), len(logits))
    undo = sampler.adjust(logits, NO_HISTORY)
    assert sampler.choose(logits) == worst
    restore(logits, undo)
    assert np.array_equal(logits, before)


def test_repeat_penalty_looks_at_the_last_tokens_only() -> None:
    params = SamplingParams(temperature=0, repeat_penalty=2.0, repeat_last_n=2)
    logits = row(4.0, 3.0, -1.0, 0.5)
    undo = Sampler(params, 4).adjust(logits, np.array([1, 0, 2], np.int32))
    assert logits.tolist() == [2.0, 3.0, -2.0, 0.5]
    restore(logits, undo)
    assert logits.tolist() == [4.0, 3.0, -1.0, 0.5]


def test_repeat_last_n_zero_is_off_and_negative_is_everything() -> None:
    history = np.array([0, 1], np.int32)
    logits = row(4.0, 4.0)
    off = SamplingParams(temperature=0, repeat_penalty=2.0, repeat_last_n=0)
    assert Sampler(off, 2).adjust(logits, history) is None
    everything = SamplingParams(temperature=0, repeat_penalty=2.0, repeat_last_n=-1)
    Sampler(everything, 2).adjust(logits, history)
    assert logits.tolist() == [2.0, 2.0]


def test_presence_and_frequency_count_generated_tokens_only() -> None:
    sampler = Sampler(SamplingParams(temperature=0, presence_penalty=0.5, frequency_penalty=0.25), 4)
    for token in (1, 1, 2):
        sampler.accept(token)
    logits = row(1.0, 1.0, 1.0, 1.0)
    undo = sampler.adjust(logits, np.array([0, 1, 1, 2], np.int32))
    assert logits.tolist() == [1.0, 0.0, 0.25, 1.0]
    restore(logits, undo)
    assert logits.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_overlapping_adjustments_are_all_taken_back() -> None:
    params = SamplingParams(repeat_penalty=1.5, presence_penalty=1.0, logit_bias={0: 3.0, 1: -3.0})
    sampler = Sampler(params, 4)
    sampler.accept(0)
    logits = row(1.0, 2.0, 3.0, 4.0)
    restore(logits, sampler.adjust(logits, np.array([0, 0, 3], np.int32)))
    assert logits.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_log_probabilities_are_those_of_the_softmax() -> None:
    logits = random_row()
    exact = logits.astype(np.float64) - np.log(np.exp(logits.astype(np.float64)).sum())
    logprob, top = log_probabilities(logits, 3, 5)
    assert logprob == pytest.approx(exact[3], abs=1e-4)
    assert [token for token, _ in top] == np.argsort(-exact)[:5].tolist()
    assert [value for _, value in top] == pytest.approx(np.sort(exact)[::-1][:5], abs=1e-4)


def test_all_log_probabilities_sum_to_one() -> None:
    logits = random_row(200)
    _, top = log_probabilities(logits, 0, 500)
    assert len(top) == 200
    assert sum(math.exp(value) for _, value in top) == pytest.approx(1, abs=1e-5)


def test_log_probabilities_have_a_floor() -> None:
    logprob, top = log_probabilities(row(0.0, -math.inf), 1, 0)
    assert logprob == -9999.0
    assert top == []


def test_senseless_numbers_do_no_harm() -> None:
    logits = row(1.0, 2.0, 3.0)
    sampler = Sampler(SamplingParams(temperature=1e9, repeat_penalty=0, logit_bias={0: 1e300, 1: -1e300}, seed=1), 3)
    undo = sampler.adjust(logits, np.array([0, 1, 2], np.int32))
    assert np.isfinite(logits).all()
    assert sampler.choose(logits) in (0, 1, 2)
    restore(logits, undo)
    assert logits.tolist() == [1.0, 2.0, 3.0]
