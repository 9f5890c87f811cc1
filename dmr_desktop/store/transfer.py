"""What the transfer of a model needs, whichever way it goes and wherever the other end is."""

import threading
from collections.abc import Callable
from typing import TypeVar

from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.fetch import Open, fetch_layer
from dmr_desktop.store.manifest import Descriptor
from dmr_desktop.store.progress import LayerProgress
from dmr_desktop.store.retry import Patience, patiently
from dmr_desktop.store.workers import Workers

_T = TypeVar("_T")


class Transfer:
    """The store's blobs, who hears of it, the threads that are its own, and its patience with the other end.

    ``progress`` is called from several threads, never from two at once.
    """

    def __init__(
        self, blobs: BlobStore, progress: Callable[[Progress], None], workers: Workers, patience: Patience
    ) -> None:
        self.blobs = blobs
        self.workers = workers
        self.patience = patience
        self._progress = progress
        self._lock = threading.Lock()

    @property
    def stopped(self) -> threading.Event:
        return self.workers.stopped

    def tell(self, line: Progress) -> None:
        with self._lock:
            self._progress(line)

    def ask(self, question: Callable[[], _T]) -> _T:
        """What the other end answers, tried a few times. Raises what ``question`` raises, and :class:`Cancelled`."""
        return patiently(question, self.patience, self.stopped)

    def fetch(self, layer: Descriptor, open_at: Open, total: int) -> None:
        """Have ``layer``, one of ``total`` bytes, in the blobs. Raises as :func:`.fetch.fetch_layer`."""
        shown = LayerProgress(layer, total, self.tell, "Downloaded")
        fetch_layer(self.blobs, layer, open_at, shown, self.patience, self.stopped)
