"""The machine's memory and seats, waited for until a model that is to be loaded has its share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from dmr_desktop.protocol.runners import RunnerKey
from dmr_desktop.service.placement import Evict, Go, Machine, Tenant, Wait, decide

_LOOK_AGAIN_SECONDS = 1.0  # other programs give memory back without telling us


class Room:
    """Decides nothing itself (that is :mod:`.placement`'s) and knows no runner: ``tenants`` says who has a seat
    besides a newcomer, ``unload`` makes idle ones go and waits until they have."""

    def __init__(
        self,
        seats: int,
        available: Callable[[], int],
        tenants: Callable[[RunnerKey], Sequence[Tenant]],
        unload: Callable[[Sequence[RunnerKey]], Awaitable[None]],
    ) -> None:
        self._seats = seats
        self._available = available
        self._tenants = tenants
        self._unload = unload
        self._waiting: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """A tenant came, went, or is idle now: who waits looks again."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait_for(self, newcomer: RunnerKey, need_bytes: int) -> None:
        """Until there is room, at the moment this returns: the caller takes it before it awaits anything else.

        Raises DoesNotFit.
        """
        while True:
            machine = Machine(self._seats, self._available())
            match decide(need_bytes, self._tenants(newcomer), machine):
                case Go():
                    return
                case Evict(keys):
                    await self._unload(keys)
                case Wait():
                    await self._change()

    async def _change(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await future
        finally:
            self._waiting.discard(future)
