from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.plan import Plan
from dmr_desktop.engine.scheduler import Scheduler
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slots import Slots
from tests.fakes.fake_llama import Cell, FakeContext, FakeVocabulary

N_BATCH = 100


class Bench:
    """A scheduler over a fake memory; plans are carried out without a model."""

    def __init__(self, num_sequences: int = 4, pool_size: int = 10_000) -> None:
        self.context = FakeContext(num_sequences=num_sequences, pool_size=pool_size)
        self.slots = Slots(self.context)
        pace = PrefillPace(n_batch=N_BATCH, n_ubatch=40)
        self.scheduler = Scheduler(self.slots, pace, n_batch=N_BATCH, pool_size=pool_size)
        self.made = 0

    def add(self, length: int, common: int = 0) -> Sequence:
        """A sequence of ``length`` tokens of which the first ``common`` are those of all others."""
        self.made += 1
        tokens = [1] * common + [self.made + 1] * (length - common)
        sequence = Sequence(SequenceRequest(self.made, tokens), 10_000, FakeVocabulary(), None)
        self.scheduler.add(sequence)
        return sequence

    def carry_out(self, plan: Plan) -> None:
        for sequence, count in [*((sequence, 1) for sequence in plan.decoding), *plan.chunks]:
            assert sequence.slot is not None
            self.context.cells[sequence.slot.id] += [Cell(0)] * count
            sequence.slot.computed += count
        for sequence in plan.outputs:
            sequence.tokens[sequence.num_tokens] = 7
            sequence.num_tokens += 1
            sequence.report()

    def step(self) -> Plan:
        plan = self.scheduler.schedule()
        self.carry_out(plan)
        return plan


def chunks(plan: Plan) -> dict[int, int]:
    return {sequence.id: count for sequence, count in plan.chunks}


def test_nothing_to_do_is_an_empty_plan() -> None:
    assert Bench().scheduler.schedule().num_tokens == 0


def test_a_short_prompt_is_computed_at_once_and_then_streams() -> None:
    bench = Bench()
    sequence = bench.add(10)
    first, second = bench.step(), bench.step()
    assert (chunks(first), first.outputs, first.decoding) == ({1: 10}, [sequence], [])
    assert (second.decoding, second.outputs, second.num_tokens, second.chunks) == ([sequence], [sequence], 1, [])


def test_a_long_prompt_is_cut_into_batches_and_only_the_last_brings_logits() -> None:
    bench = Bench()
    sequence = bench.add(250)
    plans = [bench.step() for _ in range(3)]
    assert [plan.num_tokens for plan in plans] == [100, 100, 50]
    assert [plan.outputs for plan in plans] == [[], [], [sequence]]


def test_streams_come_first_and_prompts_take_less_room_beside_them() -> None:
    bench = Bench()
    stream = bench.add(5)
    bench.step()
    bench.add(90)
    plan = bench.step()
    assert plan.outputs == [stream]
    assert plan.decoding == [stream]
    assert chunks(plan) == {2: 40}


def test_a_long_prompt_gets_half_and_short_ones_do_not_wait_for_it() -> None:
    bench = Bench()
    bench.add(1000)
    bench.add(60)
    short = bench.add(20)
    plan = bench.step()
    assert chunks(plan) == {1: 50, 3: 20, 2: 30}
    assert plan.outputs == [short]
    assert chunks(bench.step()) == {1: 20, 2: 20}


def test_the_whole_batch_is_used_when_the_others_need_less() -> None:
    bench = Bench()
    bench.add(1000)
    bench.add(10)
    assert chunks(bench.step()) == {1: 90, 2: 10}


def test_planning_twice_changes_nothing() -> None:
    bench = Bench()
    bench.add(30)
    bench.add(20)
    one, two = bench.scheduler.schedule(), bench.scheduler.schedule()
    assert (chunks(one), one.outputs) == (chunks(two), two.outputs)


def test_more_sequences_than_slots_wait_in_order() -> None:
    bench = Bench(num_sequences=2)
    first, second, third = (bench.add(5) for _ in range(3))
    bench.step()
    assert bench.scheduler.running == [first, second]
    assert list(bench.scheduler.waiting) == [third]
    bench.scheduler.remove(first)
    bench.step()
    assert bench.scheduler.running == [second, third]


def test_what_would_not_fit_the_cells_waits() -> None:
    bench = Bench(pool_size=300)
    first, second = bench.add(150), bench.add(150)
    bench.step()
    assert bench.scheduler.running == [first]
    bench.scheduler.remove(first)
    bench.step()
    assert bench.scheduler.running == [second]


def test_shared_cells_count_once() -> None:
    bench = Bench(pool_size=300)
    for _ in range(3):
        bench.add(150, common=145)
    bench.step()
    assert len(bench.scheduler.running) == 3


def test_a_single_sequence_is_admitted_whatever_its_size() -> None:
    bench = Bench(pool_size=100)
    sequence = bench.add(99)
    bench.step()
    assert bench.scheduler.running == [sequence]


def test_followers_plan_nothing_until_the_common_part_is_there() -> None:
    bench = Bench()
    bench.add(150, common=120)
    follower = bench.add(130, common=120)
    assert chunks(bench.step()) == {1: 100}
    assert chunks(bench.step()) == {1: 50}
    plan = bench.step()
    assert chunks(plan) == {2: 10}
    assert follower.cached_tokens == 120


def test_the_youngest_is_preempted_and_nobody_admitted_until_one_ends() -> None:
    bench = Bench(num_sequences=3)
    old, young, waiting = bench.add(5), bench.add(5), bench.add(5)
    bench.step()
    assert bench.scheduler.preempt_youngest() is waiting
    assert bench.scheduler.preempt_youngest() is young
    assert bench.scheduler.preempt_youngest() is None
    assert list(bench.scheduler.waiting) == [young, waiting]
    bench.step()
    assert bench.scheduler.running == [old]
    bench.scheduler.remove(old)
    bench.step()
    assert bench.scheduler.running == [young, waiting]


def test_a_preempted_stream_is_computed_again_at_the_pace_of_a_prompt() -> None:
    bench = Bench()
    other, young = bench.add(5), bench.add(95)
    for _ in range(3):
        bench.step()
    bench.scheduler.preempt_youngest()
    bench.scheduler.remove(other)
    generated = young.num_tokens - 95
    assert chunks(bench.step()) == {2: 95 + generated}
    assert bench.step().decoding == [young]


def test_forced_tokens_of_a_stream_go_before_prompts() -> None:
    bench = Bench()
    stream = bench.add(5)
    bench.step()
    stream.tokens[stream.num_tokens : stream.num_tokens + 3] = 8
    stream.num_tokens += 3
    bench.add(500)
    plan = bench.scheduler.schedule()
    assert next(iter(chunks(plan).items())) == (1, 4)
    assert plan.outputs == [stream]
    assert chunks(plan)[2] == 40
