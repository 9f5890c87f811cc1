"""The Hugging Face Hub on loopback, with the shapes of its API, and the CDN on another port that large files come from.

As the real one does: the tree lists files with git's object ids and, for large ones, an ``lfs`` object; ``resolve``
sends small files itself and redirects to the CDN, whose addresses are signed, for large ones; a gated repository
answers 401 or 403 with ``X-Error-Code``; long lists come in pages with a ``Link``.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, unquote

from tests.fakes.faulty_registry import Exchange, FaultyRegistry

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = 64 * 1024


@dataclass
class FakeHub:
    """``with FakeHub({"Org/Model": {"m.gguf": b"..."}}) as hub``: ``hub.endpoint`` is for ``HF_ENDPOINT``.

    ``tokens`` makes every repository need one of them. Faults go to ``hub.api.faults`` and ``hub.cdn.faults``.
    """

    repositories: dict[str, dict[str, bytes]]
    tokens: set[str] = field(default_factory=set)
    last_modified: str = "2025-03-24T11:49:41.000Z"
    page_size: int = 1000
    api: FaultyRegistry = field(default_factory=FaultyRegistry)
    cdn: FaultyRegistry = field(default_factory=FaultyRegistry)

    @property
    def endpoint(self) -> str:
        return f"http://{self.api.host}"

    def __enter__(self) -> Self:
        self.api.__enter__()
        self.cdn.__enter__()
        self.api.fallback = self._answer
        for files in self.repositories.values():
            for content in files.values():
                self.cdn.blobs[f"sha256:{hashlib.sha256(content).hexdigest()}"] = content
        return self

    def __exit__(self, *error: object) -> None:
        self.api.__exit__(*error)
        self.cdn.__exit__(*error)

    def _answer(self, exchange: Exchange) -> None:
        path, _, query = exchange.path.partition("?")
        token = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens and token not in self.tokens:
            code = "GatedRepo" if token else "RepoNotFound"
            exchange.answer(403 if token else 401, b'{"error":"no"}', {"X-Error-Code": code})
        elif match := re.fullmatch(r"/api/models/(.+)/revision/main", path):
            self._revision(exchange, match[1])
        elif match := re.fullmatch(rf"/api/models/(.+)/tree/(?:main|{COMMIT})", path):
            self._tree(exchange, match[1], query)
        elif match := re.fullmatch(rf"/(.+)/resolve/(?:main|{COMMIT})/(.+)", path):
            self._resolve(exchange, match[1], unquote(match[2]))
        else:
            exchange.answer(404, b'{"error":"Entry not found"}', {"X-Error-Code": "EntryNotFound"})

    def _files(self, exchange: Exchange, name: str) -> dict[str, bytes] | None:
        if name not in self.repositories:
            exchange.answer(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        return self.repositories.get(name)

    def _revision(self, exchange: Exchange, name: str) -> None:
        if (files := self._files(exchange, name)) is not None:
            document = {
                "id": name,
                "sha": COMMIT,
                "lastModified": self.last_modified,
                "gated": False,
                "siblings": [{"rfilename": path} for path in files],
            }
            exchange.answer(200, json.dumps(document).encode())

    def _tree(self, exchange: Exchange, name: str, query: str) -> None:
        if (files := self._files(exchange, name)) is None:
            return
        entries: list[dict[str, object]] = [
            {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
            for folder in sorted({path.rpartition("/")[0] for path in files} - {""})
        ]
        for path, content in sorted(files.items()):
            oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry: dict[str, object] = {"type": "file", "oid": oid, "size": len(content), "path": path}
            if len(content) >= _LARGE:
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 135}
                entry["xetHash"] = "f" * 64
            entries.append(entry)
        start = int(parse_qs(query).get("cursor", ["0"])[0])
        headers = {}
        if start + self.page_size < len(entries):
            following = f"{exchange.path.partition('?')[0]}?recursive=true&cursor={start + self.page_size}"
            headers["Link"] = f'<{self.endpoint}{following}>; rel="next"'
        exchange.answer(200, json.dumps(entries[start : start + self.page_size]).encode(), headers)

    def _resolve(self, exchange: Exchange, name: str, path: str) -> None:
        if (files := self._files(exchange, name)) is None:
            return
        content = files.get(path)
        if content is None:
            exchange.answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})
        elif len(content) < _LARGE:
            exchange.answer(200, content, {"X-Repo-Commit": COMMIT})
        else:
            signed = f"/xet/blobs/sha256:{hashlib.sha256(content).hexdigest()}"
            headers = {"Location": f"http://{self.cdn.host}{signed}", "X-Linked-Size": str(len(content))}
            exchange.answer(302, b"Found. Redirecting", headers)
