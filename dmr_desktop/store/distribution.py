"""Models in and out of a store over the network: which kind of place a reference means, and what is needed to go there.

Imported when the first transfer starts: half a second of imports that a service which never pulls need not wait for.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dmr_desktop.protocol.errors import InvalidReference, InvalidRequest, RegistryError
from dmr_desktop.protocol.models import Model, Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.hub import DEFAULT_ENDPOINT, Hub, repository_name, token_of
from dmr_desktop.store.hub_pull import HubPull
from dmr_desktop.store.manifest import Manifest
from dmr_desktop.store.mirrors import Mirrored, Source, mirror_endpoint
from dmr_desktop.store.pull import Pull, describe
from dmr_desktop.store.push import Push
from dmr_desktop.store.reference import DEFAULT_REGISTRY, Reference, check_port, looks_like_id
from dmr_desktop.store.registry import Repository, endpoint_of
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.survey import Survey, survey_hub, survey_registry
from dmr_desktop.store.transfer import Transfer
from dmr_desktop.store.transport import Transport
from dmr_desktop.store.uploads import Uploads
from dmr_desktop.store.workers import Workers

_MAX_RELATIVES = 8
"""Other repositories that a push asks to read from: a token's scopes have to fit into an address."""


@dataclass(frozen=True, slots=True)
class Network:
    """How registries are reached: the settings of :class:`dmr_desktop.store.store.ModelStore`."""

    default_registry: str = DEFAULT_REGISTRY
    insecure: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    ca_file: Path | None = None
    patience: Patience = field(default_factory=Patience)


class Distribution:
    def __init__(self, catalog: Catalog, blobs: BlobStore, network: Network) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._network = network

    def pull(
        self,
        text: str,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None,
    ) -> str:
        """As :meth:`dmr_desktop.store.store.ModelStore.pull`."""
        target = self._parse(text)
        if target.is_hugging_face and (cached := self._catalog.cached(target)):
            return cached
        with self._transport(target) as transport:
            transfer = self._transfer(transport, progress, cancelled)
            if target.is_hugging_face:
                hub = self._hub(text, target, transport, bearer_token)
                return HubPull(target, hub=hub, catalog=self._catalog, transfer=transfer).run()
            source = self._source(target, transport, bearer_token)
            return Pull(target, source=source, catalog=self._catalog, transfer=transfer).run()

    def push(
        self,
        text: str,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None,
    ) -> str:
        """As :meth:`dmr_desktop.store.store.ModelStore.push`."""
        if looks_like_id(text.strip()):
            raise InvalidRequest("a model is pushed by its name, not by its id", hint="tag it first")
        target = self._parse(text)
        manifest = self._catalog.stored(self._catalog.find(text).id).manifest
        if target.is_local or target.is_hugging_face:
            raise InvalidRequest(
                f"models cannot be pushed to {target.registry}", hint="tag the model with the name of a registry first"
            )
        relatives = self._relatives(target, manifest)
        with self._transport(target) as transport:
            repository = Repository(
                target,
                endpoint_of(target, transport),
                transport,
                bearer_token,
                actions="pull,push",
                reads_too=tuple(sorted(set(relatives.values())))[:_MAX_RELATIVES],
            )
            uploads = Uploads(repository, lambda blob: relatives.get(blob.digest))
            return Push(manifest, uploads=uploads, transfer=self._transfer(transport, progress, cancelled)).run()

    def inspect(self, text: str, bearer_token: str | None, cancelled: threading.Event) -> Model:
        """What the registry has under ``text``, without tags; nothing is stored. Raises as a pull does."""
        target = self._parse(text)
        if target.is_local or target.is_hugging_face:
            raise InvalidRequest(f"models of {target.registry} cannot be inspected from afar")
        with self._transport(target) as transport:
            source = self._source(target, transport, bearer_token)
            transfer = self._transfer(transport, _ignore, cancelled)
            [(manifest, _, config)] = transfer.workers.run_all([lambda: describe(source, transfer)])
        return Model(manifest.id, (), config.created, config.config, manifest.size_bytes)

    def survey(self, text: str, cancelled: threading.Event) -> Survey:
        """What a model is and needs that is not here yet; nothing is stored. Raises as a pull does."""
        target = self._parse(text)
        if target.is_local:
            raise InvalidRequest(f"models of {target.registry} cannot be inspected from afar")
        with self._transport(target) as transport:
            transfer = self._transfer(transport, _ignore, cancelled)
            if target.is_hugging_face:
                hub = self._hub(text, target, transport, None)
                [found] = transfer.workers.run_all([lambda: survey_hub(hub, target.tag, transfer)])
            else:
                source = self._source(target, transport, None)
                [found] = transfer.workers.run_all([lambda: survey_registry(source, transfer)])
        return found

    # ---- inside ------------------------------------------------------------------------------

    def _parse(self, text: str) -> Reference:
        target = self._catalog.parse(text)
        check_port(target, {self._network.default_registry, *self._network.insecure})
        return target

    @contextlib.contextmanager
    def _transport(self, target: Reference) -> Iterator[Transport]:
        network = self._network
        transport = Transport(insecure=network.insecure, ca_file=network.ca_file, patience=network.patience)
        with contextlib.closing(transport):
            try:
                yield transport
            except RegistryError as error:
                # Further down nobody knows its name, and users who typed none should learn whom we asked.
                error.message = error.message.replace("the registry", target.registry, 1)
                raise

    def _source(self, target: Reference, transport: Transport, bearer_token: str | None) -> Source:
        own = Repository(target, endpoint_of(target, transport), transport, bearer_token)
        if target.registry != DEFAULT_REGISTRY:
            return own
        mirrors = [mirror_endpoint(text) for text in self._network.mirrors]
        return Mirrored([*(Repository(target, mirror, transport) for mirror in mirrors if mirror), own])

    def _relatives(self, target: Reference, manifest: Manifest) -> dict[str, str]:
        """Digest to another repository of the same registry that seems to have it, as our own tags say."""
        found: dict[str, str] = {}
        wanted = set(manifest.files)
        for entry in self._catalog.index.entries():
            for tag in entry.tags:
                try:
                    other = self._catalog.parse(tag)
                except InvalidReference:
                    continue
                if other.registry == target.registry and other.repository != target.repository:
                    found |= dict.fromkeys(wanted.intersection(entry.files), other.repository)
            if len(found) == len(wanted):
                break
        return found

    def _hub(self, text: str, target: Reference, transport: Transport, bearer_token: str | None) -> Hub:
        if target.digest is not None:
            raise InvalidRequest("models of Hugging Face have no digest to be pulled by", hint="leave it away")
        endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
        return Hub(repository_name(text), transport, bearer_token or token_of(os.environ), endpoint)

    def _transfer(
        self, transport: Transport, progress: Callable[[Progress], None], cancelled: threading.Event
    ) -> Transfer:
        return Transfer(self._blobs, progress, Workers(cancelled, transport.abort), self._network.patience)


def _ignore(_: Progress) -> None:
    pass
