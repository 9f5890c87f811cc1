"""Finished responses, in memory: what ``previous_response_id`` and ``GET /responses/{id}`` find.

Bounded three ways: number, bytes, age. The one not used for longest goes first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import cast

import orjson

from dmr_desktop.dialects.responses_memory import StoredItem, StoredResponse

MAX_RESPONSES = 1_000
MAX_BYTES = 64 * 1024 * 1024
MAX_AGE_SECONDS = 3600.0
"""Since it was last used. Docker Model Runner keeps its responses for as long."""


class ResponseStore:
    """A ``responses_memory.Memory``: one for the whole service, on its event loop."""

    def __init__(
        self,
        *,
        max_responses: int = MAX_RESPONSES,
        max_bytes: int = MAX_BYTES,
        max_age_seconds: float = MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_responses = max_responses
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._kept: OrderedDict[str, tuple[StoredResponse, int, float]] = OrderedDict()
        self._items: dict[str, StoredItem] = {}
        self._num_bytes = 0

    @property
    def num_bytes(self) -> int:
        return self._num_bytes

    def __len__(self) -> int:
        return len(self._kept)

    def response(self, response_id: str) -> StoredResponse | None:
        self._forget_old()
        found = self._kept.get(response_id)
        if found is None:
            return None
        response, num_bytes, _ = found
        self._kept[response_id] = (response, num_bytes, self._clock())
        self._kept.move_to_end(response_id)
        return response

    def item(self, item_id: str) -> Mapping[str, object] | None:
        self._forget_old()
        found = self._items.get(item_id)
        return cast(Mapping[str, object], orjson.loads(found.json)) if found is not None else None

    def keep(self, response: StoredResponse) -> None:
        """A response that is larger than all the room there is, is not kept."""
        num_bytes = response.num_bytes
        if num_bytes > self._max_bytes:
            return
        self._kept[response.id] = (response, num_bytes, self._clock())
        self._num_bytes += num_bytes
        self._items |= {item.id: item for item in (*response.input, *response.output)}
        self._forget_old()
        while self._num_bytes > self._max_bytes or len(self._kept) > self._max_responses:
            self.forget(next(iter(self._kept)))

    def forget(self, response_id: str) -> bool:
        """Whether there was one."""
        found = self._kept.pop(response_id, None)
        if found is None:
            return False
        response, num_bytes, _ = found
        self._num_bytes -= num_bytes
        for item in (*response.input, *response.output):
            if self._items.get(item.id) is item:  # a later response may have been given the same one
                del self._items[item.id]
        return True

    def _forget_old(self) -> None:
        oldest = self._clock() - self._max_age_seconds
        while self._kept:
            response_id, (_, _, used_at) = next(iter(self._kept.items()))
            if used_at >= oldest:
                return
            self.forget(response_id)
