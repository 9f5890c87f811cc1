"""The side of the TCP door towards the local network: where it listens, while addresses come and go.

Opened and closed by :class:`~.tcp_switch.TcpSwitch`, which also remembers the wish. Nobody gets in here without the
API key.
"""

import asyncio
import logging
from collections.abc import Callable

from dmr_desktop.protocol.errors import Conflict
from dmr_desktop.protocol.notices import NetworkStatus
from dmr_desktop.service.api_keys import ApiKeys
from dmr_desktop.service.listeners import Listeners

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
NO_NETWORK = "this computer is in no local network at the moment"
NO_KEY = "the API key is gone: make a new one"


class NetworkDoor:
    """``find`` tells the addresses to listen at. ``announce`` is called after every change of ``status``.

    The caller of a coroutine holds ``changing``, by which the door also keeps out of its way.
    """

    def __init__(
        self,
        keys: ApiKeys,
        find: Callable[[], tuple[str, ...]],
        changing: asyncio.Lock,
        announce: Callable[[NetworkStatus], None],
    ) -> None:
        self._keys = keys
        self._find = find
        self._changing = changing
        self._announce = announce
        self._watch: asyncio.Task[None] | None = None
        self._port = 0
        self.status = NetworkStatus(key=keys.source)

    @property
    def has_key(self) -> bool:
        return self._keys.source != "none"

    async def open(self, listeners: Listeners, port: int) -> None:
        """Listen at all addresses, and follow them. Raises Conflict if the port is taken at every one of them."""
        found = await listeners.open_lan(await asyncio.to_thread(self._find), port)
        self._set(enabled=True, addresses=found, error="" if found else NO_NETWORK)
        self._begin_watch(listeners, port)

    async def resume(self, listeners: Listeners, port: int) -> None:
        """As :meth:`open`, but what stands in the way is told in ``status`` only, and tried again."""
        if not self.has_key:
            log.warning("the local network stays out: %s", NO_KEY)
            self._set(enabled=True, error=NO_KEY)
            return
        try:
            await self.open(listeners, port)
        except Conflict as error:
            log.warning("the local network cannot reach the service yet: %s", error.message)
            self._set(enabled=True, error=error.message)
            self._begin_watch(listeners, port)

    async def close(self, listeners: Listeners | None) -> None:
        """Requests under way are answered to their end."""
        self.stop()
        if listeners is not None:
            await listeners.close_lan()
        self._set(enabled=False)

    def stop(self) -> None:
        """Nothing is followed any more."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()

    def use_key(self, key: str) -> None:
        """Raises Conflict; see :meth:`ApiKeys.replace`."""
        self._keys.replace(key)
        self._set(enabled=self.status.enabled, addresses=self.status.addresses, error=self.status.error)

    def wish(self, enabled: bool) -> None:
        """What was wanted before this start; nothing is opened by it."""
        self.status = NetworkStatus(enabled, key=self._keys.source)

    def _begin_watch(self, listeners: Listeners, port: int) -> None:
        self._port = port
        if self._watch is None:
            self._watch = asyncio.create_task(self._follow(listeners))

    async def _follow(self, listeners: Listeners) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            async with self._changing:
                try:
                    await self.open(listeners, self._port)
                except Conflict as error:
                    self._set(enabled=True, error=error.message)
                except OSError as error:  # the system did not say which addresses there are: those so far stay
                    log.warning("the local network's addresses cannot be looked up: %s", error)

    def _set(self, *, enabled: bool, addresses: tuple[str, ...] = (), error: str = "") -> None:
        status = NetworkStatus(enabled, addresses, error, self._keys.source)
        if status != self.status:
            if addresses != self.status.addresses:
                log.info("the local network can reach the service: %s", ", ".join(addresses) or "no more")
            self.status = status
            self._announce(status)
