"""Bringing one model from a registry into a store.

Manifest and config first, to know what it is and whether it fits the disk; then the layers, a few at a time, each
resumed where a former pull stopped; then the model is listed, and its tag comes last. Whatever stops a pull, what has
arrived stays for the next one. Knows neither HTTP (:mod:`registry`) nor files (:mod:`blobs`).
"""

import threading
from collections.abc import Callable

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.config import ConfigFile, check_uncompressed, parse_config
from dmr_desktop.store.fetch import check_room, fetch_layer
from dmr_desktop.store.manifest import Descriptor, Manifest, parse_manifest
from dmr_desktop.store.mirrors import Source
from dmr_desktop.store.progress import LayerProgress
from dmr_desktop.store.reference import Reference
from dmr_desktop.store.retry import Patience, patiently
from dmr_desktop.store.workers import Workers

_MAX_ROUNDS = 3


class Pull:
    """One pull. ``workers`` are its own; ``progress`` is called from several threads, never from two at once."""

    def __init__(
        self,
        reference: Reference,
        *,
        source: Source,
        catalog: Catalog,
        blobs: BlobStore,
        progress: Callable[[Progress], None],
        workers: Workers,
        patience: Patience,
    ) -> None:
        self._reference = reference
        self._source = source
        self._catalog = catalog
        self._blobs = blobs
        self._progress = progress
        self._progress_lock = threading.Lock()
        self._workers = workers
        self._patience = patience

    def run(self) -> str:
        """Returns the sentence for the success line. Raises the protocol's errors and :class:`Cancelled`."""
        [(manifest, raw_config, config)] = self._workers.run_all(
            [lambda: describe(self._source, self._patience, self._workers.stopped)]
        )
        check_uncompressed(config, manifest)
        tag = self._reference.tag_name
        if self._catalog.adopt(manifest, tag):
            return f"Using cached model: {config.config.size}"
        for _ in range(_MAX_ROUNDS):
            missing = [layer for layer in manifest.distinct_layers if not self._blobs.has(layer)]
            check_room(self._blobs, self._catalog.root, missing)
            self._workers.run_all([self._layer_task(layer, manifest) for layer in missing])
            self._blobs.put(raw_config)
            # A layer that another model shared may just have been deleted with that model.
            if self._catalog.add(manifest, tag):
                return "Model pulled successfully"
        raise RegistryError("layers keep disappearing from the store while they are pulled", hint="try again")

    def _layer_task(self, layer: Descriptor, manifest: Manifest) -> Callable[[], None]:
        total = sum(each.size for each in manifest.distinct_layers)
        shown = LayerProgress(layer, total, self._progress, self._progress_lock, "Downloaded")
        stopped = self._workers.stopped
        return lambda: fetch_layer(self._blobs, layer, self._source.blob, shown, self._patience, stopped)


def describe(source: Source, patience: Patience, stopped: threading.Event) -> tuple[Manifest, bytes, ConfigFile]:
    """What a registry has: the manifest, and the config raw and read.

    Raises :class:`ModelNotFound`, :class:`Unauthorized`, :class:`UnsupportedModel` and :class:`RegistryError`.
    """
    manifest = parse_manifest(patiently(source.manifest, patience, stopped))
    raw = patiently(lambda: source.config(manifest.config), patience, stopped)
    return manifest, raw, parse_config(manifest.config.media_type, raw)
