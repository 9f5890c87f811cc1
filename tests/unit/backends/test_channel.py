"""The service's end of the channel against answers that a healthy runner never gives."""

import asyncio
import base64
import struct
from typing import Any

import orjson
import pytest

from dmr_desktop.backends import channel
from dmr_desktop.backends.channel import RunnerChannel
from dmr_desktop.protocol.errors import InvalidRequest, RunnerCrashed, RunnerError
from dmr_desktop.protocol.frames import FrameSplitter, frame
from dmr_desktop.protocol.generation import (
    Failed,
    Finished,
    GenerationRequest,
    TextDelta,
    TextPrompt,
    TokenLogprob,
    TopLogprob,
    Usage,
)
from dmr_desktop.protocol.wire import dump, dump_event

REQUEST = GenerationRequest(TextPrompt("hi"))


class FakeTransport(asyncio.WriteTransport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


class Rig:
    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.transport = FakeTransport()
        self.channel = RunnerChannel(self.complaints.append)
        self.channel.connection_made(self.transport)

    def says(self, message: object) -> None:
        self.channel.data_received(frame(orjson.dumps(message)))

    def sent(self) -> list[dict[str, Any]]:
        return [orjson.loads(payload) for payload in FrameSplitter().feed(bytes(self.transport.written))]


@pytest.fixture
async def rig() -> Rig:
    return Rig()


def row(number: int, event: Any) -> list[Any]:
    return [number, *dump_event(event)]


@pytest.mark.parametrize(
    "message",
    [
        "ready",
        5,
        None,
        {},
        {"op": "sing"},
        {"op": "ready", "facts": {"context_size": "large"}},
        {"op": "failed", "error": "no"},
        {"op": "tokens", "id": 1, "tokens": ["a"]},
        {"op": "tokens", "id": "1", "tokens": []},
        {"op": "embedded", "id": 1, "vectors": "!!", "dim": 1, "count": 1, "prompt_tokens": 1},
        {"op": "embedded", "id": 1, "vectors": "AAAA", "dim": 1, "count": 1, "prompt_tokens": 1},
        {"op": "embedded", "id": 1, "vectors": "", "dim": 0, "count": 0, "prompt_tokens": 1},
        {"op": "embedded", "id": 1},
        {"op": "ranked", "id": 1, "scores": [None], "are_probabilities": False, "prompt_tokens": 1},
        {"op": "ranked", "id": 1, "scores": [1.0]},
        [5],
        [[]],
        [["1", "t", 0, "x"]],
        [[1, "?", 0]],
    ],
)
async def test_nonsense_is_reported_once_and_ends_the_channel(rig: Rig, message: object) -> None:
    rig.says(message)
    assert len(rig.complaints) == 1
    assert rig.transport.is_closed


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n", frame(b"\xff\xfe"), frame(b'{"op":')])
async def test_bytes_that_are_no_messages(rig: Rig, data: bytes) -> None:
    rig.channel.data_received(data)
    assert len(rig.complaints) == 1


async def test_events_reach_their_own_streams_in_groups(rig: Rig) -> None:
    (one, first), (two, second) = rig.channel.open_stream(dump(REQUEST)), rig.channel.open_stream(dump(REQUEST))
    end = Finished(Usage(1, 1))
    rig.says([row(one, TextDelta("a")), row(two, TextDelta("b")), row(one, end), row(99, TextDelta("whose?"))])
    assert await first.next() == (TextDelta("a"), end)
    assert await second.next() == (TextDelta("b"),)
    assert rig.channel.num_open == 1
    rig.channel.close_stream(two)
    rig.channel.close_stream(one)
    assert [message["op"] for message in rig.sent()] == ["generate", "generate", "cancel"]
    rig.says([row(two, TextDelta("late"))])
    assert rig.complaints == []


async def test_groups_that_wait_are_joined(rig: Rig) -> None:
    number, stream = rig.channel.open_stream(dump(REQUEST))
    rig.says([row(number, TextDelta("a"))])
    rig.says([row(number, TextDelta("b"))])
    assert await stream.next() == (TextDelta("a"), TextDelta("b"))


async def test_many_tokens_come_in_pieces(rig: Rig) -> None:
    asked = [asyncio.create_task(rig.channel.ask("tokenize")) for _ in range(2)]
    await asyncio.sleep(0)
    rig.says({"op": "tokens", "id": 1, "tokens": [1, 2], "more": True})
    rig.says({"op": "tokens", "id": 2, "tokens": [7], "more": True})
    rig.says({"op": "tokens", "id": 3, "tokens": [9], "more": True})
    asked[1].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rig.says({"op": "tokens", "id": 2, "tokens": [8], "more": True})
    rig.says({"op": "tokens", "id": 1, "tokens": [3]})
    assert await asked[0] == [1, 2, 3]
    assert rig.channel._parts == {}
    assert rig.complaints == []


async def test_a_runner_that_never_ends_its_tokens_is_ended(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_MAX_TOKENS", 3)
    asked = asyncio.create_task(rig.channel.ask("tokenize"))
    await asyncio.sleep(0)
    for _ in range(3):
        rig.says({"op": "tokens", "id": 1, "tokens": [1, 2], "more": True})
    assert rig.transport.is_closed
    assert len(rig.complaints) == 1
    asked.cancel()


async def test_answers_and_errors_reach_who_asked(rig: Rig) -> None:
    asked = [asyncio.create_task(rig.channel.ask(op)) for op in ("embed", "tokenize", "stats", "tokenize")]
    await asyncio.sleep(0)
    vectors = base64.b64encode(struct.pack("<4f", 1, 2, 3, 4)).decode()
    rig.says({"op": "embedded", "id": 1, "vectors": vectors, "dim": 2, "count": 2, "prompt_tokens": 7})
    rig.says({"op": "tokens", "id": 2, "tokens": [1, 2]})
    rig.says({"op": "stats", "id": 3, "stats": {"running": 1}})
    rig.says({"op": "error", "id": 4, "error": dump(InvalidRequest("no", param="prompt").info)})
    found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert found[0].vectors == ((1.0, 2.0), (3.0, 4.0))
    assert found[0].prompt_tokens == 7
    assert found[1:3] == [[1, 2], {"running": 1}]
    assert isinstance(found[3], InvalidRequest)
    assert found[3].param == "prompt"
    assert rig.channel.num_open == 0


def embedded(number: int, *vectors: tuple[float, float], more: bool) -> dict[str, Any]:
    packed = base64.b64encode(b"".join(struct.pack("<2f", *vector) for vector in vectors)).decode()
    return {"op": "embedded", "id": number, "vectors": packed, "dim": 2, "count": len(vectors), "prompt_tokens": 7} | (
        {"more": True} if more else {}
    )


async def test_vectors_that_come_in_pieces(rig: Rig) -> None:
    asked = [asyncio.create_task(rig.channel.ask("embed")) for _ in range(3)]
    await asyncio.sleep(0)
    rig.says(embedded(1, (1, 2), (3, 4), more=True))
    rig.says(embedded(2, (9, 9), more=False))
    rig.says(embedded(3, (0, 0), more=True))
    asked[2].cancel()
    await asyncio.sleep(0)
    rig.says(embedded(3, (0, 0), more=False))
    rig.says(embedded(1, (5, 6), more=False))
    found: list[Any] = await asyncio.gather(*asked[:2])
    assert found[0].vectors == ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))
    assert (found[0].prompt_tokens, found[1].vectors) == (7, ((9.0, 9.0),))
    assert not rig.channel._vectors


async def test_vectors_without_end_are_nonsense(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_MAX_NUMBERS", 3)
    asked = asyncio.create_task(rig.channel.ask("embed"))
    await asyncio.sleep(0)
    for _ in range(3):
        rig.says(embedded(1, (1, 2), more=True))
    assert rig.transport.is_closed
    assert len(rig.complaints) == 1
    asked.cancel()


async def test_the_end_is_told_to_all_and_to_those_who_come_later(rig: Rig) -> None:
    _, stream = rig.channel.open_stream(dump(REQUEST))
    asked = asyncio.create_task(rig.channel.ask("stats"))
    await asyncio.sleep(0)
    rig.channel.end(RunnerCrashed("it died").info)
    rig.channel.end(RunnerError("too late").info)
    assert await stream.next() == (Failed(RunnerCrashed("it died").info),)
    for question in (asked, rig.channel.ask("stats")):
        with pytest.raises(RunnerCrashed, match="it died"):
            await question
    _, late = rig.channel.open_stream(dump(REQUEST))
    assert await late.next() == (Failed(RunnerCrashed("it died").info),)
    with pytest.raises(RunnerCrashed):
        await rig.channel.ready


@pytest.mark.parametrize("op", ["embed", "rerank"])
async def test_a_dropped_question_is_cancelled_where_it_costs(rig: Rig, op: str) -> None:
    asked = asyncio.create_task(rig.channel.ask(op))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert [message["op"] for message in rig.sent()] == [op, "cancel"]


async def test_who_has_read_all_is_no_slow_reader_however_much_comes_at_once(rig: Rig) -> None:
    number, stream = rig.channel.open_stream(dump(REQUEST))
    logprob = TokenLogprob("a", b"a", -0.5)
    for _ in range(3):
        rig.says([row(number, TextDelta("a", logprobs=(logprob,) * 20_000))])
        (event,) = await stream.next()
        assert isinstance(event, TextDelta)
    assert rig.channel.num_open == 1


async def test_probabilities_weigh_in_what_a_slow_reader_leaves(rig: Rig) -> None:
    number, stream = rig.channel.open_stream(dump(REQUEST))
    logprob = TokenLogprob("a", b"a", -0.5, tuple(TopLogprob("b", b"b", -1.0) for _ in range(20)))
    for _ in range(1000):
        rig.says([row(number, TextDelta("a", logprobs=(logprob,)))])
    assert rig.channel.num_open == 0
    events = await stream.next()
    assert isinstance(events[-1], Failed)
    assert events[-1].error.code == "slow_reader"
    assert 700 < len(events) < 800
