"""The model store's face: what is stored, under which names, and the verbs that change it.

Owns no file itself: paths are :mod:`layout`'s, bytes :mod:`blobs`', names :mod:`catalog`'s. Every method is
synchronous, and safe with several threads and with another process (a real Docker Model Runner) on the same root.
Knows nothing of HTTP routes, runners or progress bars.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from dmr_desktop.protocol.errors import ModelNotFound, StoreError, UnsupportedModel
from dmr_desktop.protocol.models import Model, ModelFiles, Progress
from dmr_desktop.store.blobs import BlobStore
from dmr_desktop.store.bundles import ensure_bundle
from dmr_desktop.store.catalog import Catalog
from dmr_desktop.store.gguf import check_loadable, read_header
from dmr_desktop.store.layout import Layout
from dmr_desktop.store.package import package_gguf
from dmr_desktop.store.reference import DEFAULT_REGISTRY, Reference, check_port, is_digest
from dmr_desktop.store.retry import Patience

Models: TypeAlias = list[Model]
Removal: TypeAlias = list[dict[str, str]]
"""The steps of a removal in order: ``{"Untagged": tag}`` or ``{"Deleted": id}``."""


class ModelStore:
    """A directory of models, layout-compatible with Docker Model Runner's.

    Opening creates what is missing; raises :class:`StoreError` when ``root`` is somebody else's folder, of a newer
    version, or cannot be written. ``insecure_registries`` (``host[:port]``) may be spoken to in plain HTTP.
    ``patience``: timeouts and retries of pulls.
    """

    def __init__(
        self,
        root: Path,
        *,
        default_registry: str = DEFAULT_REGISTRY,
        insecure_registries: tuple[str, ...] = (),
        patience: Patience | None = None,
    ) -> None:
        self._layout = Layout(root)
        self._layout.open()
        self._blobs = BlobStore(self._layout)
        self._catalog = Catalog(self._layout, self._blobs, default_registry)
        self._default_registry = default_registry
        self._insecure_registries = insecure_registries
        self._patience = patience

    def list(self) -> Models:
        """All models, in order of arrival."""
        return self._catalog.models()

    def get(self, reference: str, *, partial: bool = False) -> Model:
        """The model under a tag, id, short id or digest reference.

        ``partial`` also tries the last part of a tag's name (``mymodel`` finds ``docker.io/org/mymodel:v1``), as
        only inspecting and tagging do. Raises :class:`ModelNotFound` and :class:`InvalidReference`.
        """
        return self._catalog.model(self._catalog.find(reference, partial=partial))

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
            licenses=licenses,
            progress=progress or _ignore,
        )
        if not self._catalog.add(manifest, tag):
            raise StoreError("files of the model disappeared while it was packaged", hint="try again")
        return self.get(manifest.id)

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
        check_port(target, {self._default_registry, *self._insecure_registries})
        if target.is_local or target.is_hugging_face:
            return self._pull_stored(target)
        # Half a second of imports that a service which never pulls need not wait for.
        from dmr_desktop.store.pull import Pull
        from dmr_desktop.store.registry import Repository
        from dmr_desktop.store.transport import Transport

        with contextlib.closing(Transport(insecure=self._insecure_registries, patience=self._patience)) as transport:
            return Pull(
                target,
                repository=Repository(target, transport, bearer_token),
                transport=transport,
                catalog=self._catalog,
                blobs=self._blobs,
                progress=progress,
                cancelled=cancelled,
            ).run()

    def normalise(self, reference: str) -> str:
        """The fully qualified tag that ``reference`` means; an id or short id becomes the full id if it is stored.

        Raises :class:`InvalidReference`.
        """
        text = reference.strip()
        model_id = self._catalog.find_id(text) or (text if is_digest(text) else None)
        return model_id or self._catalog.parse(text).tag_name

    def _pull_stored(self, target: Reference) -> str:
        """A pull of what no OCI registry serves succeeds when it is here already."""
        try:
            return f"Using cached model: {self.get(target.tag_name).config.size}"
        except ModelNotFound:
            if target.is_local:
                raise ModelNotFound("Model not found", hint="names in dmr.local are local only") from None
            raise UnsupportedModel(
                "models are not pulled from Hugging Face by this version",
                hint="download the GGUF file and package it",
            ) from None


def _ignore(_: Progress) -> None:
    pass
