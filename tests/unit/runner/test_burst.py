"""The rest of a burst is waited for, a lone request never."""

import threading
from queue import SimpleQueue

from dmr_desktop.runner.burst import rest_of_burst

SECONDS = 5


def test_a_lone_request_waits_for_nobody() -> None:
    asked = []
    inbox: SimpleQueue[str] = SimpleQueue()
    assert list(rest_of_burst(inbox, lambda: bool(asked.append(1)))) == []
    assert asked == [1]


def test_what_is_there_already_comes_along() -> None:
    inbox: SimpleQueue[str] = SimpleQueue()
    inbox.put("second")
    inbox.put("third")
    assert list(rest_of_burst(inbox, lambda: False)) == ["second", "third"]


def test_what_is_being_made_ready_is_waited_for() -> None:
    inbox: SimpleQueue[int] = SimpleQueue()
    to_come = [2, 3, 4]

    def is_more_coming() -> bool:
        if to_come:
            inbox.put(to_come.pop(0))
            return True
        return False

    assert list(rest_of_burst(inbox, is_more_coming)) == [2, 3, 4]


def test_nothing_comes_of_a_refused_one_and_the_wait_ends() -> None:
    inbox: SimpleQueue[int] = SimpleQueue()
    answers = [True, True, False]
    assert list(rest_of_burst(inbox, lambda: answers.pop(0))) == []
    assert answers == []


def test_a_long_one_is_not_waited_for() -> None:
    found: list[list[int]] = []
    waiter = threading.Thread(
        target=lambda: found.append(list(rest_of_burst(SimpleQueue(), lambda: True))), daemon=True
    )
    waiter.start()
    waiter.join(SECONDS)
    assert found == [[]]
