"""The Hugging Face Hub: what a repository holds, and the bytes of its files.

``HF_ENDPOINT`` (a mirror) and ``HF_TOKEN`` are read as everywhere. The token goes to the endpoint only; where large
files come from, after a redirect, it is not sent.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from dmr_desktop.protocol.errors import InvalidReference, ModelNotFound, RegistryError, Unauthorized, UnsupportedModel
from dmr_desktop.store.answers import raise_for_status, rate_limit, unexpected
from dmr_desktop.store.hub_files import HubFile
from dmr_desktop.store.manifest import MAX_MODEL_BYTES, Descriptor
from dmr_desktop.store.origins import origin_of
from dmr_desktop.store.reference import HUGGING_FACE
from dmr_desktop.store.registry import checked_range
from dmr_desktop.store.retry import Temporary
from dmr_desktop.store.transport import Answer, Transport

DEFAULT_ENDPOINT = "https://huggingface.co"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,95})?")
_NEXT_PAGE = re.compile(r'<([^<>]+)>;\s*rel="next"')
_HEX_SHA1, _HEX_SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")
_MAX_PAGES = 20
_MAX_FILES = 10_000
_MAX_ANSWER_BYTES = 16 << 20
_MAX_SMALL_FILE = 32 << 20
"""Bytes of a file that is not kept as a large one: the Hub allows 10 MiB."""
_MAX_TOKEN_FILE = 4096


def repository_name(text: str) -> str:
    """``Org/Model`` of a reference, as its writer spelled it, which the Hub's API minds.

    Raises :class:`InvalidReference`.
    """
    path = text.strip().partition("/")[2].partition("@")[0]
    colon = path.rfind(":")
    name = path[:colon] if colon > path.rfind("/") else path
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidReference(
            "invalid model reference: it does not name a repository of Hugging Face",
            hint="write it as hf.co/organisation/model[:quantization]",
        )
    return name


def token_of(environ: Mapping[str, str]) -> str | None:
    """Who we are to the Hub, unless a request says it: ``HF_TOKEN``, or what ``hf auth login`` stored."""
    token = environ.get("HF_TOKEN") or environ.get("HUGGING_FACE_HUB_TOKEN")
    if not token:
        home = environ.get("HF_HOME") or os.path.expanduser("~/.cache/huggingface")
        path = Path(environ.get("HF_TOKEN_PATH") or Path(home, "token"))
        with contextlib.suppress(OSError, ValueError):
            if path.is_file() and path.stat().st_size <= _MAX_TOKEN_FILE:
                token = path.read_text(encoding="ascii")
    token = (token or "").strip()
    return token if token.isascii() and token.isprintable() and " " not in token else None


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a repository. ``name`` is its commit where the Hub says so, else the branch."""

    name: str
    modified: datetime


class Hub:
    """One repository for the length of one pull; safe with several threads."""

    def __init__(self, name: str, transport: Transport, token: str | None, endpoint: str) -> None:
        self.name = name
        self._transport = transport
        self._token = token
        self._endpoint = endpoint.rstrip("/")
        self._origin = origin_of(self._endpoint)

    def revision(self) -> Revision:
        """The newest state. Raises as :meth:`files` does."""
        with self._open(f"{self._endpoint}/api/models/{self.name}/revision/main") as answer:
            document = _json(answer)
        if not isinstance(document, dict):
            raise unexpected()
        sha = document.get("sha")
        is_commit = isinstance(sha, str) and _HEX_SHA1.fullmatch(sha) is not None
        return Revision(str(sha) if is_commit else "main", _moment(document.get("lastModified")))

    def files(self, revision: Revision) -> list[HubFile]:
        """All files.

        Raises :class:`ModelNotFound`, :class:`Unauthorized`, :class:`Temporary` and :class:`RegistryError`.
        """
        url = f"{self._endpoint}/api/models/{self.name}/tree/{revision.name}?recursive=true"
        found: list[HubFile] = []
        for _ in range(_MAX_PAGES):
            with self._open(url) as answer:
                entries = _json(answer)
                following = _NEXT_PAGE.search(answer.header("Link"))
            if not isinstance(entries, list) or len(found) + len(entries) > _MAX_FILES:
                raise RegistryError("Hugging Face's list of files cannot be used")
            found += [file for entry in entries if (file := _file(entry)) is not None]
            if following is None:
                return found
            url = urljoin(url, following[1])
            if origin_of(url) != self._origin:
                raise unexpected()
        raise RegistryError("Hugging Face's list of files does not end")

    def small_file(self, file: HubFile, revision: Revision) -> bytes:
        """A file that has no SHA-256, checked against what git knows of it. Raises as :meth:`files` does."""
        if file.size > _MAX_SMALL_FILE:
            raise UnsupportedModel(f"the repository keeps {file.name} without a checksum, which is not safe")
        with self._open(self._url(file.path, revision)) as answer:
            if answer.status != 200:
                raise unexpected()
            data = answer.read(file.size)
        found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        if len(data) != file.size or found != file.git_oid:
            raise Temporary(f"Hugging Face sent {file.name} with wrong content", hint="try again")
        return data

    @contextlib.contextmanager
    def blob(self, path: str, revision: Revision, descriptor: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        """The bytes of a large file from ``offset`` on. Raises as :meth:`Repository.blob` does."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._open(self._url(path, revision), headers) as answer:
            yield checked_range(answer, descriptor, offset)

    def _url(self, path: str, revision: Revision) -> str:
        return f"{self._endpoint}/{self.name}/resolve/{revision.name}/{quote(path)}"

    @contextlib.contextmanager
    def _open(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        known = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        with self._transport.open(url, headers={**known, **(headers or {})}) as answer:
            self._raise_for(answer)
            yield answer

    def _raise_for(self, answer: Answer) -> None:
        page = f"{DEFAULT_ENDPOINT}/{self.name}"
        if answer.status in (401, 403):
            raise Unauthorized(
                "Unauthorized", hint=f"check the name; if it is gated: accept it at {page}, set HF_TOKEN"
            )
        if answer.status == 404:
            raise ModelNotFound("Model not found", hint=f"check {page}")
        if answer.status == 429:
            message = f'rate limited while accessing repository "{self.name}"'
            raise rate_limit(answer, message, "set HF_TOKEN for a higher limit", self._transport.patience)
        raise_for_status(answer, HUGGING_FACE, self._transport.patience)


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.read(_MAX_ANSWER_BYTES))
    except (ValueError, RecursionError):
        raise RegistryError(
            "Hugging Face's answer makes no sense", hint="a proxy or a login page may be in the way"
        ) from None


def _file(entry: Any) -> HubFile | None:
    """An entry of the list; None for folders and for what could not be fetched or stored safely."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    path, size, oid, lfs = entry.get("path"), entry.get("size"), entry.get("oid"), entry.get("lfs")
    if not isinstance(path, str) or not path.isprintable() or not 0 < len(path) <= 1024 or path.startswith("/"):
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    sha256 = ""
    if isinstance(lfs, dict):
        sha256, size = str(lfs.get("oid")).removeprefix("sha256:"), lfs.get("size", size)
        if not _HEX_SHA256.fullmatch(sha256):
            return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_MODEL_BYTES:
        return None
    return HubFile(path, size, oid if isinstance(oid, str) else "", sha256)


def _moment(text: Any) -> datetime:
    with contextlib.suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    return datetime.fromtimestamp(0, UTC)
