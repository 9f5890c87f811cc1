import pytest

from dmr_desktop.engine.cores import Supply
from dmr_desktop.engine.threads import AdaptiveThreads


class Machine:
    """Cores and a clock that a test turns; ``others`` keep that many cores busy, ``niced`` ones at a low priority.

    Every one of ours and of the others gets the same share of the cores, a niced one a ``niced_share`` of that.
    """

    def __init__(self, cores: int, most: int, *, tells: bool = True) -> None:
        self.now = 0.0
        self.cores = cores
        self.others = self.niced = 0.0
        self.niced_share = 0.0
        self.looks = self.restarts = 0
        self._tells = tells
        self.threads = AdaptiveThreads(most, self, clock=lambda: self.now)

    def __call__(self) -> Supply | None:
        self.looks += 1
        if not self._tells:
            return None
        wanted = self.threads.count + self.others + self.niced * self.niced_share
        share = self.cores / max(self.cores, wanted)
        ours, others = self.threads.count * share, self.others * share
        niced = min(self.niced, self.cores - ours - others)
        return Supply(self.cores - others - niced, self.cores - others)

    def restart(self) -> None:
        self.restarts += 1

    def step(self, seconds: float = 0.3, rest: float = 0.0) -> int:
        """The count after a step of this length, begun so long after the last."""
        self.now += rest + seconds
        before = self.threads.count
        assert self.threads.adapt(seconds) == (self.threads.count != before)
        return self.threads.count

    def steps(self, count: int) -> list[int]:
        return [self.step() for _ in range(count)]


@pytest.mark.parametrize(("others", "count"), [(0.0, 7), (1.0, 7), (1.2, 7), (1.3, 6), (4.2, 4), (7.0, 1), (8.0, 1)])
def test_it_starts_with_the_cores_that_are_free(others: float, count: int) -> None:
    machine = Machine(8, most=7)
    machine.threads.count, machine.others = 0, others  # before it begins
    assert machine.threads.start() == count


def test_where_nothing_is_told_it_has_all() -> None:
    machine = Machine(4, most=4, tells=False)
    machine.others = 4
    assert machine.threads.start() == 4
    assert set(machine.steps(100)) == {4}
    assert AdaptiveThreads(4).start() == 4
    assert not AdaptiveThreads(4).adapt(1.0)


def test_a_quiet_machine_computes_with_all_threads_always() -> None:
    machine = Machine(2, most=2)
    machine.threads.start()
    assert set(machine.steps(1000)) == {2}


def test_it_looks_around_a_few_times_a_second_not_at_every_step() -> None:
    machine = Machine(2, most=2)
    for _ in range(100):
        machine.step(0.01)
    assert 3 <= machine.looks <= 5


def test_a_core_that_another_takes_is_left_to_it_and_taken_back() -> None:
    machine = Machine(2, most=2)
    machine.threads.start()
    machine.others = 1
    assert machine.steps(50) == [1] * 50
    machine.others = 0
    assert machine.step() == 2


def test_it_settles_where_a_compiler_takes_half_of_many_cores() -> None:
    machine = Machine(8, most=7)
    machine.threads.start()
    machine.others = 4
    counts = machine.steps(10)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 4
    machine.others = 0
    assert machine.step() == 7


def test_what_takes_a_small_part_of_a_core_costs_no_thread() -> None:
    machine = Machine(2, most=2)
    machine.threads.start()
    for machine.others in (0.2, 0.4, 0.3, 0.5):
        assert machine.step() == 2


def test_of_many_threads_all_wait_for_the_one_without_a_core() -> None:
    machine = Machine(8, most=8)
    machine.threads.start()
    machine.others = 0.5
    assert machine.step() == 7


def test_programs_of_the_lowest_priority_cost_no_thread() -> None:
    machine = Machine(2, most=2)
    machine.niced, machine.niced_share = 2, 0.02
    assert machine.threads.start() == 2
    assert set(machine.steps(200)) == {2}


def test_a_core_is_won_back_from_programs_of_the_lowest_priority() -> None:
    machine = Machine(2, most=2)
    machine.others = 2
    machine.threads.start()
    assert machine.step() == 1
    machine.others, machine.niced, machine.niced_share = 0, 2, 0.02
    counts = machine.steps(40)
    assert counts[-1] == 2
    assert counts == sorted(counts)


def test_programs_of_a_slightly_lower_priority_are_asked_only_now_and_then() -> None:
    machine = Machine(2, most=2)
    machine.niced, machine.niced_share = 2, 0.6
    machine.threads.start()
    counts = machine.steps(1000)
    assert counts.count(2) < 40


def test_what_others_did_while_nothing_was_computed_says_nothing() -> None:
    machine = Machine(2, most=2)
    machine.threads.start()
    machine.step()
    looks = machine.looks
    machine.others = 2
    assert machine.step(0.3, rest=5.0) == 2
    assert (machine.looks, machine.restarts) == (looks, 1)
    assert machine.step() == 1


def test_one_thread_stays_one_and_asks_nothing() -> None:
    for most in (1, 0):
        machine = Machine(8, most=most)
        assert machine.threads.start() == 1
        assert set(machine.steps(10)) == {1}
        assert machine.looks == 0
