"""Random requests, cancels and failures over a cramped memory: every text must be what it would be alone."""

import random

import pytest

from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.parked import Parking
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import RunnerError
from dmr_desktop.protocol.generation import SamplingParams
from tests.fakes.fake_llama import FakeContext, FakeVocabulary, expected_text, prompt

GREEDY = SamplingParams(temperature=0)


@pytest.mark.parametrize("seed", range(24))
def test_chaos(seed: int) -> None:
    chance = random.Random(seed)
    context_size = chance.choice([60, 150, 400, 1200])
    context = FakeContext(
        num_sequences=chance.choice([1, 2, 5]),
        pool_size=context_size,
        n_batch=chance.choice([16, 64, 256]),
        is_recurrent=chance.random() < 0.2,
        saves_whole=chance.random() < 0.2,
    )
    now = 0.0
    parking = Parking(most_bytes=chance.choice([0, 500, 5_000, 100_000]), is_eager=chance.random() < 0.7)
    engine = Engine(
        context,
        FakeVocabulary(),
        context_size=context_size,
        threads=AdaptiveThreads(1),
        parking=parking,
        clock=lambda: now,
    )
    hurry = chance.choice([0.0, 0.5, 5.0])
    beginnings = [prompt(letter * chance.randrange(1, context_size - 20)) for letter in "xyz"]
    prompts: dict[int, tuple[list[int], int]] = {}
    texts: dict[int, str] = {}
    ends: dict[int, str] = {}
    next_id = 0
    for step in range(3000):
        while step < 150 and chance.random() < 0.3:
            tokens = [*chance.choice(beginnings), *chance.choices(range(97, 100), k=chance.randrange(1, 15))]
            if texts and chance.random() < 0.3:
                earlier = chance.choice(list(texts))
                tokens = prompts[earlier][0] + list(texts[earlier].encode()) + [98]
            tokens = tokens[: context_size - 1]
            prompts[next_id] = tokens, chance.randrange(0, 60)
            group = chance.choice([None, 1, 2])
            engine.submit(SequenceRequest(next_id, tokens, GREEDY, prompts[next_id][1], group=group))
            next_id += 1
        if next_id and chance.random() < 0.05:
            engine.cancel(chance.randrange(next_id))
        if chance.random() < 0.01:
            context.fail_with = RunnerError("chaos")
        now += chance.random() * hurry
        for output in engine.step():
            assert output.id not in ends
            texts[output.id] = texts.get(output.id, "") + output.text
            if output.error is not None:
                ends[output.id] = output.error.message
            elif output.finish is not None:
                ends[output.id] = output.finish
        assert context.cells_used <= context.pool_size
        if step >= 150 and engine.is_idle:
            break
    assert set(ends) == set(prompts)
    assert set(ends.values()) <= {"length", "cancelled", "chaos"}
    assert "length" in ends.values()
    for number, (tokens, max_tokens) in prompts.items():
        assert texts[number] == expected_text(tokens, len(texts[number])), f"sequence {number} of seed {seed}"
        if ends[number] == "length":
            assert len(texts[number]) == min(max_tokens, context_size - len(tokens))


@pytest.mark.parametrize("seed", range(16))
def test_conversations_with_quiet_moments(seed: int) -> None:
    """Some long beginnings in common, and time to park what nobody uses."""
    chance = random.Random(seed)
    context_size = 1200
    context = FakeContext(
        num_sequences=chance.choice([2, 4, 8]),
        pool_size=context_size * chance.choice([1, 2, 4]),
        saves_whole=chance.random() < 0.2,
        cannot_cut=chance.random() < 0.1,
    )
    parking = Parking(most_bytes=chance.choice([3_000, 8_000, 30_000, 100_000]), is_eager=chance.random() < 0.8)
    engine = Engine(context, FakeVocabulary(), context_size=context_size, threads=AdaptiveThreads(1), parking=parking)
    beginnings = [prompt(letter * chance.randrange(200, 500)) for letter in "xyz"]
    prompts: dict[int, list[int]] = {}
    texts: dict[int, str] = {}
    for _ in range(40):
        for _ in range(chance.choice([1, 1, 2, 3])):
            number = len(prompts)
            tokens = [*chance.choice(beginnings), *chance.choices(range(97, 110), k=chance.randrange(1, 80))]
            if texts and chance.random() < 0.5:
                earlier = chance.choice(list(texts))
                tokens = [*prompts[earlier], *texts[earlier].encode(), *chance.choices(range(97, 110), k=20)]
            prompts[number] = tokens[: context_size - 50]
            engine.submit(SequenceRequest(number, prompts[number], GREEDY, chance.randrange(1, 40)))
            if chance.random() < 0.1:
                engine.cancel(number)
        while not engine.is_idle:
            for output in engine.step():
                assert output.error is None
                texts[output.id] = texts.get(output.id, "") + output.text
            assert context.cells_used <= context.pool_size
        while chance.random() < 0.8 and engine.tidy():
            pass
    for number, text in texts.items():
        assert text == expected_text(prompts[number], len(text)), f"sequence {number} of seed {seed}"
