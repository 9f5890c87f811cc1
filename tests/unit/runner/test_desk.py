"""The desk and the reader together: one slow request holds up nobody but those behind it."""

import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.wire import WireError
from dmr_desktop.runner.desk import Desk, HandOver, Message, answer_tokens
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.reader import Reader

SECONDS = 5


class Sent:
    """In place of a channel."""

    def __init__(self) -> None:
        self.messages: SimpleQueue[Any] = SimpleQueue()

    def send(self, message: object) -> None:
        self.messages.put(message)

    def next(self) -> Any:
        return self.messages.get(timeout=SECONDS)


class Model:
    """Prepares what is called ``slow`` until ``go`` is set, and refuses what is called ``bad``."""

    def __init__(self, outbox: Outbox) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.prepared: list[int] = []
        self.cancelled: list[int] = []
        self._outbox = outbox

    def prepare(self, message: Message) -> HandOver:
        self.prepared.append(message["id"])
        match message.get("is"):
            case "slow":
                self.began.set()
                assert self.go.wait(SECONDS)
            case "bad":
                raise InvalidRequest("no such thing", param="messages")
            case "nonsense":
                raise WireError("no object")
            case "broken":
                raise ZeroDivisionError("division by zero")
        return lambda: self._outbox.put_message({"op": "done", "id": message["id"]})

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def stats(self) -> dict[str, JSON]:
        return {"running": 1}


def until_false(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while is_true():
        assert time.monotonic() < until
        time.sleep(0.001)


class Parts:
    def __init__(self) -> None:
        self.sent = Sent()
        self.incoming: SimpleQueue[Message | None] = SimpleQueue()
        outbox = Outbox(self.sent)  # type: ignore[arg-type]
        self.model = Model(outbox)
        self.desk = Desk(self.model, outbox)
        self.reader = Reader(iter(self.incoming.get, None), outbox)
        for work in (outbox.run, self.desk.run, self._read):
            threading.Thread(target=work, daemon=True).start()

    def say(self, **message: Any) -> None:
        self.incoming.put(message)

    def _read(self) -> None:
        # Not Reader.run, which ends the process.
        while (message := self.incoming.get()) is not None:
            self.reader._dispatch(message)


@pytest.fixture
def parts() -> Iterator[Parts]:
    made = Parts()
    made.reader.serve(made.model, made.desk)
    yield made
    made.model.go.set()
    made.incoming.put(None)


def test_questions_are_answered_while_a_request_is_prepared(parts: Parts) -> None:
    parts.say(op="generate", id=1, **{"is": "slow"})
    assert parts.model.began.wait(SECONDS)
    parts.say(op="stats", id=2)
    assert parts.sent.next() == {"op": "stats", "id": 2, "stats": {"running": 1}}
    parts.model.go.set()
    assert parts.sent.next() == {"op": "done", "id": 1}


def test_cancelled_while_it_is_prepared_it_is_not_handed_over(parts: Parts) -> None:
    parts.say(op="generate", id=1, **{"is": "slow"})
    parts.say(op="generate", id=2)
    parts.say(op="generate", id=3)
    assert parts.model.began.wait(SECONDS)
    parts.say(op="cancel", id=1)
    parts.say(op="cancel", id=2)
    parts.say(op="stats", id=9)
    assert parts.sent.next()["op"] == "stats"
    parts.model.go.set()
    assert parts.sent.next() == {"op": "done", "id": 3}
    assert parts.model.prepared == [1, 3]
    assert parts.model.cancelled == [1, 2]


def test_it_is_busy_until_the_last_is_handed_over(parts: Parts) -> None:
    assert not parts.desk.is_busy
    parts.say(op="generate", id=1, **{"is": "slow"})
    assert parts.model.began.wait(SECONDS)
    assert parts.desk.is_busy
    parts.model.go.set()
    assert parts.sent.next() == {"op": "done", "id": 1}
    parts.say(op="generate", id=2, **{"is": "bad"})
    assert parts.sent.next()[0][0] == 2
    parts.say(op="stats", id=9)
    assert parts.sent.next()["op"] == "stats"
    until_false(lambda: parts.desk.is_busy)


def test_cancelled_while_it_is_prepared_it_no_longer_keeps_it_busy(parts: Parts) -> None:
    parts.say(op="generate", id=1, **{"is": "slow"})
    assert parts.model.began.wait(SECONDS)
    parts.say(op="cancel", id=1)
    parts.say(op="stats", id=9)
    assert parts.sent.next()["op"] == "stats"
    assert not parts.desk.is_busy


def test_it_is_busy_while_it_hands_over() -> None:
    """Else the engine would start in the instant between the two, without the last of a burst."""
    seen: list[bool] = []
    handed_over = threading.Event()

    class Told(Model):
        def prepare(self, message: Message) -> HandOver:
            return hand_over

    def hand_over() -> None:
        seen.append(desk.is_busy)
        handed_over.set()

    outbox = Outbox(Sent())  # type: ignore[arg-type]
    desk = Desk(Told(outbox), outbox)
    threading.Thread(target=desk.run, daemon=True).start()
    desk.put({"op": "generate", "id": 1})
    assert handed_over.wait(SECONDS)
    assert seen == [True]


def test_cancelled_behind_its_hand_over_the_model_hears_of_it(parts: Parts) -> None:
    parts.say(op="generate", id=1)
    assert parts.sent.next() == {"op": "done", "id": 1}
    parts.say(op="cancel", id=1)
    parts.say(op="stats", id=9)
    assert parts.sent.next()["op"] == "stats"
    assert parts.model.cancelled == [1]


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("bad", "invalid_request_error", "no such thing"),
        ("nonsense", "invalid_request_error", "the request cannot be understood: no object"),
        ("broken", "runner_error", "the request could not be prepared"),
    ],
)
def test_what_cannot_be_prepared_is_refused_alone(parts: Parts, kind: str, code: str, text: str) -> None:
    parts.say(op="generate", id=1, **{"is": kind})
    [row] = parts.sent.next()
    assert row[:4] == [1, "e", code, text]
    parts.say(op="tokenize", id=2, **{"is": kind})
    answer = parts.sent.next()
    assert (answer["op"], answer["id"], answer["error"]["message"]) == ("error", 2, text)
    parts.say(op="generate", id=3)
    assert parts.sent.next() == {"op": "done", "id": 3}


def test_before_there_is_a_model() -> None:
    parts = Parts()
    parts.say(op="stats", id=1)
    assert parts.sent.next() == {"op": "stats", "id": 1, "stats": {}}
    parts.say(op="tokenize", id=2, prompt={})
    assert parts.sent.next()["error"]["message"] == "the model is still being loaded"
    parts.say(op="tokenize")
    parts.say(op="stats", id=3)
    assert parts.sent.next()["id"] == 3
    parts.incoming.put(None)


@pytest.mark.parametrize("count", [0, 1, 32_000, 32_001, 100_000])
def test_many_tokens_are_answered_in_pieces(count: int) -> None:
    sent = Sent()
    outbox = Outbox(sent)  # type: ignore[arg-type]
    threading.Thread(target=outbox.run, daemon=True).start()
    tokens = list(range(count))
    answer_tokens(outbox, 5, tokens)
    found: list[int] = []
    while (answer := sent.next()).get("more"):
        assert len(answer["tokens"]) == 32_000
        found += answer["tokens"]
    assert answer["id"] == 5
    assert found + answer["tokens"] == tokens
