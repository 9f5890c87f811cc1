"""Notices from whoever knows to whoever listens on ``/events``; see :mod:`dmr_desktop.protocol.notices`.

A section's notice replaces an older one of the same section that a subscriber has not fetched yet, so a
slow listener costs a bounded amount of memory and sees the newest state, never a backlog.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

MAX_PENDING = 256


class Subscription:
    """One listener's notices that wait to be fetched, at most :data:`MAX_PENDING`; the oldest give way.

    Those of the sections ``unwanted`` never come.
    """

    __slots__ = ("_arrived", "_pending", "is_over", "unwanted")

    def __init__(self, unwanted: frozenset[str] = frozenset()) -> None:
        self.is_over = False
        self.unwanted = unwanted
        self._pending: dict[str, bytes] = {}
        self._arrived = asyncio.Event()

    def put(self, key: str, frame: bytes) -> None:
        self._pending.pop(key, None)
        self._pending[key] = frame
        if len(self._pending) > MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
        self._arrived.set()

    def end(self) -> None:
        """Nothing comes after what waits."""
        self.is_over = True
        self._arrived.set()

    async def fetch(self, timeout_seconds: float) -> bytes | None:
        """Everything that waits, as one piece of an event stream; b"" if nothing came in time, None at the end."""
        if self.is_over and not self._pending:
            return None
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._arrived.wait()
        except TimeoutError:
            return b""
        self._arrived.clear()
        frames = b"".join(self._pending.values())
        self._pending.clear()
        return frames or None


class Bus:
    """Publish and subscribe. Owned by the event loop."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    @property
    def has_listeners(self) -> bool:
        return bool(self._subscriptions)

    def wants(self, section: str) -> bool:
        """Whether anybody listens to notices of this section."""
        return any(section not in subscription.unwanted for subscription in self._subscriptions)

    def close(self) -> None:
        """Every listener gets what waits, then its end."""
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribe(self, unwanted: frozenset[str] = frozenset()) -> Iterator[Subscription]:
        subscription = Subscription(unwanted)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, section: str, value: Callable[[], object], *, item: str = "") -> None:
        """``value`` makes the data, only if somebody listens. ``item`` tells notices of a section apart."""
        if not self.wants(section):
            return
        frame = event_frame(section, value())
        for subscription in self._subscriptions:
            if section not in subscription.unwanted:
                subscription.put(f"{section}:{item}", frame)


def event_frame(section: str, data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (section.encode(), orjson.dumps(data))
