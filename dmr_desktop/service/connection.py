"""Work that is worth doing only while its client is there."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from starlette.types import Receive


async def run_while_connected(
    receive: Receive,
    work: Coroutine[object, object, None],
    *,
    waiting: Callable[[], Awaitable[None]] | None = None,
    patience_seconds: float = 0.0,
) -> None:
    """Run ``work`` as a task; cancel it when the client leaves. Its exceptions come out here.

    The body must have been read. ``waiting`` is called every ``patience_seconds`` that the work goes on.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(receive))
    timeout = patience_seconds if waiting is not None else None
    try:
        while not task.done() and not gone.done():
            await asyncio.wait({task, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if waiting is not None and not task.done() and not gone.done():
                await waiting()
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.wait({task, gone})
    try:
        if not task.cancelled():
            task.result()
    finally:
        del task  # which has the exception, which has this frame: in circles they would wait for the garbage collector


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
