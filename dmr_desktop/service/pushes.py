"""Pushes under way: joined and limited as pulls are. They change nothing here, so nobody else is told."""

import threading
from collections.abc import Callable
from typing import Protocol

from dmr_desktop.protocol.models import Progress
from dmr_desktop.service.transfers import Transfers


class Pusher(Protocol):
    """What this needs of the store."""

    def normalise(self, reference: str) -> str: ...

    def push(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...


class Pushes(Transfers):
    def __init__(self, store: Pusher) -> None:
        super().__init__("push", store.push, normalise=store.normalise, announce=lambda _: None, on_done=lambda: None)
