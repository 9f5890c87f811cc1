"""The engine on the real llama.cpp with a tiny random model.

Batches of different shapes take different kernels (flash attention by tiles from 64 tokens on, for one),
which round differently: by up to 0.13 with this model, whose logits have standard deviation 3. The same
request alone and among others may so part at a token where the two best logits nearly tie. The tests
measure that difference on the very tokens in question, teacher-forced, and allow no other.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import llguidance
import numpy as np
import numpy.typing as npt
import psutil
import pytest

from dmr_desktop.engine import turns
from dmr_desktop.engine.api import SequenceOutput, SequenceRequest
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.llama import Context, Model
from dmr_desktop.engine.parked import Parking
from dmr_desktop.protocol.generation import SamplingParams
from tests.fakes.other_architectures import write_gemma2, write_mamba

GREEDY = SamplingParams(temperature=0)
SYSTEM = "the people and the water with great little sound " * 6


@pytest.fixture
def engine(tiny_model: Model) -> Iterator[Engine]:
    made = Engine.open(tiny_model, context_size=2048, num_sequences=8, threads=1)
    yield made
    made.close()


def tokens_of(model: Model, text: str) -> list[int]:
    return model.vocabulary.tokenize(text, add_special=True, parse_special=True)


def run(engine: Engine, *requests: SequenceRequest) -> dict[int, list[SequenceOutput]]:
    for request in requests:
        engine.submit(request)
    found: dict[int, list[SequenceOutput]] = {}
    for _ in range(5000):
        if engine.is_idle:
            return found
        for output in engine.step():
            found.setdefault(output.id, []).append(output)
    raise AssertionError("the engine never became idle")


def text_of(outputs: list[SequenceOutput]) -> str:
    return "".join(output.text for output in outputs)


def generated(engine: Engine, prompts: list[list[int]], count: int = 24) -> list[list[str]]:
    """The greedy tokens' texts for each prompt, all submitted together."""
    requests = [
        SequenceRequest(i, prompt, GREEDY, count, top_logprobs=0, ignore_eos=True) for i, prompt in enumerate(prompts)
    ]
    found = run(engine, *requests)
    return [[entry.token for output in found[i] for entry in output.logprobs] for i in range(len(prompts))]


def logits_after(model: Model, tokens: list[int], chunk: int, company: int = 0) -> npt.NDArray[np.float32]:
    """Logits of the last token, the sequence computed ``chunk`` tokens a batch.

    In each batch ``company`` tokens of another sequence come first.
    """
    pool_size = max(2048, 9 * len(tokens))
    context = Context(model, pool_size=pool_size, num_sequences=2, n_batch=1024, n_ubatch=512, threads=1)
    batch = context.batch
    try:
        for step, start in enumerate(range(0, len(tokens), chunk)):
            part = tokens[start : start + chunk]
            count = company + len(part)
            batch.tokens[:count] = [300] * company + part
            batch.positions[:company] = np.arange(step * company, (step + 1) * company)
            batch.positions[company:count] = np.arange(start, start + len(part))
            batch.seq_ids[:company] = 1
            batch.seq_ids[company:count] = 0
            batch.wanted[:count] = 0
            batch.wanted[count - 1] = 1
            assert context.decode(count)
        return context.logits(1).copy().reshape(-1)
    finally:
        context.close()


def assert_same_but_for_rounding(model: Model, prompt: list[int], alone: list[str], together: list[str]) -> None:
    if alone == together:
        return
    place = next(i for i, pair in enumerate(zip(alone, together, strict=True)) if pair[0] != pair[1])
    vocabulary = model.vocabulary
    # Of a byte and a piece with the same text the piece, which comes later in the vocabulary.
    spelled = range(vocabulary.size)
    ids = {vocabulary.piece(token, special=True).decode("utf-8", "replace"): token for token in spelled}
    forced = prompt + [ids[text] for text in alone[:place]]
    shapes = [logits_after(model, forced, *shape) for shape in ((1,), (512,), (1, 7), (40, 90), (512, 90))]
    rounding = max(float(np.abs(one - other).max()) for one in shapes for other in shapes)
    gap = abs(float(shapes[0][ids[alone[place]]] - shapes[0][ids[together[place]]]))
    assert rounding < 0.5
    assert gap <= 2 * rounding, f"at token {place} logits {gap} apart changed places; rounding explains {rounding}"


def open_for(model: Model, num_sequences: int) -> Engine:
    return Engine.open(model, context_size=1024, num_sequences=num_sequences, threads=1)


def assert_as_alone(model: Model, prompts: list[list[int]], together: list[list[str]]) -> None:
    for prompt, text in zip(prompts, together, strict=True):
        fresh = open_for(model, 1)
        (alone,) = generated(fresh, [prompt])
        fresh.close()
        assert_same_but_for_rounding(model, prompt, alone, text)


def test_together_as_alone(any_model: Model) -> None:
    engine = open_for(any_model, 8)
    prompts = [tokens_of(any_model, text) for text in ("the", "water came", SYSTEM, "a b c d e f", "great " * 30)]
    assert_as_alone(any_model, prompts, generated(engine, prompts))
    engine.close()


def test_a_shared_prefix_is_computed_once_and_changes_nothing(any_model: Model) -> None:
    engine = open_for(any_model, 8)
    system, vocabulary = tokens_of(any_model, SYSTEM), any_model.vocabulary
    prompts = [system + vocabulary.tokenize(f" {i}?", add_special=False, parse_special=False) for i in range(8)]
    together = generated(engine, prompts)
    stats = engine.stats()
    engine.close()
    # Seven followers reuse the system prompt (and the blank before the number, which all have).
    assert stats.prompt_tokens <= len(system) + 8 * 4
    assert stats.cached_tokens >= 7 * len(system)
    assert_as_alone(any_model, prompts, together)


def test_a_preempted_sequence_goes_on_where_it_was(tiny_model: Model) -> None:
    prompts = [tokens_of(tiny_model, text) for text in ("the", "water came", "sound")]
    # llama.cpp rounds the pool up to 256 cells: three sequences of about 150 do not fit.
    cramped = Engine.open(tiny_model, context_size=256, num_sequences=3, threads=1)
    together = generated(cramped, prompts, 150)
    assert cramped.stats().preemptions > 0
    cramped.close()
    roomy = Engine.open(tiny_model, context_size=2048, num_sequences=3, threads=1)
    for prompt, text, alone in zip(prompts, together, generated(roomy, prompts, 150), strict=True):
        assert len(text) == 150
        assert_same_but_for_rounding(tiny_model, prompt, alone, text)
    roomy.close()


def test_streams_that_take_turns_go_on_where_they_were(tiny_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(turns, "_PAUSE_SECONDS", 0.0)
    prompts = [tokens_of(tiny_model, text) for text in ("the", "water came", "sound", "great")]
    # Two slots, and cells for hardly more than one of the long ones.
    cramped = Engine.open(tiny_model, context_size=256, num_sequences=2, threads=1)
    together = generated(cramped, prompts, 150)
    assert cramped.stats().preemptions > 1
    cramped.close()
    roomy = Engine.open(tiny_model, context_size=2048, num_sequences=4, threads=1)
    for prompt, text, alone in zip(prompts, together, generated(roomy, prompts, 150), strict=True):
        assert len(text) == 150
        assert_same_but_for_rounding(tiny_model, prompt, alone, text)
    roomy.close()


def test_stop_strings_across_tokens(tiny_model: Model, engine: Engine) -> None:
    prompt = tokens_of(tiny_model, "water")
    pieces = generated(engine, [prompt])[0]
    text = "".join(pieces)
    # From the middle of one token to the middle of a later one.
    start = next(i for i in range(4, 20) if len(pieces[i]) > 1)
    begin = len("".join(pieces[:start])) + 1
    stop = text[begin : begin + len(pieces[start]) + 1]
    (outputs,) = run(engine, SequenceRequest(1, prompt, GREEDY, 24, stop=(stop,))).values()
    assert text_of(outputs) == text[: text.index(stop)]
    assert (outputs[-1].finish, outputs[-1].stop) == ("stop", stop)
    assert outputs[-1].completion_tokens < 24


def test_text_is_what_the_tokens_spell(tiny_model: Model, engine: Engine) -> None:
    sampling = SamplingParams(temperature=1.5, seed=4, logit_bias=dict.fromkeys(range(7, 263), 6.0))
    request = SequenceRequest(1, tokens_of(tiny_model, "the"), sampling, 120, top_logprobs=0)
    (outputs,) = run(engine, request).values()
    data = b"".join(bytes(entry.token_bytes) for output in outputs for entry in output.logprobs)
    assert any(byte > 127 for byte in data), "the bias should have brought byte tokens"
    assert text_of(outputs) == data.decode("utf-8", "replace")


def test_log_probabilities_are_of_the_whole_vocabulary(tiny_model: Model, engine: Engine) -> None:
    request = SequenceRequest(1, tokens_of(tiny_model, "the"), SamplingParams(seed=1), 5, top_logprobs=1000)
    (outputs,) = run(engine, request).values()
    for entry in (entry for output in outputs for entry in output.logprobs):
        assert len(entry.top) == tiny_model.vocabulary.size
        assert sum(math.exp(top.logprob) for top in entry.top) == pytest.approx(1, abs=1e-3)
        assert entry.logprob == pytest.approx(
            next(top.logprob for top in entry.top if top.token_bytes == entry.token_bytes), abs=1e-6
        ) or any(top.logprob == entry.logprob for top in entry.top)


def test_the_first_log_probability_is_that_of_the_logits(tiny_model: Model, engine: Engine) -> None:
    prompt = tokens_of(tiny_model, SYSTEM)
    (outputs,) = run(engine, SequenceRequest(1, prompt, GREEDY, 1, top_logprobs=0)).values()
    exact = logits_after(tiny_model, prompt, 512).astype(np.float64)
    best = exact.max() - np.log(np.exp(exact).sum())
    assert outputs[0].logprobs[0].logprob == pytest.approx(best, abs=0.1)


def test_seeds_make_texts_repeatable(tiny_model: Model, engine: Engine) -> None:
    prompt = tokens_of(tiny_model, "the water")

    def sample(seed: int | None) -> str:
        (outputs,) = run(engine, SequenceRequest(1, prompt, SamplingParams(seed=seed), 30)).values()
        return text_of(outputs)

    sample(0)
    # The prompt is now cached: from here on all runs compute the same batches.
    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(4)} | {sample(None)}) == 5


def test_a_cancelled_sequence_frees_its_slot(tiny_model: Model) -> None:
    engine = Engine.open(tiny_model, context_size=512, num_sequences=1, threads=1)
    engine.submit(SequenceRequest(1, tokens_of(tiny_model, "the"), GREEDY, 400))
    engine.submit(SequenceRequest(2, tokens_of(tiny_model, "water"), GREEDY, 3))
    for _ in range(5):
        engine.step()
    engine.cancel(1)
    found = run(engine)
    assert found[1][-1].finish == "cancelled"
    assert found[2][-1].finish == "length"
    engine.close()


def test_too_long_and_just_fitting_prompts(tiny_model: Model) -> None:
    engine = Engine.open(tiny_model, context_size=256, num_sequences=2, threads=1)
    found = run(engine, SequenceRequest(1, [300] * 256, GREEDY, 5), SequenceRequest(2, [300] * 255, GREEDY, None))
    error = found[1][0].error
    assert error is not None
    assert error.code == "context_length_exceeded"
    assert "256 tokens" in error.message
    assert (found[2][-1].finish, found[2][-1].completion_tokens) == ("length", 1)
    engine.close()


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "kind": {"enum": ["water", "sound", "people"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
    },
    "required": ["name", "age", "kind", "tags"],
    "additionalProperties": False,
}


def grammar_of(schema: dict[str, object]) -> str:
    return llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})


def test_constrained_json_always_parses(tiny_model: Model, engine: Engine) -> None:
    prompt = tokens_of(tiny_model, "a ticket: ")
    requests = [
        SequenceRequest(seed, prompt, SamplingParams(temperature=seed / 3, seed=seed), 300, grammar=grammar_of(SCHEMA))
        for seed in range(6)
    ]
    for outputs in run(engine, *requests).values():
        value = json.loads(text_of(outputs))
        assert set(value) == {"name", "age", "kind", "tags"}
        assert 0 <= value["age"] <= 150
        assert value["kind"] in ("water", "sound", "people")
        assert outputs[-1].finish == "stop"
    stats = engine.stats()
    assert stats.forced_tokens > stats.generated_tokens / 4


def test_a_compiled_constraint_serves_as_well_and_log_probabilities_cover_every_token(
    tiny_model: Model, engine: Engine
) -> None:
    request = SequenceRequest(1, tokens_of(tiny_model, "x"), GREEDY, 300, top_logprobs=0)
    request.constraint = engine.compile_grammar(grammar_of({"enum": ["people"]}))
    (outputs,) = run(engine, request).values()
    assert text_of(outputs) == '"people"'
    assert sum(len(output.logprobs) for output in outputs) == outputs[-1].completion_tokens
    assert all(entry.logprob < 0 for output in outputs for entry in output.logprobs)


def test_a_grammar_with_a_special_token(tiny_model: Model, engine: Engine) -> None:
    request = SequenceRequest(1, tokens_of(tiny_model, "x"), GREEDY, 50, visible_tokens=frozenset({5, 6}))
    request.grammar = 'start: <tool_call> "{\\"n\\":" /[0-9]{2}/ "}" </tool_call>'
    (outputs,) = run(engine, request).values()
    assert text_of(outputs).startswith('<tool_call>{"n":')
    assert text_of(outputs).endswith("}</tool_call>")


@pytest.mark.parametrize(
    "text", ["<tool_call>", "a<tool_call>b", "</tool_call></tool_call>", "<<tool_call>", "<|im_end|>", "<tool_call"]
)
def test_what_is_forced_as_text_is_no_special_token(tiny_model: Model, engine: Engine, text: str) -> None:
    request = SequenceRequest(
        1, tokens_of(tiny_model, "x"), GREEDY, 50, grammar=grammar_of({"enum": [text, f"{text}!"]})
    )
    (outputs,) = run(engine, request).values()
    assert outputs[-1].error is None
    assert json.loads(text_of(outputs)) in (text, f"{text}!")


def test_a_grammar_that_ends_in_an_open_text_ends_by_the_end_token(tiny_model: Model, engine: Engine) -> None:
    sampling = SamplingParams(temperature=0, logit_bias={4: 100.0})
    request = SequenceRequest(1, tokens_of(tiny_model, "x"), sampling, 50, grammar="start: /[0-9]+/", ignore_eos=True)
    (outputs,) = run(engine, request).values()
    assert text_of(outputs).isdigit()
    assert outputs[-1].finish == "stop"


def test_a_cut_constrained_output_ends_by_length(tiny_model: Model, engine: Engine) -> None:
    request = SequenceRequest(1, tokens_of(tiny_model, "x"), GREEDY, 3, grammar=grammar_of(SCHEMA))
    (outputs,) = run(engine, request).values()
    assert (outputs[-1].finish, outputs[-1].completion_tokens) == ("length", 3)
    assert '{"name":"'.startswith(text_of(outputs))


@pytest.mark.parametrize("grammar", ["start: <no_such_token>", "start: (", "", "{", "x" * (1 << 20)])
def test_a_bad_grammar_is_refused_and_harms_nobody(tiny_model: Model, engine: Engine, grammar: str) -> None:
    prompt = tokens_of(tiny_model, "x")
    requests = [SequenceRequest(1, prompt, GREEDY, 3, grammar=grammar), SequenceRequest(2, prompt, GREEDY, 3)]
    found = run(engine, *requests)
    error = found[1][-1].error
    assert error is not None
    assert error.code == "invalid_request_error"
    assert found[2][-1].finish == "length"


@pytest.mark.parametrize("write", [write_mamba, write_gemma2])
def test_other_memories_share_what_they_can_and_never_lie(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "model.gguf")
    model = Model.load(tmp_path / "model.gguf", gpu_layers=0)
    parking = Parking(most_bytes=1 << 30)
    engine = Engine.open(model, context_size=512, num_sequences=3, threads=1, parking=parking)
    first = tokens_of(model, SYSTEM)
    answer = generated(engine, [first, first[:40], [*first[:40], 400]], 40)[0]
    # A second turn, and a fork from the middle of it: cells of the window are long gone there.
    vocabulary = model.vocabulary
    said = vocabulary.tokenize("".join(answer), add_special=False, parse_special=False)
    forks = [first + said + [300, 301], [*first, 302], [*first[:50], 303]]
    for fork in forks:
        (text,) = generated(engine, [fork], 12)
        fresh = Engine.open(model, context_size=512, num_sequences=1, threads=1)
        (alone,) = generated(fresh, [fork], 12)
        fresh.close()
        assert_same_but_for_rounding(model, fork, alone, text)
    engine.close()
    model.close()


def test_a_quiet_engine_tidies_up_and_conversations_go_on(any_model: Model) -> None:
    engine = Engine.open(any_model, context_size=1024, num_sequences=4, threads=1, parking=Parking(most_bytes=1 << 30))
    prompts = [tokens_of(any_model, f"{number} {SYSTEM}") for number in range(3)]
    generated(engine, prompts, 4)
    before = engine.stats()
    assert [engine.tidy() for _ in range(3)] == [True, True, False]
    assert engine.stats().kv_cells_used < before.kv_cells_used / 2
    following = [[*tokens, 300] for tokens in prompts]
    found = generated(engine, following, 12)
    assert engine.stats().prompt_tokens - before.prompt_tokens <= 3 * len(prompts)
    fresh = open_for(any_model, 1)
    for tokens, text in zip(following, found, strict=True):
        (alone,) = generated(fresh, [tokens], 12)
        assert_same_but_for_rounding(any_model, tokens, alone, text)
    fresh.close()
    engine.close()


@pytest.mark.parametrize("is_eager", [True, False])
def test_a_parked_conversation_goes_on_as_if_it_had_stayed(any_model: Model, is_eager: bool) -> None:
    parking = Parking(most_bytes=1 << 30, is_eager=is_eager)
    engine = Engine.open(any_model, context_size=1024, num_sequences=1, threads=1, parking=parking)
    first = tokens_of(any_model, SYSTEM * 6)
    assert len(first) > 256
    (said,) = generated(engine, [first])
    generated(engine, [tokens_of(any_model, "a b c d e f")], 2)
    assert engine.stats().kv_cells_used < 50, "the first one's cells are still there"
    answer = any_model.vocabulary.tokenize("".join(said), add_special=False, parse_special=False)
    following = [*first, *answer, 300]
    before = engine.stats().prompt_tokens
    (text,) = generated(engine, [following])
    computed = engine.stats().prompt_tokens - before
    assert computed <= len(following) - len(first) + 1
    fresh = open_for(any_model, 1)
    (alone,) = generated(fresh, [following])
    fresh.close()
    engine.close()
    assert_same_but_for_rounding(any_model, following, alone, text)


def test_parked_ends_behind_a_common_beginning_are_what_they_were(any_model: Model) -> None:
    engine = Engine.open(any_model, context_size=2048, num_sequences=4, threads=1, parking=Parking(1 << 30))
    common = tokens_of(any_model, SYSTEM * 6)
    assert len(common) > 256
    firsts = [[*common, *[number] * 80] for number in (300, 301, 302)]
    generated(engine, [common], 1)
    generated(engine, firsts, 1)
    generated(engine, [tokens_of(any_model, "a b c d e f")], 2)
    assert engine.stats().kv_cells_used < 50, "their cells are still there"
    followings = [[*first, 303, 304] for first in firsts]
    before = engine.stats().prompt_tokens
    texts = [generated(engine, [following])[0] for following in followings]
    assert engine.stats().prompt_tokens - before <= 3 * 4
    fresh = open_for(any_model, 1)
    for following, text in zip(followings, texts, strict=True):
        (alone,) = generated(fresh, [following])
        assert_same_but_for_rounding(any_model, following, alone, text)
    fresh.close()
    engine.close()


def test_a_part_is_saved_and_comes_back_to_the_bit(tiny_model: Model) -> None:
    context = Context(tiny_model, pool_size=1024, num_sequences=2, n_batch=1024, n_ubatch=512, threads=1)
    assert context.can_save_parts
    count, batch = 300, context.batch
    batch.tokens[:count], batch.positions[:count], batch.seq_ids[:count] = np.arange(count), np.arange(count), 0
    batch.wanted[:count] = np.arange(count) == count - 1
    assert context.decode(count)
    whole, end = context.save(0, 1 << 30), context.save(0, 1 << 30, 200)
    assert whole is not None
    assert end is not None
    assert end.nbytes < 0.4 * whole.nbytes
    assert context.save(0, end.nbytes - 1, 200) is None
    assert context.restore(1, whole)
    # Each cell is saved with the number of its sequence.
    expected = context.save(1, 1 << 30)
    assert context.keep_prefix(1, 200)
    assert context.restore(1, end, 200)
    assert np.array_equal(context.save(1, 1 << 30), expected)  # type: ignore[arg-type]
    # There is no room for it beside the others: they stay as they are.
    small = Context(tiny_model, pool_size=256, num_sequences=2, n_batch=256, n_ubatch=256, threads=1)
    start = context.save(1, 1 << 30) if context.keep_prefix(1, 200) else None
    assert start is not None
    assert small.restore(0, start)
    assert not small.restore(0, end, 200)
    rest = small.save(0, 1 << 30)
    assert rest is not None
    assert rest.nbytes == start.nbytes
    small.close()
    context.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody counts shared memory")
def test_what_is_saved_counts_as_memory_of_its_process(tiny_model: Model) -> None:
    context = Context(tiny_model, pool_size=1024, num_sequences=1, n_batch=1024, n_ubatch=512, threads=1)
    count, batch = 1000, context.batch
    batch.tokens[:count], batch.positions[:count], batch.seq_ids[:count] = 300, np.arange(count), 0
    batch.wanted[:count] = np.arange(count) == count - 1
    assert context.decode(count)
    before = psutil.Process().memory_info()
    data = context.save(0, 1 << 30)
    after = psutil.Process().memory_info()
    context.close()
    assert data is not None
    assert after.rss - before.rss > data.nbytes / 2
    # Shared pages would be taken for the model's file, which the system can drop.
    assert after.shared - before.shared < data.nbytes / 2


def test_where_no_memory_is_free_nothing_is_parked(tiny_model: Model) -> None:
    engine = Engine.open(tiny_model, context_size=1024, num_sequences=2, threads=1, parking=Parking(most_bytes=1000))
    first = tokens_of(tiny_model, SYSTEM * 4)
    generated(engine, [first], 2)
    generated(engine, [tokens_of(tiny_model, "a b c d e f")], 2)
    assert engine.stats().kv_cells_used > len(first)
    engine.close()


def test_a_long_prompt_beside_a_stream_does_not_hold_it_up(tiny_model: Model, engine: Engine) -> None:
    engine.submit(SequenceRequest(1, tokens_of(tiny_model, "the"), GREEDY, 1000))
    while not engine.step():
        pass
    engine.submit(SequenceRequest(2, [300, 301] * 900, GREEDY, 1))
    steps = 0
    while True:
        outputs = {output.id for output in engine.step()}
        assert 1 in outputs
        steps += 1
        if 2 in outputs:
            break
    assert steps >= 3


@pytest.mark.parametrize(("schema", "finish"), [({"type": "number"}, "stop"), ({"type": "string"}, "length")])
def test_a_number_ends_and_a_text_need_not(
    tiny_model: Model, engine: Engine, schema: dict[str, object], finish: str
) -> None:
    (three,) = tiny_model.vocabulary.tokenize("3", False, False)[-1:]
    sampling = SamplingParams(temperature=0, logit_bias={three: 100.0})
    request = SequenceRequest(1, tokens_of(tiny_model, "x"), sampling, 100, grammar=grammar_of(schema))
    (outputs,) = run(engine, request).values()
    assert outputs[-1].finish == finish
    assert "333" in text_of(outputs)
