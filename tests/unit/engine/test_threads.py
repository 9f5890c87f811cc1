from dmr_desktop.engine.threads import AdaptiveThreads


class Machine:
    """Steps take what ``seconds`` says for a number of threads; its clock is the sum of all steps."""

    def __init__(self, most: int, seconds: dict[int, float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.scale = 1.0
        self.threads = AdaptiveThreads(most, clock=lambda: self.now)

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
