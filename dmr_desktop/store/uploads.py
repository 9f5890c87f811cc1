"""Sending to one repository of a registry: blobs in sessions that survive a cut line, then the manifest.

OCI distribution-spec 1.1, in the order that every registry in use accepts: a session, the whole blob as one stream,
and the digest that closes it. After a cut the registry is asked how much it has, and only the rest is sent.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

from dmr_desktop.protocol.errors import ModelNotFound, RegistryError, StoreError, Unauthorized
from dmr_desktop.store.answers import unexpected
from dmr_desktop.store.manifest import Descriptor
from dmr_desktop.store.registry import Repository
from dmr_desktop.store.retry import RangeRefused, Temporary
from dmr_desktop.store.transport import Answer

_CHUNK = 256 << 10
_RECEIVED = re.compile(r"(?:bytes=)?0-(\d+)")
_MAX_LOCATION = 16384
_SESSION_LOST = (400, 404)
"""How registries say that they know nothing of an upload, or not at this place."""


class NotTaken(Temporary):
    """The registry has all of a layer and does not take it: to it, the content is not that of the digest."""


class Session:
    """One blob on its way up. ``offset``: bytes that the registry is known to have."""

    def __init__(self, repository: Repository, descriptor: Descriptor, location: str) -> None:
        self._repository = repository
        self._descriptor = descriptor
        self._location = location
        self.offset = 0

    def send(self, path: Path, sent: Callable[[int], None]) -> None:
        """The rest of the blob, from the file ``path``; ``sent`` hears how far it is, and may raise to stop.

        Raises :class:`Temporary` (then :meth:`resume`), :class:`RangeRefused` and :class:`RegistryError`.
        """
        start, size = self.offset, self._descriptor.size
        if start < size:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size - start)}
            if start:
                headers["Content-Range"] = f"{start}-{size - 1}"
            with self._repository.request(
                self._location,
                method="PATCH",
                headers=headers,
                body=lambda: _read(path, start, size, sent),
                accepted=_SESSION_LOST,
            ) as answer:
                self._follow(answer, (202,))
            self.offset = size
        sign = "&" if "?" in self._location else "?"
        closing = f"{self._location}{sign}digest={quote(self._descriptor.digest, safe='')}"
        with self._repository.request(
            closing, method="PUT", headers={"Content-Length": "0"}, body=lambda: b"", accepted=_SESSION_LOST
        ) as answer:
            if answer.status == 400:
                raise NotTaken("the registry did not take a layer")
            self._follow(answer, (201, 204))

    def resume(self) -> None:
        """Learn how much the registry has. Raises :class:`RangeRefused` when the session is gone."""
        with self._repository.request(self._location, accepted=_SESSION_LOST) as answer:
            match = _RECEIVED.fullmatch(answer.header("Range"))
            if answer.status != 204 or match is None:
                raise RangeRefused("the registry cannot resume an upload")
            # An empty session is written as 0-0, as is one of a single byte.
            received = int(match[1]) + 1 if int(match[1]) else 0
            if received > self._descriptor.size:
                raise RangeRefused("the registry has more than was sent")
            self._follow(answer, (204,))
        self.offset = received

    def _follow(self, answer: Answer, fine: tuple[int, ...]) -> None:
        if answer.status == 416 or answer.status in _SESSION_LOST:
            raise RangeRefused("the registry cannot go on with an upload")
        if answer.status not in fine:
            raise unexpected()
        location = answer.header("Location")
        if location:
            self._location = _absolute(answer, location)


class Uploads:
    """The sending side of a repository. ``mountable`` names another repository of the registry that has a blob."""

    def __init__(self, repository: Repository, mountable: Callable[[Descriptor], str | None]) -> None:
        self._repository = repository
        self._mountable = mountable

    def has(self, descriptor: Descriptor) -> bool:
        """Raises as :meth:`Repository.manifest` does."""
        try:
            with self._repository.request(self._repository.blob_path(descriptor.digest), method="HEAD") as answer:
                return answer.status == 200
        except ModelNotFound:
            return False

    def begin(self, descriptor: Descriptor) -> Session | None:
        """A session for a blob; None when the registry took it from another of its repositories."""
        source = self._mountable(descriptor)
        if source is not None:
            try:
                return self._begin(
                    descriptor, f"?mount={quote(descriptor.digest, safe='')}&from={quote(source, safe='')}"
                )
            except Unauthorized:
                # We may not read there; that does not mean that we may not write here.
                pass
        return self._begin(descriptor, "")

    def _begin(self, descriptor: Descriptor, query: str) -> Session | None:
        where = self._repository.uploads_path + query
        with self._repository.request(
            where, method="POST", headers={"Content-Length": "0"}, body=lambda: b""
        ) as answer:
            if query and answer.status == 201:
                return None
            location = answer.header("Location")
            if answer.status != 202 or not location:
                raise unexpected()
            return Session(self._repository, descriptor, _absolute(answer, location))

    def put_manifest(self, raw: bytes, media_type: str, digest: str) -> None:
        """Raises :class:`RegistryError` when the registry has made something else of it."""
        reference = self._repository.reference
        identifier = reference.digest or reference.tag
        headers = {"Content-Type": media_type, "Content-Length": str(len(raw))}
        try:
            with self._repository.request(
                self._repository.manifest_path(identifier), method="PUT", headers=headers, body=lambda: raw
            ) as answer:
                claimed = answer.header("Docker-Content-Digest")
                if answer.status not in (200, 201, 202, 204):
                    raise unexpected()
        except ModelNotFound:
            raise RegistryError(
                "the registry lacks a part of the model that it said it had", hint="push again"
            ) from None
        if claimed and claimed != digest:
            raise RegistryError("the registry stored another manifest than was sent", hint="is it an OCI registry?")


def _absolute(answer: Answer, location: str) -> str:
    if len(location) > _MAX_LOCATION:
        raise unexpected()
    return urljoin(answer.url, location)


def _read(path: Path, start: int, size: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    """Bytes ``start`` to ``size`` of a file. Raises :class:`StoreError` when they are not there."""
    position = start
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while position < size:
                chunk = file.read(min(_CHUNK, size - position))
                if not chunk:
                    break
                sent(position)
                yield chunk
                position += len(chunk)
    except OSError as error:
        raise StoreError(
            f"a layer cannot be read: {error.strerror}", hint="remove the model and pull it again"
        ) from None
    if position < size:
        raise StoreError("a stored layer is too short", hint="remove the model and pull it again")
