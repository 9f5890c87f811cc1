"""Model archives: one model as one tar, in the form that Docker Model Runner exports, packages and loads.

``blobs/sha256/<hex>`` for every layer and the config, then ``manifest.json``: the raw manifest, whose digest is the
model's id. As an OCI image layout it carries the manifest as a blob too, and ``index.json`` and ``oci-layout``, by
which skopeo and oras read it; theirs, without ``manifest.json``, are loaded as well. Knows nothing of tags, nor of who
sends or wants the bytes.
"""

import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dmr_desktop.protocol.errors import DoesNotFit, StoreError
from dmr_desktop.store.atomic import store_error
from dmr_desktop.store.blobs import BlobStore, Cancelled, WrongContent
from dmr_desktop.store.layout import hex_of
from dmr_desktop.store.manifest import (
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    digest_of,
    sole_manifest_of_index,
)
from dmr_desktop.store.reference import is_digest
from dmr_desktop.store.tar import END, BadArchive, Member, TarReader, header, padding

MANIFEST_NAME = "manifest.json"
_INDEX_NAME = "index.json"
_FOLDERS = ("blobs/", "blobs/sha256/")
_CHUNK = 1 << 20
_DISK_RESERVE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Part:
    """A member of an archive that is being written: a file of the store, or small content."""

    name: str
    size: int
    source: Path | bytes


class Archive:
    """A stored model, to be sent as a tar of :attr:`num_bytes` bytes."""

    def __init__(self, manifest: Manifest, blobs: BlobStore, *, as_oci_layout: bool = False) -> None:
        parts = [
            _Part(_blob_name(each.digest), each.size, blobs.path(each.digest))
            for each in {each.digest: each for each in (*manifest.layers, manifest.config)}.values()
        ]
        if as_oci_layout:
            parts.append(_Part(_blob_name(manifest.id), len(manifest.raw), manifest.raw))
            parts += [_Part(name, len(data), data) for name, data in _oci_layout(manifest).items()]
        parts.append(_Part(MANIFEST_NAME, len(manifest.raw), manifest.raw))
        self._parts = parts
        self._headers = [header(part.name, part.size) for part in parts]
        self._folders = b"".join(header(name, 0) for name in _FOLDERS)
        self.num_bytes = (
            len(self._folders)
            + sum(len(head) for head in self._headers)
            + sum(part.size + len(padding(part.size)) for part in parts)
            + len(END)
        )

    def chunks(self) -> Iterator[bytes]:
        """The archive's bytes. Raises :class:`StoreError` when a file went away or is not as long as it should be."""
        yield self._folders
        for part, head in zip(self._parts, self._headers, strict=True):
            yield head
            if isinstance(part.source, bytes):
                yield part.source
            else:
                yield from _file_chunks(part.source, part.size)
            yield padding(part.size)
        yield END


def load_archive(chunks: Iterable[bytes], blobs: BlobStore, stored: list[str], cancelled: threading.Event) -> bytes:
    """Put the blobs of an archive into the store, in whatever order they come, and return the raw manifest.

    Every blob is counted and hashed before it gets its name. ``stored`` grows by the digests that were not there
    before, also when this fails. Raises :class:`BadArchive`, :class:`DoesNotFit`, :class:`StoreError` and
    :class:`Cancelled`.
    """
    archive = TarReader(chunks)
    manifest = index = None
    for member in archive.members():
        if cancelled.is_set():
            raise Cancelled
        if member.name == MANIFEST_NAME:
            manifest = archive.read(member, MAX_MANIFEST_BYTES)
        elif member.name == _INDEX_NAME:
            index = archive.read(member, MAX_MANIFEST_BYTES)
        elif (digest := _digest_of_name(member.name)) is not None:
            _store_blob(archive, member, digest, blobs, stored, cancelled)
    if manifest is None and index is not None:
        manifest = _manifest_of_layout(index, blobs)
    if manifest is None:
        raise BadArchive("manifest not found", hint="an archive made by `dmr export` or `docker model package` has one")
    return manifest


def _manifest_of_layout(index: bytes, blobs: BlobStore) -> bytes | None:
    """The manifest of an OCI image layout, which came as one of the blobs."""
    digest = sole_manifest_of_index(index)
    if digest is None:
        return None
    try:
        with open(blobs.path(digest), "rb") as file:
            return file.read(MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        return None


def _store_blob(
    archive: TarReader,
    member: Member,
    digest: str,
    blobs: BlobStore,
    stored: list[str],
    cancelled: threading.Event,
) -> None:
    free = shutil.disk_usage(blobs.path(digest).parent).free - _DISK_RESERVE_BYTES
    descriptor = Descriptor("", digest, member.size)
    if member.size > free and not blobs.has(descriptor):
        raise DoesNotFit("not enough disk space for the model", hint="free some space, or remove models")
    with blobs.receive(descriptor, cancelled) as partial:
        if partial is None:
            return
        # What a pull has left there may be wrong; here all of it comes again anyway.
        partial.restart()
        try:
            for piece in archive.content(member):
                if cancelled.is_set():
                    raise Cancelled
                partial.write(piece)
            partial.finish(cancelled)
        except BaseException as error:
            partial.discard()
            if isinstance(error, WrongContent):
                raise BadArchive(f"the content of {digest} in the archive is damaged") from None
            raise
    stored.append(digest)


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{hex_of(digest)}"


def _digest_of_name(name: str) -> str | None:
    """The digest that a member's name stands for. Docker Model Runner reads both folders alike."""
    folder, _, rest = name.partition("/")
    algorithm, _, digits = rest.partition("/")
    digest = f"{algorithm}:{digits}"
    return digest if folder in ("blobs", "manifests") and is_digest(digest) else None


def _oci_layout(manifest: Manifest) -> dict[str, bytes]:
    assert manifest.id == digest_of(manifest.raw)
    entry = {"mediaType": OCI_MANIFEST, "digest": manifest.id, "size": len(manifest.raw)}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', _INDEX_NAME: json.dumps(index).encode()}


def _file_chunks(path: Path, size: int) -> Iterator[bytes]:
    left = size
    try:
        with open(path, "rb") as file:
            while left and (chunk := file.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise store_error(error, "reading a layer") from error
    if left:
        raise StoreError("a stored layer is too short", hint="run `dmr verify`")
