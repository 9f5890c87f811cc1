"""One layer into the store, whatever its partial file holds and the line does.

Where the bytes come from is the caller's: a function that opens a layer at an offset. Counting, hashing, resuming and
patience are the same for every source.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from dmr_desktop.protocol.errors import DoesNotFit, RegistryError
from dmr_desktop.store.blobs import BlobStore, Cancelled, Partial, WrongContent
from dmr_desktop.store.manifest import Descriptor
from dmr_desktop.store.progress import LayerProgress
from dmr_desktop.store.retry import Attempts, Patience, RangeRefused, Temporary

Open: TypeAlias = Callable[[Descriptor, int], AbstractContextManager[Iterator[bytes]]]
"""The bytes of a layer from an offset on. Raises :class:`Temporary` and the protocol's errors."""

_MIN_PROGRESS_BYTES = 64 * 1024
"""What a try must bring to count as progress: less, and a registry could keep us busy for ever."""
_DISK_RESERVE_BYTES = 16 << 20


def fetch_layer(
    blobs: BlobStore,
    layer: Descriptor,
    open_at: Open,
    shown: LayerProgress,
    patience: Patience,
    stopped: threading.Event,
) -> None:
    """Have ``layer`` in ``blobs``. Raises :class:`RegistryError`, :class:`StoreError`, :class:`Cancelled`."""
    num_wrong = 0
    with blobs.receive(layer, stopped) as partial:
        attempts = Attempts(patience, patience.attempts, stopped)
        furthest = 0 if partial is None else partial.offset
        while partial is not None:
            try:
                if partial.offset < layer.size:
                    _transfer(partial, open_at, shown, stopped)
                partial.finish(stopped)
                return
            except WrongContent:
                num_wrong += 1
                if num_wrong > 1:
                    raise RegistryError(
                        "digest mismatch (registry or proxy sends wrong data)",
                        hint="try another network, or ask whoever runs the registry",
                    ) from None
            except Temporary as error:
                # Bytes that were here before are no progress, or a registry that starts over each time never ends.
                if partial.offset - furthest >= _MIN_PROGRESS_BYTES:
                    furthest = partial.offset
                    attempts.progressed()
                if isinstance(error, RangeRefused):
                    partial.restart()
                attempts.failed(error)


def _transfer(partial: Partial, open_at: Open, shown: LayerProgress, stopped: threading.Event) -> None:
    with open_at(partial.descriptor, partial.offset) as chunks:
        shown.at(partial.offset)
        for chunk in chunks:
            if stopped.is_set():
                raise Cancelled
            partial.write(chunk)
            shown.at(partial.offset)
    if partial.offset < partial.descriptor.size:
        raise Temporary("the registry ended a layer too early")


def check_room(blobs: BlobStore, root: Path, missing: Sequence[Descriptor], others_bytes: int = 0) -> None:
    """Raises :class:`DoesNotFit`, with need and have, when the disk lacks room for ``missing`` and ``others_bytes``."""
    need = others_bytes + sum(blobs.num_missing_bytes(layer) for layer in missing)
    have = max(0, shutil.disk_usage(root).free - _DISK_RESERVE_BYTES)
    if need > have:
        raise DoesNotFit(
            f"not enough disk space for the model: {_mib(need)} more needed, {_mib(have)} free",
            hint="free some space, or remove models you no longer need",
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
