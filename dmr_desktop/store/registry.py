"""One repository of an OCI registry: its manifest, its blobs, and who we are to it. The one importer of oras.

oras names the addresses, reads challenges and ``docker login``'s file; its downloader (no digests, no resume, no
timeouts, 131 s of retries, credentials to any realm) is not used. Requests go through :mod:`transport`; a token is
only fetched from the registry's own realm, and credentials go nowhere else. OCI distribution-spec 1.1; token
exchange as in Docker's registry token specification.
"""

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import oras.auth.utils
import oras.container

from dmr_desktop.protocol.errors import ModelNotFound, RegistryError, Unauthorized
from dmr_desktop.store.addresses import is_loopback_host
from dmr_desktop.store.credentials import Credential, find_credential
from dmr_desktop.store.manifest import (
    MANIFEST_TYPES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    digest_of,
    sole_manifest_of_index,
)
from dmr_desktop.store.reference import Reference
from dmr_desktop.store.retry import Temporary
from dmr_desktop.store.transport import Answer, Origin, Transport, origin_of

_HUB_API = "registry-1.docker.io"
_REALM_HOSTS = {_HUB_API: "auth.docker.io", "registry.gitlab.com": "gitlab.com"}
"""Registries whose token realm is another host of the same owner."""
_CLIENT_ID = "dmr-desktop"
_MAX_TOKEN_ANSWER = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class RangeRefused(Temporary):
    """The registry will not go on where we stopped: the partial file must begin anew."""


@dataclass(frozen=True, slots=True)
class _Challenge:
    scheme: str
    realm: str
    service: str


class Repository:
    """One repository for the length of one pull; safe with several threads."""

    def __init__(self, reference: Reference, transport: Transport, bearer_token: str | None = None) -> None:
        self._reference = reference
        self._transport = transport
        self._bearer_token = bearer_token
        host = _HUB_API if reference.registry == "docker.io" else reference.registry
        self._container = oras.container.Container(f"{host}/{reference.repository}:{reference.tag}")
        self._scheme = transport.scheme_for(host, _HUB_API if host == _HUB_API else reference.host)
        self._origin = origin_of(f"{self._scheme}://{host}/")
        self._lock = threading.Lock()
        self._authorization = ""

    def manifest(self) -> bytes:
        """The raw manifest of the reference; an index with one entry is followed once.

        Raises :class:`ModelNotFound`, :class:`Unauthorized`, :class:`UnsupportedModel`, :class:`Temporary` and
        :class:`RegistryError`.
        """
        raw = self._manifest(self._reference.digest or self._reference.tag, self._reference.digest)
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
        url = f"{self._scheme}://{self._container.get_blob_url(descriptor.digest)}"
        with self._open(url, headers) as answer:
            if offset and answer.status in (200, 416):
                raise RangeRefused("the registry cannot resume a download")
            if offset and not _continues_at(answer.header("Content-Range"), offset, descriptor.size):
                raise RangeRefused("the registry resumed a download at the wrong place")
            if answer.status not in (200, 206):
                raise _unexpected()
            yield answer.chunks()

    def _manifest(self, identifier: str, digest: str | None) -> bytes:
        url = f"{self._scheme}://{self._container.manifest_url(identifier)}"
        with self._open(url, {"Accept": ", ".join(MANIFEST_TYPES)}) as answer:
            if answer.status != 200:
                raise _unexpected()
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

    # ---- requests and who makes them ---------------------------------------------------------

    @contextlib.contextmanager
    def _open(self, url: str, headers: dict[str, str]) -> Iterator[Answer]:
        """Open ``url``, answering one challenge. What is no success and no range problem is raised."""
        with contextlib.ExitStack() as stack:
            used = self._authorization
            answer = stack.enter_context(self._transport.open(url, headers=_with(headers, used)))
            if answer.status == 401 and origin_of(answer.url) == self._origin:
                challenge = _parse_challenge(answer.header("WWW-Authenticate"))
                stack.close()
                answer = stack.enter_context(
                    self._transport.open(url, headers=_with(headers, self._authorize(challenge, used)))
                )
            _raise_for(answer, self._reference, self._transport.patience.longest_rate_limit_seconds)
            yield answer

    def _authorize(self, challenge: _Challenge, rejected: str) -> str:
        """The ``Authorization`` that answers ``challenge``; the threads of a pull share one."""
        with self._lock:
            if self._authorization and self._authorization != rejected:
                return self._authorization
            credential = self._credential()
            if challenge.scheme == "basic":
                if credential is None or credential.is_token:
                    raise _unauthorized(self._reference)
                self._authorization = f"Basic {credential.basic}"
            else:
                self._authorization = f"Bearer {self._fetch_token(challenge, credential)}"
            return self._authorization

    def _credential(self) -> Credential | None:
        try:
            config = oras.auth.utils.load_configs()
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            # A damaged config.json must not keep anybody from a public model.
            config = {}
        return find_credential(
            self._reference.registry, bearer_token=self._bearer_token, environ=os.environ, config=config
        )

    def _fetch_token(self, challenge: _Challenge, credential: Credential | None) -> str:
        self._check_realm(challenge.realm)
        scope = f"repository:{self._reference.repository}:pull"
        query = {"scope": scope} | ({"service": challenge.service} if challenge.service else {})
        headers, body, url = {"Accept": "application/json"}, None, challenge.realm
        if credential is not None and credential.is_token:
            form = query | {"grant_type": "refresh_token", "refresh_token": credential.secret, "client_id": _CLIENT_ID}
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        else:
            url += ("&" if urlsplit(url).query else "?") + urlencode(query)
            if credential is not None:
                headers["Authorization"] = f"Basic {credential.basic}"
        inside = self._transport.rank_at(f"{self._scheme}://{self._origin.netloc}/")
        with self._transport.open(url, headers=headers, body=body, inside=inside) as answer:
            _raise_for(answer, self._reference, self._transport.patience.longest_rate_limit_seconds)
            if answer.status != 200:
                raise _unauthorized(self._reference)
            try:
                found = json.loads(answer.read(_MAX_TOKEN_ANSWER))
                token = found.get("token") or found.get("access_token")
            except (ValueError, AttributeError, RecursionError):
                token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError("the registry's token service gave no token", hint="try again later")
        return token

    def _check_realm(self, realm: str) -> None:
        """Only the registry's own host, or the one known to belong to it, may see who we are."""
        target = origin_of(realm)
        allowed_host = _REALM_HOSTS.get(self._origin.host)
        is_own = target.host == self._origin.host and (
            target.port == self._origin.port or not is_loopback_host(target.host)
        )
        is_downgrade = self._origin.scheme == "https" and target.scheme != "https"
        if is_downgrade or not (is_own or target == Origin("https", allowed_host or "", 443)):
            raise RegistryError(
                "the registry wants us to log in somewhere else, which is refused",
                hint="this protects your credentials; the registry may be misconfigured or hostile",
            )


def _parse_challenge(header: str) -> _Challenge:
    scheme = header.split(" ", 1)[0].lower()
    found = oras.auth.utils.parse_auth_header(header)
    if scheme == "basic":
        return _Challenge("basic", "", "")
    if scheme != "bearer" or not found.realm:
        raise RegistryError("the registry asks for a kind of login that is not supported", hint="")
    return _Challenge("bearer", found.realm, found.service or "")


def _with(headers: dict[str, str], authorization: str) -> dict[str, str]:
    return {**headers, "Authorization": authorization} if authorization else headers


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


def _raise_for(answer: Answer, reference: Reference, longest_wait_seconds: float) -> None:
    status = answer.status
    if status in (200, 206, 416):
        return
    if status in (401, 403):
        raise _unauthorized(reference)
    if status == 404:
        raise ModelNotFound("Model not found", hint=f"check the name and the tag on {reference.registry}")
    if status == 429:
        message, hint = "the registry's rate limit is reached", f"log in (docker login {reference.registry}) or wait"
        seconds = _seconds(answer.header("Retry-After"))
        if seconds is None or seconds > longest_wait_seconds:
            raise RegistryError(message, hint=hint)
        raise Temporary(message, hint=hint, retry_after=seconds)
    if status == 408 or status >= 500:
        raise Temporary("the registry has a problem of its own", hint="try again later")
    raise _unexpected()


def _seconds(retry_after: str) -> float | None:
    # The other form of the header is a date; registries send seconds.
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 9 else None


def _unauthorized(reference: Reference) -> Unauthorized:
    return Unauthorized("Unauthorized", hint=f"check the name; if it is private: docker login {reference.registry}")


def _unexpected() -> RegistryError:
    return RegistryError("the registry's answer makes no sense", hint="is it an OCI registry?")
