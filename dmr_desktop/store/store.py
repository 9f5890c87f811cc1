"""The model store's face: what is stored, under which names, and the verbs that change it.

Owns no file itself: paths are :mod:`layout`'s, bytes :mod:`blobs`', names :mod:`catalog`'s. Every method is
synchronous, and safe with several threads and with another process (a real Docker Model Runner) on the same root.
Knows nothing of HTTP routes, runners or progress bars.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dmr_desktop.protocol.errors import StoreError
from dmr_desktop.protocol.models import Model, ModelFiles, Progress
from dmr_desktop.store.archive import Archive, load_archive
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.bundles import ensure_bundle
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.config import check_uncompressed, parse_config
from dmr_desktop.store.gguf import read_header
from dmr_desktop.store.gguf_check import check_loadable
from dmr_desktop.store.index import Entry
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.manifest import Manifest, parse_manifest
from dmr_desktop.store.package import package_gguf
from dmr_desktop.store.package_directory import package_directory
from dmr_desktop.store.prune import DEFAULT_AGE_SECONDS, Pruned, prune
from dmr_desktop.store.reference import DEFAULT_REGISTRY, is_digest
from dmr_desktop.store.repackage import repackage
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.verify import Verification, Verified

if TYPE_CHECKING:
    from dmr_desktop.store.distribution import Distribution
    from dmr_desktop.store.survey import Survey

Models: TypeAlias = list[Model]
Removal: TypeAlias = list[dict[str, str]]
"""The steps of a removal in order: ``{"Untagged": tag}`` or ``{"Deleted": id}``."""


class ModelStore:
    """A directory of models, layout-compatible with Docker Model Runner's.

    Opening creates what is missing; raises :class:`StoreError` when ``root`` is somebody else's folder, of a newer
    version, or cannot be written. ``insecure_registries`` (``host[:port]``) may be spoken to in plain HTTP;
    ``registry_mirrors`` are asked before Docker Hub; ``ca_file`` holds authorities to be trusted besides the system's.
    ``patience``: timeouts and retries of pulls.
    """

    def __init__(
        self,
        root: Path,
        *,
        default_registry: str = DEFAULT_REGISTRY,
        insecure_registries: tuple[str, ...] = (),
        registry_mirrors: tuple[str, ...] = (),
        ca_file: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._layout = Layout(root)
        self._layout.open()
        self._blobs = BlobStore(self._layout)
        self._catalog = Catalog(self._layout, self._blobs, default_registry)
        self._network: Callable[[], Distribution] = functools.cache(
            lambda: _distribution(
                self._catalog,
                self._blobs,
                default_registry=default_registry,
                insecure=insecure_registries,
                mirrors=registry_mirrors,
                ca_file=ca_file,
                patience=patience or Patience(),
            )
        )

    def list(self) -> Models:
        """All models, in order of arrival."""
        return self._catalog.models()

    def get(self, reference: str, *, partial: bool = False) -> Model:
        """The model under a tag, id, short id or digest reference.

        ``partial`` also tries the last part of a tag's name (``mymodel`` finds ``docker.io/org/mymodel:v1``), as
        only inspecting and tagging do. Raises :class:`ModelNotFound` and :class:`InvalidReference`.
        """
        return self._catalog.model(self._catalog.find(reference, partial=partial))

    def identify(self, reference: str, *, partial: bool = False) -> Entry:
        """As :meth:`get`, for a model whose files may be damaged: its id and its tags only."""
        return self._catalog.find(reference, partial=partial)

    def files(self, reference: str) -> ModelFiles:
        """Where the model's files are, checked so that native code may open them.

        Raises :class:`ModelNotFound`, :class:`UnsupportedModel` (what is wrong, at which byte) and
        :class:`StoreError`.
        """
        entry = self._catalog.find(reference)
        model = self._catalog.model(entry)
        bundle = ensure_bundle(self._layout, self._catalog.stored(entry.id).manifest, model.config)
        try:
            check_loadable([read_header(path) for path in bundle.weights])
        except OSError as error:
            raise StoreError(
                f"a file of the model cannot be read: {error.strerror}", hint="remove the model and pull it again"
            ) from error
        return ModelFiles(model, bundle.weights[0], bundle.mmproj, bundle.chat_template)

    def tag(self, reference: str, target: str) -> None:
        """Give the model another name; a model that had the name loses it.

        Raises :class:`ModelNotFound` and :class:`InvalidReference`.
        """
        self._catalog.tag(reference, target)

    def remove(self, reference: str, force: bool = False) -> Removal:
        """Untag, and delete the model when no tag is left.

        By tag only that tag goes; by id all go, which must be forced when there are several
        (:class:`Conflict`). Raises :class:`ModelNotFound`.
        """
        return self._catalog.remove(reference, force=force)

    def package_gguf(
        self,
        path: Path,
        target: str,
        *,
        context_size: int | None = None,
        chat_template: Path | None = None,
        mmproj: Path | None = None,
        licenses: Sequence[Path] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Model:
        """Store a GGUF file (with all its shards) as the model ``target``; the same file gives the same model.

        Raises :class:`UnsupportedModel`, :class:`InvalidRequest`, :class:`DoesNotFit` and :class:`StoreError`.
        """
        tag = self._catalog.parse(target).tag_name
        manifest = package_gguf(
            self._blobs,
            path,
            context_size=context_size,
            chat_template=chat_template,
            mmproj=mmproj,
            licenses=licenses,
            progress=progress or _ignore,
        )
        return self._list(manifest, tag)

    def package_directory(
        self,
        folder: Path,
        target: str,
        *,
        context_size: int | None = None,
        chat_template: Path | None = None,
        licenses: Sequence[Path] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Model:
        """Store a folder of safetensors, as Hugging Face lays models out, as the model ``target``.

        Raises as :meth:`package_gguf`.
        """
        tag = self._catalog.parse(target).tag_name
        manifest = package_directory(
            self._blobs,
            folder,
            context_size=context_size,
            chat_template=chat_template,
            licenses=licenses,
            progress=progress or _ignore,
        )
        return self._list(manifest, tag)

    def repackage(self, reference: str, target: str, *, context_size: int | None = None) -> Model:
        """Store the model with another context size under ``target``; its layers are shared.

        Raises :class:`ModelNotFound`, :class:`InvalidReference`, :class:`InvalidRequest` and :class:`StoreError`.
        """
        tag = self._catalog.parse(target).tag_name
        manifest = self._catalog.stored(self._catalog.find(reference).id).manifest
        return self._list(repackage(self._blobs, manifest, context_size), tag)

    def _list(self, manifest: Manifest, tag: str | None) -> Model:
        self._refuse_missing(manifest)
        if not self._catalog.add(manifest, tag):
            raise StoreError("files of the model disappeared while it was stored", hint="try again")
        return self.get(manifest.id)

    def _refuse_missing(self, manifest: Manifest) -> None:
        missing = self._catalog.missing(manifest)
        if missing is not None:
            raise StoreError(
                f'missing blob "{missing.digest}" for manifest - refusing to write unless all blobs exist',
                hint="`dmr verify` checks what is stored",
            )

    # ---- archives ----------------------------------------------------------------------------

    def export(self, reference: str, *, as_oci_layout: bool = False) -> Archive:
        """The model as a tar to be sent. Raises :class:`ModelNotFound` and :class:`StoreError`."""
        manifest = self._catalog.stored(self._catalog.find(reference).id).manifest
        missing = self._catalog.missing(manifest)
        if missing is not None:
            raise StoreError(f"a file of the model is missing: {missing.digest}", hint="pull the model again")
        return Archive(manifest, self._blobs, as_oci_layout=as_oci_layout)

    def load(self, chunks: Iterable[bytes], *, cancelled: threading.Event) -> Model:
        """Store the model of a tar, whose bytes ``chunks`` brings; it gets no tag.

        Raises :class:`.tar.BadArchive`, :class:`UnsupportedModel`, :class:`DoesNotFit`, :class:`StoreError` and
        :class:`.blobs.Cancelled`; then no blob of it is kept.
        """
        stored: list[str] = []
        try:
            manifest = parse_manifest(load_archive(chunks, self._blobs, stored, cancelled))
            self._refuse_missing(manifest)
            config = parse_config(manifest.config.media_type, self._blobs.get(manifest.config))
            check_uncompressed(config, manifest)
            return self._list(manifest, None)
        finally:
            # All of it after a failure, else what the manifest does not name.
            self._catalog.discard(stored)

    # ---- upkeep ------------------------------------------------------------------------------

    def verify(
        self, *, remove: bool = False, progress: Callable[[int, int], None], cancelled: threading.Event
    ) -> Verified:
        """Hash everything that is stored. ``remove`` deletes what is damaged, so that a pull fetches it again.

        ``progress`` hears (bytes read, bytes in all). Raises :class:`StoreError` and :class:`.blobs.Cancelled`.
        """
        return Verification(self._layout, self._catalog.index, progress, cancelled).run(remove=remove)

    def prune(self, *, older_than_seconds: float = DEFAULT_AGE_SECONDS, dry_run: bool = False) -> Pruned:
        """Delete, or only name, what no model needs and nobody may be working on. Raises :class:`StoreError`."""
        return prune(self._layout, self._catalog.index, older_than_seconds=older_than_seconds, dry_run=dry_run)

    def purge(self) -> None:
        """Delete all models and everything else under the root. Raises :class:`StoreError`."""
        self._catalog.index.reset()

    def disk_usage(self) -> int:
        """Bytes of all files in the store; a file with several names (bundles) counts once."""
        sizes: dict[tuple[int, int], int] = {}
        for folder, _, names in os.walk(self._layout.root):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    status = os.lstat(os.path.join(folder, name))
                    sizes[status.st_dev, status.st_ino] = status.st_size
        return sum(sizes.values())

    def pull(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str:
        """Fetch a model and return the sentence of success: "Model pulled successfully" or "Using cached model: ...".

        ``progress`` is called from several threads, never from two at once. Setting ``cancelled`` ends the pull soon
        with :class:`dmr_desktop.store.blobs.Cancelled`; what has arrived stays. Raises :class:`InvalidReference`,
        :class:`ModelNotFound`, :class:`Unauthorized`, :class:`UnsupportedModel`, :class:`DoesNotFit`,
        :class:`RegistryError` and :class:`StoreError`.
        """
        target = self._catalog.parse(reference)
        if target.is_local:
            return self._catalog.cached(target)
        return self._network().pull(reference, progress, cancelled, bearer_token)

    def push(
        self,
        reference: str,
        *,
        progress: Callable[[Progress], None],
        cancelled: threading.Event,
        bearer_token: str | None = None,
    ) -> str:
        """Send the model stored under ``reference`` to the registry that it names; the sentence of success.

        As :meth:`pull` otherwise. Raises :class:`ModelNotFound` when it is not stored, and as :meth:`pull` does.
        """
        return self._network().push(reference, progress, cancelled, bearer_token)

    def inspect_remote(
        self, reference: str, bearer_token: str | None = None, *, cancelled: threading.Event | None = None
    ) -> Model:
        """What the registry has under ``reference``, without tags; nothing is stored. Raises as :meth:`pull` does."""
        return self._network().inspect(reference, bearer_token, cancelled or threading.Event())

    def survey(self, reference: str, *, cancelled: threading.Event | None = None) -> "Survey":
        """What a registry or Hugging Face has under ``reference`` and what it would need here; nothing is stored.

        Raises as :meth:`pull` does.
        """
        return self._network().survey(reference, cancelled or threading.Event())

    def normalise(self, reference: str) -> str:
        """The fully qualified tag that ``reference`` means; an id or short id becomes the full id if it is stored.

        Raises :class:`InvalidReference`.
        """
        text = reference.strip()
        model_id = self._catalog.find_id(text) or (text if is_digest(text) else None)
        return model_id or self._catalog.parse(text).tag_name


def _distribution(catalog: Catalog, blobs: BlobStore, **network: Any) -> "Distribution":
    # Half a second of imports that a service which never pulls need not wait for.
    from dmr_desktop.store.distribution import Distribution, Network

    return Distribution(catalog, blobs, Network(**network))


def _ignore(_: Progress) -> None:
    pass
