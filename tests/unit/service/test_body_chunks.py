"""A body that a thread reads while it arrives: all of it in order, never much of it waiting, never for ever."""

import asyncio
import threading

import pytest
from starlette.types import Message

from dmr_desktop.protocol.errors import PayloadTooLarge
from dmr_desktop.service.body_chunks import MOST_WAITING_BYTES, BodyChunks
from dmr_desktop.store.blobs import Cancelled


class Client:
    """Sends ``messages``, then nothing. ``num_sent`` of them were taken."""

    def __init__(self, *messages: Message | Exception) -> None:
        self.messages = list(messages)
        self.num_sent = 0

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        if self.num_sent == len(self.messages):
            await asyncio.Event().wait()
        message = self.messages[self.num_sent]
        self.num_sent += 1
        if isinstance(message, Exception):
            raise message
        return message


def part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_all_of_it_in_order() -> None:
    pieces = [bytes([number % 256]) * (number * 997 % 70_000) for number in range(300)]
    client = Client(*(part(piece) for piece in pieces), part(b"end", more=False))
    got = await asyncio.to_thread(lambda chunks: b"".join(chunks), BodyChunks(client.receive))
    assert got == b"".join(pieces) + b"end"


@pytest.mark.parametrize("message", [part(b"", more=False), {"type": "http.request"}])
async def test_an_empty_body(message: Message) -> None:
    assert await asyncio.to_thread(list, BodyChunks(Client(message).receive)) == []


async def test_the_client_sends_no_faster_than_the_thread_takes() -> None:
    client = Client(*[part(bytes(1 << 20))] * 50, part(b"", more=False))
    chunks = BodyChunks(client.receive)
    may_go_on = threading.Event()

    def take() -> int:
        total = 0
        for data in chunks:
            assert len(data) < MOST_WAITING_BYTES + (1 << 20)
            may_go_on.wait(10)
            total += len(data)
        return total

    work = asyncio.create_task(asyncio.to_thread(take))
    for _ in range(200):
        await asyncio.sleep(0.001)
    assert client.num_sent <= 2 * (MOST_WAITING_BYTES >> 20) + 1
    may_go_on.set()
    assert await work == 50 << 20


@pytest.mark.parametrize(
    ("message", "error"), [({"type": "http.disconnect"}, Cancelled), (PayloadTooLarge("x"), PayloadTooLarge)]
)
async def test_what_ends_it_early(message: Message | Exception, error: type[Exception]) -> None:
    chunks = iter(BodyChunks(Client(part(b"begins"), message).receive))

    def take() -> bytes:
        return next(chunks, b"")

    assert await asyncio.to_thread(take) == b"begins"
    with pytest.raises(error):
        await asyncio.to_thread(take)


@pytest.mark.parametrize("ticks", [0, 5])
async def test_closing_frees_the_thread(ticks: int) -> None:
    chunks = BodyChunks(Client().receive)
    work = asyncio.create_task(asyncio.to_thread(list, chunks))
    for _ in range(ticks):
        await asyncio.sleep(0.01)
    chunks.close()
    with pytest.raises(Cancelled):
        await work
