import pytest

from dmr_desktop.engine.threads import AdaptiveThreads


class Machine:
    """Steps take what ``seconds`` says for a number of threads; its clock is the sum of all steps.

    ``supply`` is the number of free cores, None where that cannot be told.
    """

    def __init__(self, most: int, seconds: dict[int, float], supply: float | None = None) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.scale = 1.0
        self.supply = supply
        self.threads = AdaptiveThreads(most, clock=lambda: self.now, free_cores=lambda: self.supply)

    def run(self, steps: int, rows: int = 1) -> list[int]:
        used = []
        for _ in range(steps):
            used.append(self.threads.count)
            took = self.seconds[self.threads.count] * self.scale
            self.now += took
            self.threads.observe(rows, took)
        return used


def test_a_quiet_machine_keeps_all_threads_and_rarely_tries_fewer() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    used = machine.run(10_000)
    assert machine.threads.count == 2
    assert used.count(1) < 100


def test_while_all_cores_are_known_to_be_free_fewer_threads_are_not_tried() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02}, supply=2.0)
    assert machine.run(10_000).count(1) == 0
    machine.seconds = {2: 1.0, 1: 0.02}
    machine.supply = 1.0
    machine.run(20)
    assert machine.threads.count == 1


def test_a_collapse_is_left_within_a_few_steps() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    machine.run(100)
    machine.seconds = {2: 1.0, 1: 0.02}
    assert machine.run(4)[2:] == [1, 1]
    machine.run(20)
    assert machine.threads.count == 1


def test_a_machine_that_was_busy_from_the_start_gets_fewer_threads() -> None:
    machine = Machine(2, {2: 0.5, 1: 0.02})
    machine.run(20)
    assert machine.threads.count == 1


def test_all_threads_come_back_when_it_is_quiet_again() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    machine.run(100)
    machine.seconds = {2: 1.0, 1: 0.02}
    machine.run(2000)
    assert machine.threads.count == 1
    machine.seconds = {2: 0.01, 1: 0.02}
    machine.run(20_000)
    assert machine.threads.count == 2


def test_vain_tries_become_rare() -> None:
    machine = Machine(2, {2: 1.0, 1: 0.02})
    machine.run(30)
    used = machine.run(20_000)
    assert machine.threads.count in (1, 2)
    assert used.count(2) < 20


def test_after_a_short_disturbance_all_cores_are_back_within_seconds() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    machine.run(100)
    machine.seconds = {2: 0.5, 1: 0.02}
    machine.run(20)
    assert machine.threads.count == 1
    machine.seconds = {2: 0.01, 1: 0.02}
    machine.run(100)  # two seconds with one thread
    assert machine.threads.count == 2


def test_longer_contexts_are_not_taken_for_a_collapse() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    machine.run(200)
    machine.scale = 5.0
    used = machine.run(1000)
    assert used.count(1) < 50
    assert machine.threads.count == 2


def test_one_outlier_changes_nothing() -> None:
    machine = Machine(4, {4: 0.01, 3: 0.013})
    machine.run(300)
    before = machine.threads.count
    machine.scale = 50.0
    machine.run(1)
    machine.scale = 1.0
    machine.run(1)
    assert machine.threads.count == before == 4


def test_steps_of_different_kinds_are_not_compared() -> None:
    machine = Machine(2, {2: 0.01, 1: 0.02})
    machine.run(100, rows=1)
    machine.scale = 8.0
    used = machine.run(100, rows=16)
    assert used.count(1) <= 5


def test_one_thread_stays_one() -> None:
    threads = AdaptiveThreads(1)
    assert not any(threads.observe(1, seconds) for seconds in (0.01, 10.0, 10.0, 10.0, 10.0, 10.0))
    assert threads.count == 1
    assert AdaptiveThreads(0).count == 1


@pytest.mark.parametrize(("supply", "count"), [(None, 8), (8.0, 8), (20.0, 8), (3.8, 4), (3.5, 3), (0.3, 1)])
def test_it_starts_with_the_cores_that_are_free(supply: float | None, count: int) -> None:
    assert AdaptiveThreads(8, free_cores=lambda: supply).start() == count


def test_a_busy_machine_is_never_asked_for_more_than_it_has() -> None:
    machine = Machine(2, {2: 3.0, 1: 0.02}, supply=0.6)
    machine.threads.start()
    assert set(machine.run(5000)) == {1}
    machine.supply, machine.seconds = 2.0, {2: 0.01, 1: 0.02}
    machine.run(5000)
    assert machine.threads.count == 2


def test_one_very_slow_step_is_enough_when_the_cores_are_known_to_be_busy() -> None:
    machine = Machine(8, {8: 0.01, 7: 0.011, 5: 0.015}, supply=8.0)
    machine.threads.start()
    machine.run(100)
    machine.seconds, machine.supply = {8: 2.0, 5: 0.015, 4: 0.02}, 5.0
    assert machine.run(3) == [8, 5, 5]


def test_more_threads_that_are_no_help_are_given_up_after_one_bad_step() -> None:
    machine = Machine(2, {2: 3.0, 1: 0.02}, supply=1.0)
    machine.threads.start()
    machine.run(50)
    machine.supply = 2.0
    used = machine.run(2000)
    assert 1 <= used.count(2) <= 4
    assert machine.threads.count == 1
