import random

import pytest

from dmr_desktop.engine.lone_decode import LoneDecode


class Machine:
    """Steps take what ``seconds`` says for a number of threads; its clock is the sum of all steps."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.noise = 0.0
        self.lone = LoneDecode(clock=lambda: self.now)
        self._random = random.Random(1)

    def run(self, steps: int, most: int) -> list[int]:
        used = []
        for _ in range(steps):
            count = self.lone.threads(most)
            used.append(count)
            took = self.seconds[count] * (1 + self.noise * self._random.random())
            self.now += took
            self.lone.took(took)
        return used


def test_where_memory_is_the_bound_half_of_the_threads_do() -> None:
    machine = Machine({8: 0.01, 4: 0.01})
    used = machine.run(1000, most=8)
    assert set(used[:5]) == {8}
    assert used[5:10] == [4] * 5
    assert set(used[20:]) == {4}


def test_where_threads_help_all_are_used_and_a_try_is_rare_and_short() -> None:
    machine = Machine({2: 0.01, 1: 0.02})
    used = machine.run(50_000, most=2)  # more than eight minutes
    assert set(used[20:]) == {2}
    assert used.count(1) == 10


def test_a_close_verdict_is_looked_at_again_each_minute() -> None:
    machine = Machine({2: 0.01, 1: 0.0105})
    assert machine.run(12_100, most=2).count(1) == 30
    machine.seconds = {2: 0.01, 1: 0.0100}
    machine.run(12_000, most=2)
    assert machine.lone.threads(2) == 1


@pytest.mark.parametrize(("fewer", "best"), [(0.009, 1), (0.013, 2)])
def test_noise_that_meets_both_alike_does_not_decide(fewer: float, best: int) -> None:
    for seed in range(20):
        machine = Machine({2: 0.01, 1: fewer})
        machine.noise = 0.2
        machine._random.seed(seed)
        machine.run(20, most=2)
        assert machine.lone.threads(2) == best


def test_single_outliers_do_not_decide() -> None:
    machine = Machine({2: 0.01, 1: 0.02})
    machine.run(3, most=2)
    machine.lone.took(5.0)
    machine.run(16, most=2)
    assert machine.lone.threads(2) == 2


def test_another_number_of_cores_is_another_question() -> None:
    machine = Machine({4: 0.01, 3: 0.01, 2: 0.01, 1: 0.03})
    assert machine.run(30, most=4)[-1] == 2
    assert machine.run(1, most=3) == [3]
    assert machine.run(30, most=3)[-1] == 3
    assert set(machine.run(30, most=1)) == {1}


def test_an_interrupted_trial_begins_anew() -> None:
    machine = Machine({2: 0.01, 1: 0.01})
    assert machine.run(8, most=2)[-1] == 1
    machine.lone.interrupted()
    assert machine.run(5, most=2) == [2] * 5
