"""Bringing one model from a registry into a store.

Manifest and config first, to know what it is and whether it fits the disk; then the layers, a few at a time, each
resumed where a former pull stopped; then the model is listed, and its tag comes last. Whatever stops a pull, what has
arrived stays for the next one. Knows neither HTTP (:mod:`registry`) nor files (:mod:`blobs`).
"""

from collections.abc import Callable

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.config import ConfigFile, check_uncompressed, parse_config
from dmr_desktop.store.fetch import check_room
from dmr_desktop.store.manifest import Descriptor, Manifest, parse_manifest
from dmr_desktop.store.mirrors import Source
from dmr_desktop.store.reference import Reference
from dmr_desktop.store.transfer import Transfer

_MAX_ROUNDS = 3


class Pull:
    """One pull."""

    def __init__(self, reference: Reference, *, source: Source, catalog: Catalog, transfer: Transfer) -> None:
        self._reference = reference
        self._source = source
        self._catalog = catalog
        self._transfer = transfer
        self._blobs = transfer.blobs

    def run(self) -> str:
        """Returns the sentence for the success line. Raises the protocol's errors and :class:`Cancelled`."""
        [(manifest, raw_config, config)] = self._transfer.workers.run_all(
            [lambda: describe(self._source, self._transfer)]
        )
        check_uncompressed(config, manifest)
        tag = self._reference.tag_name
        if self._catalog.adopt(manifest, tag):
            return f"Using cached model: {config.config.size}"
        for _ in range(_MAX_ROUNDS):
            missing = [layer for layer in manifest.distinct_layers if not self._blobs.has(layer)]
            check_room(self._blobs, self._catalog.root, missing)
            self._transfer.workers.run_all([self._layer_task(layer, manifest) for layer in missing])
            self._blobs.put(raw_config)
            # A layer that another model shared may just have been deleted with that model.
            if self._catalog.add(manifest, tag):
                return "Model pulled successfully"
        raise RegistryError("layers keep disappearing from the store while they are pulled", hint="try again")

    def _layer_task(self, layer: Descriptor, manifest: Manifest) -> Callable[[], None]:
        total = sum(each.size for each in manifest.distinct_layers)
        return lambda: self._transfer.fetch(layer, self._source.blob, total)


def describe(source: Source, transfer: Transfer) -> tuple[Manifest, bytes, ConfigFile]:
    """What a registry has: the manifest, and the config raw and read.

    Raises :class:`ModelNotFound`, :class:`Unauthorized`, :class:`UnsupportedModel`, :class:`RegistryError` and
    :class:`Cancelled`.
    """
    manifest = parse_manifest(transfer.ask(source.manifest))
    raw = transfer.ask(lambda: source.config(manifest.config))
    return manifest, raw, parse_config(manifest.config.media_type, raw)
