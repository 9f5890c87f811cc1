from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.pace import PrefillPace
from dmr_desktop.engine.plan import Plan
from dmr_desktop.engine.scheduler import Scheduler
from dmr_desktop.engine.sequence import Sequence
from dmr_desktop.engine.slots import Slots
from dmr_desktop.engine.turns import PATIENCE_SECONDS, TURN_SECONDS
from tests.fakes.fake_llama import Cell, FakeContext, FakeVocabulary

N_BATCH = 100
LONG = TURN_SECONDS + PATIENCE_SECONDS


class Bench:
    """A scheduler over a fake memory; plans are carried out without a model."""

    def __init__(self, num_sequences: int = 4, pool_size: int = 10_000) -> None:
        self.context = FakeContext(num_sequences=num_sequences, pool_size=pool_size)
        self.slots = Slots(self.context)
        self.pace = PrefillPace(n_batch=N_BATCH, n_ubatch=40)
        self.now = 1000.0
        self.scheduler = Scheduler(self.slots, self.pace, n_batch=N_BATCH, pool_size=pool_size, clock=lambda: self.now)
        self.made = 0

    def add(self, length: int, common: int = 0, group: int | None = None) -> Sequence:
        """A sequence of ``length`` tokens of which the first ``common`` are those of all others."""
        self.made += 1
        tokens = [1] * common + [self.made + 1] * (length - common)
        sequence = Sequence(SequenceRequest(self.made, tokens, group=group), 10_000, FakeVocabulary(), None)
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

    def step(self, after: float = 0.0) -> Plan:
        self.now += after
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
    assert bench.scheduler.preempt_one()
    assert bench.scheduler.preempt_one()
    assert not bench.scheduler.preempt_one()
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
    bench.scheduler.preempt_one()
    while bench.slots.evict(1000):
        pass
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


# ---- turns ---------------------------------------------------------------------------------------------------------


def test_who_has_waited_gets_the_place_of_the_one_whose_turn_began_first() -> None:
    bench = Bench(num_sequences=2)
    first, second = bench.add(5), bench.add(5)
    bench.step()
    bench.step()
    waiting = bench.add(5)
    bench.step(after=PATIENCE_SECONDS - 1)
    assert bench.scheduler.running == [first, second]
    bench.step(after=TURN_SECONDS)
    assert bench.scheduler.running == [second, waiting]
    assert list(bench.scheduler.waiting) == [first]
    assert bench.scheduler.preemptions == 1


def test_nobody_makes_way_before_its_turn_is_over_nor_while_its_prompt_is_computed() -> None:
    bench = Bench(num_sequences=2)
    stream, prompt = bench.add(5), bench.add(5000)
    bench.step()
    bench.step()
    bench.add(5)
    bench.step(after=TURN_SECONDS - 1)
    assert bench.scheduler.running == [stream, prompt]
    bench.step(after=LONG)
    assert prompt in bench.scheduler.running
    bench.step(after=LONG)
    assert prompt in bench.scheduler.running


def test_without_anybody_who_waits_a_turn_has_no_end() -> None:
    bench = Bench(num_sequences=2)
    both = [bench.add(5), bench.add(5)]
    for _ in range(5):
        bench.step(after=10 * LONG)
    assert bench.scheduler.running == both
    assert bench.scheduler.preemptions == 0


def test_all_take_turns_and_all_get_on() -> None:
    bench = Bench(num_sequences=2)
    everybody = [bench.add(5) for _ in range(5)]
    for _ in range(200):
        bench.step(after=1.0)
    generated = [sequence.num_tokens - 5 for sequence in everybody]
    # 400 tokens for five; none is far from its share, and a turn is worth its name.
    assert min(generated) >= 40
    assert bench.scheduler.preemptions <= 2 * 200 / TURN_SECONDS


def test_the_choices_of_one_request_do_not_take_each_others_place() -> None:
    bench = Bench(num_sequences=2)
    first, second = bench.add(5, group=7), bench.add(5, group=7)
    bench.add(5, group=7)
    bench.step()
    bench.step()
    bench.step(after=LONG)
    assert bench.scheduler.running == [first, second]
    bench.add(5, group=8)
    bench.step(after=LONG)
    assert [sequence.group for sequence in bench.scheduler.running] == [7, 8]


def test_for_want_of_cells_as_many_make_way_as_it_needs_and_no_more() -> None:
    bench = Bench(num_sequences=4, pool_size=1000)
    large, small = bench.add(600), bench.add(50)
    for _ in range(20):
        bench.step()
    newcomer = bench.add(300)
    bench.step()
    assert bench.scheduler.running == [large, small]
    bench.step(after=LONG)
    assert bench.scheduler.running == [small, newcomer]
    assert list(bench.scheduler.waiting) == [large]


def test_one_that_needs_everything_gets_its_turn_when_all_have_had_theirs() -> None:
    bench = Bench(num_sequences=4, pool_size=1000)
    streams = [bench.add(50), bench.add(50)]
    bench.step()
    bench.step()
    giant = bench.add(990)
    bench.step(after=LONG)
    assert bench.scheduler.running == [giant]
    assert list(bench.scheduler.waiting) == streams


def test_a_paused_sequence_keeps_what_nobody_needs() -> None:
    bench = Bench(num_sequences=4, pool_size=1000)
    large, small = bench.add(800), bench.add(30)
    for _ in range(30):
        bench.step()
    newcomer = bench.add(100)
    bench.step(after=LONG)
    assert newcomer in bench.scheduler.running
    assert large not in bench.scheduler.running
    # What llama.cpp finds no room for is taken from the end.
    assert bench.slots.evict(100)
    bench.scheduler.remove(newcomer)
    bench.scheduler.remove(small)
    plan = bench.scheduler.schedule()
    assert bench.scheduler.running == [large]
    assert large.num_remaining <= 300
    assert chunks(plan)[1] == N_BATCH


def test_where_computing_again_takes_long_places_change_rarely() -> None:
    bench = Bench(num_sequences=2)
    for _ in range(2):
        bench.add(200)
    for _ in range(12):
        bench.step()
    bench.pace.observe(100, 10.0)
    first, second = bench.add(5), bench.add(5)
    bench.step(after=LONG)
    assert first in bench.scheduler.running
    # 200 tokens are about 20 seconds: three times that must pass before the next has to go.
    bench.step(after=50)
    assert second not in bench.scheduler.running
    bench.step(after=20)
    assert second in bench.scheduler.running


def test_who_was_served_least_comes_first_unless_another_waits_far_too_long() -> None:
    bench = Bench(num_sequences=1)
    first, second = bench.add(5), bench.add(5)
    bench.step()
    bench.step()
    bench.step(after=LONG)
    assert bench.scheduler.running == [second]
    newcomer = bench.add(5)
    for _ in range(3):
        bench.step(after=LONG / 2)
    assert bench.scheduler.running == [newcomer]
    assert list(bench.scheduler.waiting) == [first, second]
    bench.scheduler.remove(newcomer)
    bench.step()
    assert bench.scheduler.running == [first]
    for _ in range(15):
        if second in bench.scheduler.running:
            break
        bench.add(5)
        bench.step(after=10)
    assert second in bench.scheduler.running


def test_long_answers_change_places_ever_more_rarely() -> None:
    bench = Bench(num_sequences=1)
    both = [bench.add(5), bench.add(5)]
    counts = []
    for _ in range(4):
        for _ in range(100):
            bench.step(after=1.0)
        counts.append(bench.scheduler.preemptions)
    assert counts[0] >= 3
    assert counts[3] - counts[1] <= 5
    assert min(sequence.num_tokens for sequence in both) > 100


def test_full_cells_take_no_ones_turn_if_another_has_had_its_own() -> None:
    bench = Bench(num_sequences=2)
    first, second = bench.add(5), bench.add(5)
    bench.step()
    bench.step()
    waiting = bench.add(5)
    bench.step(after=LONG)
    assert bench.scheduler.running == [second, waiting]
    bench.step()
    assert bench.scheduler.preempt_one()
    assert bench.scheduler.running == [waiting]
    assert list(bench.scheduler.waiting) == [second, first]
