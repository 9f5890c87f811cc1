"""One repository of an OCI registry: its manifest and its blobs. The one importer of oras.

oras names the addresses; its downloader (no digests, no resume, no timeouts, 131 s of retries, credentials to any
realm) is not used. Requests go through :mod:`transport`, who we are is :mod:`login`'s. OCI distribution-spec 1.1.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import oras.container

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.answers import raise_for_status, unexpected
from dmr_desktop.store.login import HUB_API, Login
from dmr_desktop.store.manifest import (
    MANIFEST_TYPES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    digest_of,
    sole_manifest_of_index,
)
from dmr_desktop.store.origins import origin_of
from dmr_desktop.store.reference import DEFAULT_REGISTRY, Reference
from dmr_desktop.store.retry import RangeRefused, Temporary
from dmr_desktop.store.transport import Answer, Body, SpeaksTLS, Transport

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where repositories are served. ``account``: the registry whose credentials count there.

    ``base`` is the URL above ``/v2/``, without a final slash.
    """

    account: str
    base: str


def endpoint_of(reference: Reference, transport: Transport) -> Endpoint:
    """The registry that the reference names itself."""
    if reference.registry == DEFAULT_REGISTRY:
        return Endpoint(DEFAULT_REGISTRY, f"{transport.scheme_for(HUB_API, HUB_API)}://{HUB_API}")
    return Endpoint(
        reference.registry, f"{transport.scheme_for(reference.registry, reference.host)}://{reference.registry}"
    )


class Repository:
    """One repository for the length of one transfer; safe with several threads.

    ``actions`` is what a token is asked for: ``pull`` or ``pull,push``; ``reads_too`` are other repositories of the
    registry that must be readable.
    """

    def __init__(
        self,
        reference: Reference,
        endpoint: Endpoint,
        transport: Transport,
        bearer_token: str | None = None,
        *,
        actions: str = "pull",
        reads_too: tuple[str, ...] = (),
    ) -> None:
        self.reference = reference
        self.endpoint = endpoint
        self._transport = transport
        self._base = endpoint.base
        scopes = (
            f"repository:{reference.repository}:{actions}",
            *(f"repository:{each}:pull" for each in reads_too),
        )
        self._login = Login(endpoint.account, scopes, transport, bearer_token)
        self._container = oras.container.Container(
            f"{origin_of(endpoint.base).netloc}/{reference.repository}:{reference.tag}"
        )

    # ---- what is there -----------------------------------------------------------------------

    def manifest(self) -> bytes:
        """The raw manifest of the reference; an index with one entry is followed once.

        Raises :class:`ModelNotFound`, :class:`Unauthorized`, :class:`UnsupportedModel`, :class:`Temporary` and
        :class:`RegistryError`.
        """
        raw = self._manifest(self.reference.digest or self.reference.tag, self.reference.digest)
        entry = sole_manifest_of_index(raw)
        return raw if entry is None else self._manifest(entry, entry)

    def config(self, descriptor: Descriptor) -> bytes:
        """A small blob, checked. Raises as :meth:`manifest` does."""
        with self.blob(descriptor, 0) as chunks:
            data = b"".join(_at_most(chunks, descriptor.size))
        if digest_of(data) != descriptor.digest:
            raise Temporary("the registry sent a config with wrong content")
        return data

    @contextlib.contextmanager
    def blob(self, descriptor: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob from ``offset`` on, as they arrive; neither counted nor hashed here.

        Raises as :meth:`manifest` does, and :class:`RangeRefused` when the registry does not go on at ``offset``.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self.request(self.blob_path(descriptor.digest), headers=headers) as answer:
            yield checked_range(answer, descriptor, offset)

    def _manifest(self, identifier: str, digest: str | None) -> bytes:
        with self.request(self.manifest_path(identifier), headers={"Accept": ", ".join(MANIFEST_TYPES)}) as answer:
            if answer.status != 200:
                raise unexpected()
            raw = answer.read(MAX_MANIFEST_BYTES)
            if raw.lstrip()[:1] == b"<":
                raise RegistryError(
                    "a web page came instead of the registry's answer",
                    hint="this network may want you to log in first (captive portal), or a proxy is in the way",
                )
            claimed = digest or answer.header("Docker-Content-Digest")
            if claimed.startswith("sha256:") and digest_of(raw) != claimed:
                raise Temporary("the registry sent a manifest with wrong content")
            return raw

    # ---- addresses and requests --------------------------------------------------------------

    def blob_path(self, digest: str) -> str:
        return _path_of(self._container.get_blob_url(digest))

    def manifest_path(self, identifier: str) -> str:
        return _path_of(self._container.manifest_url(identifier))

    @property
    def uploads_path(self) -> str:
        return _path_of(self._container.upload_blob_url())

    @contextlib.contextmanager
    def request(
        self,
        where: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] | None = None,
        accepted: Collection[int] = (),
    ) -> Iterator[Answer]:
        """Ask for ``where`` (a path below the registry, or a URL it gave), answering one challenge.

        Raises what :func:`raise_for_status` makes of a status that is not ``accepted``, and as :meth:`Transport.open`.
        """
        with contextlib.ExitStack() as stack:
            try:
                answer = self._answer(stack, where, method, headers or {}, body)
            except SpeaksTLS:
                # From the start, as another thread may have come here at the same time.
                self._base = "https://" + self.endpoint.base.removeprefix("http://")
                answer = self._answer(stack, where, method, headers or {}, body)
            raise_for_status(answer, self.endpoint.account, self._transport.patience, accepted)
            yield answer

    def _answer(
        self,
        stack: contextlib.ExitStack,
        where: str,
        method: str,
        headers: Mapping[str, str],
        body: Callable[[], Body] | None,
    ) -> Answer:
        url = where if "://" in where else f"{self._base}/{where}"
        home = origin_of(self._base)
        is_home = origin_of(url) == home
        # Where the registry itself sends us may be no further inside than the registry is.
        inside = None if is_home else self._transport.rank_at(self._base)

        def ask(authorization: str) -> Answer:
            known = {**headers, "Authorization": authorization} if authorization and is_home else headers
            content = None if body is None else body()
            return stack.enter_context(
                self._transport.open(url, method=method, headers=known, body=content, inside=inside)
            )

        used = self._login.authorization
        answer = ask(used)
        if answer.status == 401 and origin_of(answer.url) == home:
            challenge = answer.header("WWW-Authenticate")
            stack.close()
            answer = ask(self._login.answer(challenge, used, home))
        return answer


def checked_range(answer: Answer, descriptor: Descriptor, offset: int) -> Iterator[bytes]:
    """The body of an answer that goes on at ``offset``. Raises :class:`RangeRefused` when it does not."""
    if offset and answer.status in (200, 416):
        raise RangeRefused("the registry cannot resume a download")
    if offset and not _continues_at(answer.header("Content-Range"), offset, descriptor.size):
        raise RangeRefused("the registry resumed a download at the wrong place")
    if answer.status not in (200, 206):
        raise unexpected()
    return answer.chunks()


def _path_of(url: str) -> str:
    """oras' addresses begin with the registry, without a scheme."""
    return url.partition("/")[2]


def _continues_at(content_range: str, offset: int, size: int) -> bool:
    match = _CONTENT_RANGE.fullmatch(content_range)
    return match is not None and int(match[1]) == offset and match[3] in (str(size), "*")


def _at_most(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > size:
            raise Temporary("the registry sent a config with wrong content")
        yield chunk
