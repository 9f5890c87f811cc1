"""Pulls under way: joined, limited, shown to every window."""

import threading
from collections.abc import Callable
from typing import Protocol

from dmr_desktop.protocol.models import Progress
from dmr_desktop.protocol.notices import PullStatus
from dmr_desktop.service.transfers import Transfers


class Puller(Protocol):
    """What this needs of the store."""

    def normalise(self, reference: str) -> str: ...

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str: ...


class Pulls(Transfers):
    """``announce`` gets a status a few times a second; ``on_stored`` is called when a model has come."""

    def __init__(self, store: Puller, announce: Callable[[PullStatus], None], on_stored: Callable[[], None]) -> None:
        super().__init__("pull", store.pull, normalise=store.normalise, announce=announce, on_done=on_stored)
