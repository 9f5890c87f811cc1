import asyncio
from functools import partial

from dmr_desktop.service.bus import MAX_PENDING, Bus


async def test_everybody_gets_everything_in_order() -> None:
    bus = Bus()
    with bus.subscribe() as one, bus.subscribe() as two:
        bus.publish("tcp", lambda: {"a": 1})
        bus.publish("pull", lambda: {"b": 2}, item="x")
        for subscription in (one, two):
            assert await subscription.fetch(1) == b'event: tcp\ndata: {"a":1}\n\nevent: pull\ndata: {"b":2}\n\n'


async def test_a_newer_notice_of_a_section_replaces_the_older() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        for number in range(1000):
            bus.publish("telemetry", partial(int, number))
            bus.publish("pull", partial(int, number), item=str(number % 2))
        assert await subscription.fetch(1) == (
            b"event: pull\ndata: 998\n\nevent: telemetry\ndata: 999\n\nevent: pull\ndata: 999\n\n"
        )


async def test_a_slow_listener_is_bounded() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        for number in range(MAX_PENDING * 3):
            bus.publish("request", partial(int, number), item=str(number))
        frames = (await subscription.fetch(1) or b"").split(b"\n\n")[:-1]
    assert len(frames) == MAX_PENDING
    assert frames[-1].endswith(b"data: %d" % (MAX_PENDING * 3 - 1))


async def test_nothing_is_made_when_nobody_listens() -> None:
    bus = Bus()
    made: list[int] = []
    bus.publish("tcp", lambda: made.append(1))
    with bus.subscribe():
        pass
    bus.publish("tcp", lambda: made.append(2))
    assert made == []
    assert not bus.has_listeners


async def test_waiting_ends_with_time_with_news_and_with_the_bus() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        assert await subscription.fetch(0.01) == b""
        waiting = asyncio.create_task(subscription.fetch(10))
        await asyncio.sleep(0)
        bus.publish("stopping", dict)
        bus.close()
        assert await waiting == b"event: stopping\ndata: {}\n\n"
        assert subscription.is_over


async def test_who_is_slow_gets_the_last_words_too() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        bus.publish("stopping", dict)
        bus.close()  # while what came before is still being written
        assert await subscription.fetch(1) == b"event: stopping\ndata: {}\n\n"
        assert await subscription.fetch(1) is None
        assert await subscription.fetch(1) is None


async def test_a_section_that_somebody_does_not_want() -> None:
    bus = Bus()
    with bus.subscribe(frozenset({"telemetry"})) as quiet:
        assert bus.wants("tcp")
        assert not bus.wants("telemetry")
        bus.publish("telemetry", lambda: 1 / 0)  # not even made
        with bus.subscribe() as curious:
            assert bus.wants("telemetry")
            bus.publish("telemetry", lambda: 1)
            bus.publish("tcp", lambda: 2)
            assert await quiet.fetch(1) == b"event: tcp\ndata: 2\n\n"
            assert (await curious.fetch(1) or b"").startswith(b"event: telemetry\n")
