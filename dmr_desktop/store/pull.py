"""Bringing one model from a registry into a store.

Manifest and config first, to know what it is and whether it fits the disk; then the layers, a few at a time, each
resumed where a former pull stopped; then the model is listed, and its tag comes last. Whatever stops a pull, what has
arrived stays for the next one. Knows neither HTTP (:mod:`registry`) nor files (:mod:`blobs`).
"""

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from dmr_desktop.protocol.errors import DoesNotFit, RegistryError, UnsupportedModel
from dmr_desktop.protocol.models import ModelConfig, Progress
from dmr_desktop.store.blobs import BlobStore, Cancelled, Partial, WrongContent
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.config import parse_config
from dmr_desktop.store.manifest import Descriptor, Manifest, parse_manifest
from dmr_desktop.store.progress import LayerProgress
from dmr_desktop.store.reference import Reference
from dmr_desktop.store.registry import RangeRefused, Repository
from dmr_desktop.store.retry import Attempts, Temporary
from dmr_desktop.store.transport import Transport

PARALLEL_LAYERS = 4
_CANCEL_POLL_SECONDS = 0.1
_MIN_PROGRESS_BYTES = 64 * 1024
"""What a try must bring to count as progress: less, and a registry could keep us busy for ever."""
_MAX_ROUNDS = 3
_DISK_RESERVE_BYTES = 16 << 20
_T = TypeVar("_T")


class Pull:
    """One pull. ``cancelled`` may be set at any time, by any thread."""

    def __init__(
        self,
        reference: Reference,
        *,
        repository: Repository,
        transport: Transport,
        catalog: Catalog,
        blobs: BlobStore,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
    ) -> None:
        self._reference = reference
        self._repository = repository
        self._transport = transport
        self._catalog = catalog
        self._blobs = blobs
        self._progress = progress
        self._progress_lock = threading.Lock()
        self._cancelled = cancelled
        self._stopped = threading.Event()
        """Set when the pull ends early, for whatever reason: all its threads stop."""

    def run(self) -> str:
        """Returns the sentence for the success line. Raises the protocol's errors and :class:`Cancelled`."""
        [(manifest, raw_config, config)] = self._run_all([self._describe])
        tag = self._reference.tag_name
        if self._catalog.adopt(manifest, tag):
            return f"Using cached model: {config.size}"
        for _ in range(_MAX_ROUNDS):
            missing = [layer for layer in manifest.distinct_layers if not self._blobs.has(layer)]
            self._check_room(missing)
            self._run_all([self._layer_task(layer, manifest) for layer in missing])
            self._blobs.put(raw_config)
            # A layer that another model shared may just have been deleted with that model.
            if self._catalog.add(manifest, tag):
                return "Model pulled successfully"
        raise RegistryError("layers keep disappearing from the store while they are pulled", hint="try again")

    # ---- what it is --------------------------------------------------------------------------

    def _describe(self) -> tuple[Manifest, bytes, ModelConfig]:
        manifest = parse_manifest(self._patiently(self._repository.manifest))
        raw = self._patiently(lambda: self._repository.config(manifest.config))
        config = parse_config(manifest.config.media_type, raw)
        if config.diff_ids and config.diff_ids != tuple(layer.digest for layer in manifest.layers):
            raise UnsupportedModel("the model's layers are compressed, which no model runner supports")
        return manifest, raw, config.config

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        patience = self._transport.patience
        attempts = Attempts(patience, patience.request_attempts, self._stopped)
        while True:
            try:
                return ask()
            except Temporary as error:
                attempts.failed(error)

    def _check_room(self, missing: Sequence[Descriptor]) -> None:
        need = sum(self._blobs.num_missing_bytes(layer) for layer in missing)
        have = max(0, shutil.disk_usage(self._catalog.root).free - _DISK_RESERVE_BYTES)
        if missing and need > have:
            raise DoesNotFit(
                f"not enough disk space for the model: {_mib(need)} more needed, {_mib(have)} free",
                hint="free some space, or remove models you no longer need",
            )

    # ---- layers ------------------------------------------------------------------------------

    def _layer_task(self, layer: Descriptor, manifest: Manifest) -> Callable[[], None]:
        total = sum(each.size for each in manifest.distinct_layers)
        shown = LayerProgress(layer, total, self._progress, self._progress_lock, "Downloaded")
        return lambda: self._fetch(layer, shown)

    def _fetch(self, layer: Descriptor, shown: LayerProgress) -> None:
        """Have ``layer`` in the store, whatever its partial file holds and the line does."""
        num_wrong = 0
        with self._blobs.receive(layer, self._stopped) as partial:
            attempts = Attempts(self._transport.patience, self._transport.patience.attempts, self._stopped)
            furthest = 0 if partial is None else partial.offset
            while partial is not None:
                try:
                    if partial.offset < layer.size:
                        self._transfer(partial, shown)
                    partial.finish(self._stopped)
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

    def _transfer(self, partial: Partial, shown: LayerProgress) -> None:
        with self._repository.blob(partial.descriptor, partial.offset) as chunks:
            shown.at(partial.offset)
            for chunk in chunks:
                if self._stopped.is_set():
                    raise Cancelled
                partial.write(chunk)
                shown.at(partial.offset)
        if partial.offset < partial.descriptor.size:
            raise Temporary("the registry ended a layer too early")

    # ---- threads -----------------------------------------------------------------------------

    def _run_all(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        """Run ``tasks`` in threads while this one watches for cancellation; their results in order.

        The first failure stops the others, whose partial files stay. Nothing runs any more when this returns.
        """
        with ThreadPoolExecutor(PARALLEL_LAYERS, thread_name_prefix="pull") as pool:
            futures = [pool.submit(task) for task in tasks]
            pending = set(futures)
            while pending:
                done, pending = wait(pending, _CANCEL_POLL_SECONDS, FIRST_EXCEPTION)
                if self._cancelled.is_set() or any(future.exception() for future in done):
                    self._stopped.set()
                    self._transport.abort()
                    pool.shutdown(cancel_futures=True)
                    break
        if self._cancelled.is_set():
            raise Cancelled
        failures = [error for f in futures if not f.cancelled() and (error := f.exception()) is not None]
        if failures:
            # Those that only stopped because another failed say nothing.
            raise min(failures, key=lambda error: isinstance(error, Cancelled))
        return [future.result() for future in futures]


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
