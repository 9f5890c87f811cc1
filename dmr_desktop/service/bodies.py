"""Request bodies, read without keeping the other requests waiting.

What a small body says is worked out where it arrives, on the event loop. Checking a large one (a long conversation,
thousands of texts or token ids) takes so long that every stream of the service would stand still: a thread does that.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.types import Receive

from dmr_desktop.service.strict_json import parse_json

LARGE_BODY_BYTES = 32 * 1024

T = TypeVar("T")


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client left. The guard's limits hold."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return bytes(message.get("body", b""))
    pieces: list[bytes] = []
    while message["type"] == "http.request":
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
        message = await receive()
    return None


async def apart_if_large(num_bytes: int, work: Callable[[], T]) -> T:
    """``work()``, which reads what came in a body of ``num_bytes`` and touches nothing else."""
    return work() if num_bytes <= LARGE_BODY_BYTES else await asyncio.to_thread(work)


async def parsed(body: bytes) -> object:
    """:func:`.strict_json.parse_json` of it. Raises InvalidRequest."""
    return await apart_if_large(len(body), lambda: parse_json(body))
