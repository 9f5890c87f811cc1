import math
from collections.abc import Sequence as Tokens

import pytest

from dmr_desktop.engine.api import SequenceOutput, SequenceRequest
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.thinking import ThinkingLimit
from dmr_desktop.engine.threads import AdaptiveThreads
from dmr_desktop.protocol.errors import RunnerError
from dmr_desktop.protocol.generation import SamplingParams
from tests.fakes.fake_llama import (
    END,
    HIDDEN,
    MARKER,
    VOCAB_SIZE,
    FakeContext,
    FakeVocabulary,
    expected_text,
    hashed_letter,
    prompt,
)

GREEDY = SamplingParams(temperature=0)
CONTEXT = 400


def an_engine(context: FakeContext, context_size: int = CONTEXT, **rest: object) -> Engine:
    return Engine(context, FakeVocabulary(), context_size=context_size, threads=AdaptiveThreads(1), **rest)  # type: ignore[arg-type]


def a_request(number: int, tokens: Tokens[int], max_tokens: int | None = 10, **rest: object) -> SequenceRequest:
    return SequenceRequest(number, tokens, GREEDY, max_tokens, **rest)  # type: ignore[arg-type]


class Run:
    """All outputs of a run, by sequence."""

    def __init__(self) -> None:
        self.outputs: dict[int, list[SequenceOutput]] = {}

    def add(self, outputs: list[SequenceOutput]) -> None:
        assert len({output.id for output in outputs}) == len(outputs), "two outputs of a sequence in one step"
        for output in outputs:
            self.outputs.setdefault(output.id, []).append(output)

    def text(self, number: int) -> str:
        return "".join(output.text for output in self.outputs[number])

    def last(self, number: int) -> SequenceOutput:
        *before, last = self.outputs[number]
        assert all(output.finish is None and output.error is None for output in before)
        assert [output.first for output in self.outputs[number]] == [True] + [False] * len(before)
        assert sum(output.num_tokens for output in self.outputs[number]) == last.completion_tokens
        return last


def run(engine: Engine, *requests: SequenceRequest) -> Run:
    for request in requests:
        engine.submit(request)
    found = Run()
    for _ in range(2000):
        if engine.is_idle:
            return found
        found.add(engine.step())
    raise AssertionError("the engine never became idle")


def test_one_request() -> None:
    found = run(an_engine(FakeContext()), a_request(1, prompt("hello")))
    last = found.last(1)
    assert found.text(1) == expected_text(prompt("hello"), 10)
    assert (last.finish, last.prompt_tokens, last.completion_tokens, last.cached_tokens) == ("length", 5, 10, 0)
    assert last.timings.prompt_ms > 0 < last.timings.predicted_ms


def test_many_requests_write_what_each_would_alone() -> None:
    prompts = [prompt(f"{number} is a number" * (number % 4 + 1)) for number in range(20)]
    found = run(an_engine(FakeContext()), *(a_request(number, text) for number, text in enumerate(prompts)))
    for number, tokens in enumerate(prompts):
        assert found.text(number) == expected_text(tokens, 10)
        assert found.last(number).finish == "length"


def test_a_common_beginning_is_computed_once() -> None:
    context = FakeContext(num_sequences=8)
    engine = an_engine(context)
    common = prompt("the system prompt that everybody shares, quite long. ")
    found = run(engine, *(a_request(number, [*common, 60 + number]) for number in range(8)))
    assert sum(context.decoded) == len(common) + 8 + 8 * 9
    assert [found.last(number).cached_tokens for number in range(8)] == [0] + [len(common)] * 7
    assert all(found.text(number) == expected_text([*common, 60 + number], 10) for number in range(8))
    assert engine.stats().cached_tokens == 7 * len(common)
    assert engine.stats().prompt_tokens == len(common) + 8


def test_a_conversation_computes_only_what_is_new() -> None:
    context = FakeContext()
    engine = an_engine(context)
    first = run(engine, a_request(1, prompt("hello"))).text(1)
    following = prompt("hello" + first + "and?")
    context.decoded.clear()
    found = run(engine, a_request(2, following))
    # The last token of an answer is chosen but never computed.
    assert found.last(2).cached_tokens == len("hello" + first) - 1
    assert sum(context.decoded) == 5 + 9
    assert found.text(2) == expected_text(following, 10)


def test_end_of_generation_counts_but_does_not_show() -> None:
    context = FakeContext(next_token=lambda history: END if len(history) >= 8 else 97)
    found = run(an_engine(context), a_request(1, prompt("hello")))
    last = found.last(1)
    assert (found.text(1), last.finish, last.stop, last.completion_tokens) == ("aaa", "stop", None, 4)


def test_a_visible_token_shows_even_when_it_ends_the_generation() -> None:
    context = FakeContext(next_token=lambda history: END)
    assert run(an_engine(context), a_request(1, [1], visible_tokens=frozenset({END}))).text(1) == f"<{END}>"


def test_ignoring_the_end_goes_on_with_the_next_best() -> None:
    def ends(history: Tokens[int]) -> int:
        return END if len(history) == 8 else hashed_letter(history)

    found = run(an_engine(FakeContext(next_token=ends)), a_request(1, prompt("hello"), ignore_eos=True))
    assert found.last(1).completion_tokens == 10
    assert found.last(1).finish == "length"


def test_hidden_tokens_count_and_visible_ones_show() -> None:
    steps = iter([HIDDEN, MARKER, 97, HIDDEN])
    context = FakeContext(next_token=lambda history: next(steps))
    found = run(an_engine(context), a_request(1, [1], 4, visible_tokens=frozenset({MARKER})))
    assert found.text(1) == f"<{MARKER}>a"
    assert found.last(1).completion_tokens == 4


def test_a_stop_string_ends_it_and_is_named() -> None:
    text = expected_text(prompt("hello"), 10)
    found = run(an_engine(FakeContext()), a_request(1, prompt("hello"), stop=("zzz", text[4:6])))
    last = found.last(1)
    assert (found.text(1), last.finish, last.stop) == (text[:4], "stop", text[4:6])
    assert last.completion_tokens == 6


def test_zero_tokens_computes_the_prompt_and_ends() -> None:
    context = FakeContext()
    last = run(an_engine(context), a_request(1, prompt("hello"), 0)).last(1)
    assert (last.text, last.finish, last.completion_tokens, last.first) == ("", "length", 0, True)
    assert sum(context.decoded) == 5


def test_a_full_context_ends_it() -> None:
    found = run(an_engine(FakeContext(), 20), a_request(1, prompt("hello"), None))
    last = found.last(1)
    assert (last.finish, last.completion_tokens) == ("length", 15)
    assert found.text(1) == expected_text(prompt("hello"), 15)


def test_a_prompt_as_long_as_the_context_is_refused_with_both_numbers() -> None:
    engine = an_engine(FakeContext())
    last = run(engine, a_request(1, [65] * CONTEXT), a_request(2, prompt("fits"))).last(1)
    assert last.error is not None
    assert last.error.code == "context_length_exceeded"
    assert last.error.message == (
        "This model's maximum context length is 400 tokens. However, your messages resulted in 400 tokens. "
        "Please reduce the length of the messages."
    )
    assert run(engine, a_request(1, [65] * (CONTEXT - 1), None)).last(1).completion_tokens == 1


@pytest.mark.parametrize("tokens", [[], [300], [-1], [1, 2, 10**6]])
def test_a_prompt_that_cannot_be_is_refused(tokens: list[int]) -> None:
    last = run(an_engine(FakeContext()), a_request(1, tokens)).last(1)
    assert last.error is not None
    assert last.error.code == "invalid_request_error"


def test_a_bias_of_a_token_that_is_none_is_refused() -> None:
    request = SequenceRequest(1, prompt("hello"), SamplingParams(logit_bias={10**6: 1.0}), 10)
    last = run(an_engine(FakeContext()), request).last(1)
    assert last.error is not None
    assert (last.error.code, last.error.param) == ("invalid_request_error", "logit_bias")


def test_an_id_that_is_alive_is_refused_without_harm_to_the_other() -> None:
    engine = an_engine(FakeContext())
    engine.submit(a_request(1, prompt("hello")))
    engine.submit(a_request(1, prompt("other")))
    first = engine.step()
    assert [output.error is not None for output in first] == [True, False]
    assert [output.text for output in first][1] == expected_text(prompt("hello"), 1)


def test_cancelling_frees_the_slot_for_the_next() -> None:
    engine = an_engine(FakeContext(num_sequences=1))
    engine.submit(a_request(1, prompt("hello"), 300))
    engine.submit(a_request(2, prompt("other")))
    engine.step()
    engine.cancel(1)
    outputs = engine.step()
    assert [(output.id, output.finish) for output in outputs] == [(1, "cancelled"), (2, None)]
    assert engine.stats().running == 1


def test_cancelling_while_waiting_and_twice_and_unknown() -> None:
    engine = an_engine(FakeContext(num_sequences=1))
    engine.submit(a_request(1, prompt("hello"), 3))
    engine.submit(a_request(2, prompt("other")))
    for number in (2, 2, 99):
        engine.cancel(number)
    found = run(engine)
    assert found.last(2).finish == "cancelled"
    assert found.last(2).completion_tokens == 0
    assert found.last(1).finish == "length"
    engine.cancel(1)
    assert engine.is_idle


def test_cancelling_a_leader_lets_its_followers_go_on() -> None:
    context = FakeContext(n_batch=64)
    engine = an_engine(context)
    common = prompt("x" * 200)
    engine.submit(a_request(1, [*common, 1]))
    engine.submit(a_request(2, [*common, 2]))
    engine.submit(a_request(3, [*common, 3]))
    engine.step()
    engine.cancel(1)
    found = run(engine)
    assert found.text(2) == expected_text([*common, 2], 10)
    assert found.text(3) == expected_text([*common, 3], 10)
    assert found.last(2).cached_tokens == 64
    assert found.last(3).cached_tokens == 200


def test_one_bad_sequence_does_not_disturb_the_others() -> None:
    context = FakeContext(poison=1)
    found = run(an_engine(context), a_request(1, prompt("good")), a_request(2, prompt("poisoned")))
    assert found.text(1) == expected_text(prompt("good"), 10)
    error = found.last(2).error
    assert error is not None
    assert error.code == "runner_error"


def test_an_unforeseen_exception_becomes_the_error_of_its_sequence() -> None:
    class Broken(FakeVocabulary):
        def piece(self, token: int, *, special: bool) -> bytes:
            if token == 33:
                raise ValueError("no such piece")
            return super().piece(token, special=special)

    def next_token(history: Tokens[int]) -> int:
        return 33 if history[0] == ord("b") else 97

    engine = Engine(FakeContext(next_token=next_token), Broken(), context_size=CONTEXT, threads=AdaptiveThreads(1))
    found = run(engine, a_request(1, prompt("good")), a_request(2, prompt("bad")))
    assert found.text(1) == "a" * 10
    error = found.last(2).error
    assert error is not None
    assert "no such piece" in error.evidence


def test_a_failed_batch_fails_its_sequences_and_the_engine_goes_on() -> None:
    context = FakeContext(fail_with=RunnerError("boom"), num_sequences=2)
    engine = an_engine(context)
    found = run(engine, *(a_request(number, prompt(f"{number} hello")) for number in range(3)))
    for number in (0, 1):
        error = found.last(number).error
        assert error is not None
        assert error.message == "boom"
    assert found.text(2) == expected_text(prompt("2 hello"), 10)
    assert context.cells_used == len("2 hello") + 9


def test_full_cells_take_the_idle_ones_first() -> None:
    context = FakeContext(pool_size=60)
    engine = an_engine(context, 60)
    run(engine, a_request(1, prompt("a" * 30)))
    found = run(engine, a_request(2, prompt("b" * 40)))
    assert found.text(2) == expected_text(prompt("b" * 40), 10)
    assert engine.stats().preemptions == 0


def test_full_cells_preempt_the_youngest_which_goes_on_where_it_was() -> None:
    context = FakeContext(pool_size=180)
    engine = an_engine(context, 180)
    prompts = [prompt(letter * 10) for letter in "abc"]
    requests = [a_request(number, tokens, 100) for number, tokens in enumerate(prompts)]
    found = run(engine, *requests)
    assert engine.stats().preemptions > 0
    for number, tokens in enumerate(prompts):
        assert found.text(number) == expected_text(tokens, 100)
        assert found.last(number).completion_tokens == 100
        assert found.last(number).cached_tokens == 0


def test_long_streams_in_all_cells_make_way_for_a_short_one_and_then_go_on_where_they_were() -> None:
    context, now = FakeContext(pool_size=400), 0.0
    engine = an_engine(context, clock=lambda: now)
    tokens = [prompt("a" * 100), prompt("b" * 100)]
    for number in range(2):
        engine.submit(a_request(number, tokens[number], 280))
    found = Run()
    for _ in range(60):
        found.add(engine.step())
    engine.submit(a_request(2, prompt("hello" * 20), 20))
    while 2 not in found.outputs or found.outputs[2][-1].finish is None:
        now += 1.0
        assert now < 60
        found.add(engine.step())
    assert [found.outputs[number][-1].finish for number in range(2)] == [None, None]
    while not engine.is_idle:
        now += 0.1
        found.add(engine.step())
    for number in range(2):
        assert found.text(number) == expected_text(tokens[number], 280)
        assert found.last(number).completion_tokens == 280
    assert found.text(2) == expected_text(prompt("hello" * 20), 20)


def test_a_preempted_sequence_keeps_its_random_state_and_its_held_text() -> None:
    def with_draws(pool_size: int) -> list[str]:
        context = FakeContext(pool_size=pool_size)
        sampling = SamplingParams(temperature=8.0, seed=5)
        requests = [
            SequenceRequest(number, prompt(letter * 10), sampling, 100, stop=("never there",))
            for number, letter in enumerate("abc")
        ]
        engine = an_engine(context, 180)
        found = run(engine, *requests)
        assert (engine.stats().preemptions > 0) == (pool_size == 180)
        return [found.text(number) for number in range(3)]

    assert with_draws(180) == with_draws(1000)


def test_one_sequence_that_finds_no_room_at_all_gets_an_error() -> None:
    engine = an_engine(FakeContext(pool_size=20), 60)
    error = run(engine, a_request(1, prompt("hello"), 50)).last(1).error
    assert error is not None
    assert "no room" in error.message
    assert run(engine, a_request(2, prompt("hello"), 5)).last(2).finish == "length"


def test_a_model_with_a_running_state_works_without_sharing() -> None:
    context = FakeContext(is_recurrent=True)
    engine = an_engine(context)
    common = prompt("the same beginning for all of them ")
    found = run(engine, *(a_request(number, [*common, 60 + number]) for number in range(4)))
    assert all(found.text(number) == expected_text([*common, 60 + number], 10) for number in range(4))
    assert all(found.last(number).cached_tokens == 0 for number in range(4))
    following = [*common, 60, *found.text(0).encode(), 33]
    last = run(engine, a_request(9, following)).last(9)
    assert last.cached_tokens == len(following) - 2


def test_log_probabilities_of_the_raw_logits() -> None:
    sampling = SamplingParams(temperature=0, logit_bias={97: 100.0})
    request = SequenceRequest(1, prompt("hello"), sampling, 3, top_logprobs=2)
    found = run(an_engine(FakeContext()), request)
    assert found.text(1) == "aaa"
    for output in found.outputs[1]:
        (entry,) = output.logprobs
        assert (entry.token, entry.token_bytes, len(entry.top)) == ("a", (97,), 2)
        # One logit is 20 and all others 0: the biased choice keeps its true, low probability.
        assert entry.logprob < -15 < entry.top[0].logprob


def test_a_step_without_work_brings_nothing() -> None:
    engine = an_engine(FakeContext())
    assert engine.is_idle
    assert engine.step() == []


def test_warming_up_leaves_nothing_behind() -> None:
    context = FakeContext()
    engine = Engine(context, FakeVocabulary(), context_size=CONTEXT, threads=AdaptiveThreads(2))
    engine.warm_up()
    assert context.decoded
    assert context.cells_used == 0
    engine.close()
    assert context.is_closed


def test_facts_and_counts() -> None:
    engine = an_engine(FakeContext())
    assert (engine.context_size, engine.facts.num_sequences, engine.facts.vocab_size) == (CONTEXT, 4, 300)
    run(engine, a_request(1, prompt("hello")))
    stats = engine.stats()
    assert (stats.prompt_tokens, stats.generated_tokens, stats.running, stats.waiting) == (5, 10, 0, 0)


def test_reasoning_is_ended_after_its_budget() -> None:
    start, end = prompt("hello"), prompt("</t>")
    limit = ThinkingLimit(b"<t>", b"</t>", tuple(end), max_tokens=3, is_open=True)
    found = run(an_engine(FakeContext()), a_request(1, start, max_tokens=12, thinking=limit), a_request(2, start))
    thought = expected_text(start, 3)
    answer = expected_text([*start, *prompt(thought), *end], 5)
    assert found.text(1) == f"{thought}</t>{answer}"
    assert (found.last(1).finish, found.last(1).completion_tokens) == ("length", 12)
    assert found.text(2) == expected_text(start, 10)


def test_a_budget_of_nothing_and_one_that_the_length_cuts() -> None:
    start, end = prompt("hello"), prompt("</t>")
    none = ThinkingLimit(b"<t>", b"</t>", tuple(end), max_tokens=0, is_open=True)
    found = run(an_engine(FakeContext()), a_request(1, start, max_tokens=6, thinking=none))
    assert found.text(1) == f"</t>{expected_text([*start, *end], 2)}"
    some = ThinkingLimit(b"<t>", b"</t>", tuple(end), max_tokens=3, is_open=True)
    found = run(an_engine(FakeContext()), a_request(1, start, max_tokens=5, thinking=some))
    assert found.text(1) == f"{expected_text(start, 3)}</"
    assert found.last(1).finish == "length"


def logprobs_of(found: Run, number: int) -> list[float]:
    first, *others = found.outputs[number]
    assert not any(output.prompt_logprobs for output in others)
    return [entry.logprob for entry in first.prompt_logprobs]


def expected_logprobs(tokens: Tokens[int]) -> list[float]:
    """The fake model is all but sure of its next letter."""
    sure = -math.log1p((VOCAB_SIZE - 1) * math.exp(-20))
    known = (hashed_letter(tokens[:end]) == tokens[end] for end in range(1, len(tokens)))
    return [-9999.0, *(sure if is_known else sure - 20 for is_known in known)]


def scored(number: int, tokens: Tokens[int], max_tokens: int | None = 3) -> SequenceRequest:
    return a_request(number, tokens, max_tokens, top_logprobs=1, scores_prompt=True)


@pytest.mark.parametrize("length", [1, 2, 8, 9, 60])
@pytest.mark.parametrize("max_tokens", [0, 3])
def test_a_prompt_is_scored(length: int, max_tokens: int) -> None:
    tokens = prompt("a")
    while len(tokens) < length:
        # Every third one is what the model would have said.
        tokens.append(hashed_letter(tokens) if len(tokens) % 3 == 0 else ord("Z"))
    engine = an_engine(FakeContext())
    run(engine, a_request(1, tokens))
    found = run(engine, scored(2, tokens, max_tokens))
    assert logprobs_of(found, 2) == pytest.approx(expected_logprobs(tokens), abs=1e-5)
    last = found.last(2)
    assert (last.finish, last.completion_tokens, last.cached_tokens) == ("length", max_tokens, 0)
    assert found.text(2) == expected_text(tokens, max_tokens)
    assert sum(len(output.logprobs) for output in found.outputs[2]) == max_tokens


def test_prompts_are_scored_beside_others() -> None:
    prompts = [prompt(f"{number} and so on, {'on and ' * (number % 3)}on") for number in range(9)]
    requests = [
        scored(number, tokens, 12) if number % 2 else a_request(number, tokens, 12)
        for number, tokens in enumerate(prompts)
    ]
    found = run(an_engine(FakeContext()), *requests)
    for number, tokens in enumerate(prompts):
        assert found.text(number) == expected_text(tokens, 12)
        assert logprobs_of(found, number) == pytest.approx(expected_logprobs(tokens) if number % 2 else [], abs=1e-5)


@pytest.mark.parametrize("pool_size", [2000, 460])
def test_a_prompt_that_had_to_make_way_is_scored_from_its_beginning(pool_size: int) -> None:
    others = [a_request(number, prompt(f"request {number}:"), 100) for number in range(3)]
    long = prompt("on and on " * 30)
    engine = an_engine(FakeContext(pool_size=pool_size))
    found = run(engine, *others, scored(3, long))
    assert (engine.stats().preemptions > 0) is (pool_size == 460)
    assert found.text(3) == expected_text(long, 3)
    assert logprobs_of(found, 3) == pytest.approx(expected_logprobs(long), abs=1e-5)


def test_a_prompt_whose_logits_are_no_numbers_fails_once() -> None:
    found = run(an_engine(FakeContext(poison=0)), scored(1, prompt("hello")))
    error = found.last(1).error
    assert error is not None
    assert error.message == "The model computed no number."
