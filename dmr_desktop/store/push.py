"""Sending one stored model to a registry.

Layers first, a few at a time, each only if the registry lacks it; then the config; the manifest, byte for byte as it
is stored, comes last, so that what a registry lists is whole. Knows neither HTTP (:mod:`uploads`) nor the index.
"""

import hashlib
import json
from collections.abc import Callable

from dmr_desktop.protocol.errors import RegistryError, StoreError
from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.manifest import OCI_MANIFEST, Descriptor, Manifest
from dmr_desktop.store.progress import LayerProgress
from dmr_desktop.store.retry import Attempts, RangeRefused, Temporary
from dmr_desktop.store.transfer import Transfer
from dmr_desktop.store.uploads import NotTaken, Session, Uploads

_MIN_PROGRESS_BYTES = 64 * 1024
_HASH_CHUNK = 1 << 20


class Push:
    """One push."""

    def __init__(self, manifest: Manifest, *, uploads: Uploads, transfer: Transfer) -> None:
        self._manifest = manifest
        self._uploads = uploads
        self._transfer = transfer
        self._blobs = transfer.blobs

    def run(self) -> str:
        """Returns the sentence for the success line. Raises the protocol's errors and :class:`Cancelled`."""
        run_all = self._transfer.workers.run_all
        run_all([self._blob_task(layer) for layer in self._manifest.distinct_layers])
        run_all([self._blob_task(self._manifest.config, shows=False)])
        run_all([self._put_manifest])
        return "Model pushed successfully"

    def _put_manifest(self) -> None:
        manifest = self._manifest
        media_type = json.loads(manifest.raw).get("mediaType")
        if not isinstance(media_type, str) or not media_type.isascii() or not media_type.isprintable():
            media_type = OCI_MANIFEST
        self._transfer.ask(lambda: self._uploads.put_manifest(manifest.raw, media_type, manifest.id))

    def _blob_task(self, blob: Descriptor, *, shows: bool = True) -> Callable[[], None]:
        report = self._transfer.tell if shows else _ignore
        shown = LayerProgress(blob, blob.size, report, "Uploaded", "push")
        return lambda: self._send(blob, shown)

    def _send(self, blob: Descriptor, shown: LayerProgress) -> None:
        """Have ``blob`` in the registry, whatever the line does."""
        stopped, patience = self._transfer.stopped, self._transfer.patience
        attempts = Attempts(patience, patience.attempts, stopped)
        session: Session | None = None
        furthest = start = reached = 0
        num_not_taken = 0

        def sent(position: int) -> None:
            nonlocal reached
            if stopped.is_set():
                raise Cancelled
            reached = position
            shown.at(position)

        while True:
            try:
                if session is not None and session.offset < blob.size:
                    session = self._resumed(session)
                    if session is not None and session.offset - furthest >= _MIN_PROGRESS_BYTES:
                        furthest = session.offset
                        attempts.progressed()
                if session is None:
                    # Also after a session was lost: its last answer may be all that was lost.
                    session = None if self._uploads.has(blob) else self._uploads.begin(blob)
                    if session is None:
                        break
                reached = start = session.offset
                session.send(self._blobs.path(blob.digest), sent)
                break
            except Temporary as error:
                if reached - start >= _MIN_PROGRESS_BYTES:
                    attempts.worked()
                    start = reached
                if isinstance(error, NotTaken):
                    num_not_taken += 1
                    if num_not_taken > 1:
                        self._check_content(blob)
                if isinstance(error, NotTaken | RangeRefused):
                    session = None
                attempts.failed(error)
        shown.at(blob.size)

    def _resumed(self, session: Session) -> Session | None:
        """The session after a cut; None when the registry gave it up, as docker's own does."""
        try:
            session.resume()
        except RangeRefused:
            return None
        return session

    def _check_content(self, blob: Descriptor) -> None:
        """Whose fault it is that a registry does not take a layer. Raises :class:`StoreError` if it is ours."""
        found = hashlib.sha256()
        try:
            with self._blobs.path(blob.digest).open("rb") as file:
                while chunk := file.read(_HASH_CHUNK):
                    if self._transfer.stopped.is_set():
                        raise Cancelled
                    found.update(chunk)
        except OSError as error:
            raise StoreError(f"a layer cannot be read: {error.strerror}") from None
        if f"sha256:{found.hexdigest()}" != blob.digest:
            raise StoreError("a stored layer is damaged", hint="remove the model and pull it again")
        raise RegistryError("the registry does not take a layer", hint="something on the way may change what is sent")


def _ignore(_: Progress) -> None:
    pass
