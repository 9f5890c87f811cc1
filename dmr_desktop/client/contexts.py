"""Named services on other machines, in the file that Docker's own command line keeps them in.

``$DOCKER_CONFIG/model/contexts.json``; members that this program does not know stay as they are. A lock beside the
file, which Docker takes too, keeps two writers apart.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmr_desktop.client.endpoint import TcpEndpoint, parse_endpoint, with_key
from dmr_desktop.protocol.errors import Conflict, DMRError, InvalidRequest, ModelNotFound
from dmr_desktop.settings import read_small_file

DEFAULT = "default"
"""This machine's own service; it always exists and stands in no file."""


class ContextNotFound(ModelNotFound):
    title = "Context not found"


@dataclass(frozen=True, slots=True)
class Context:
    """``created_at`` is RFC 3339."""

    name: str
    host: str
    ca_cert: str = ""
    skip_verify: bool = False
    tls: bool = False
    description: str = ""
    created_at: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "tls": {"enabled": self.tls, "skipVerify": self.skip_verify, "caCert": self.ca_cert},
            "description": self.description,
            "createdAt": self.created_at,
        }


@dataclass(slots=True)
class Contexts:
    """The file's content. ``known`` holds the raw entries."""

    current: str = DEFAULT
    known: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Context:
        """Raises ContextNotFound."""
        entry = self.known.get(name)
        if not isinstance(entry, dict):
            raise ContextNotFound(f"there is no context {name!r}", hint="`dmr context ls` shows them")
        tls: Any = entry.get("tls")
        tls = tls if isinstance(tls, dict) else {}
        return Context(
            name,
            host=_text(entry.get("host")),
            ca_cert=_text(tls.get("caCert")),
            skip_verify=tls.get("skipVerify") is True,
            tls=tls.get("enabled") is True,
            description=_text(entry.get("description")),
            created_at=_text(entry.get("createdAt")),
        )

    def add(self, context: Context) -> None:
        """Raises Conflict if the name is taken."""
        if context.name == DEFAULT or context.name in self.known:
            raise Conflict(f"a context {context.name!r} exists already")
        self.known[context.name] = context.to_json()

    def remove(self, name: str) -> None:
        """Raises ContextNotFound, and Conflict for the one in use."""
        if name == DEFAULT:
            raise Conflict("the context 'default' cannot be removed")
        self.get(name)
        if name == self.current:
            raise Conflict(f"the context {name!r} is in use", hint="`dmr context use default` first")
        del self.known[name]

    def use(self, name: str) -> None:
        """Raises ContextNotFound."""
        if name != DEFAULT:
            self.get(name)
        self.current = name


def contexts_file(environ: Mapping[str, str]) -> Path:
    config = environ.get("DOCKER_CONFIG", "")
    return (Path(config) if config else Path.home() / ".docker") / "model" / "contexts.json"


def read_contexts(file: Path) -> Contexts:
    """Raises :class:`DMRError` if the file is there and cannot be used."""
    try:
        data = json.loads(read_small_file(file))
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except (OSError, ValueError, RecursionError) as error:
        raise DMRError(f"{file} cannot be read: {error}", hint="repair or remove it") from error
    if not isinstance(data, dict) or not isinstance(data.get("contexts", {}), dict):
        raise DMRError(f"{file} is not a list of contexts", hint="repair or remove it")
    others = {name: value for name, value in data.items() if name not in ("current", "contexts")}
    return Contexts(_text(data.get("current")) or DEFAULT, dict(data.get("contexts", {})), others)


@contextmanager
def changing(file: Path) -> Iterator[Contexts]:
    """Read, change, write whole; nothing is written if the block raises."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(file.with_suffix(".lock")):
            contexts = read_contexts(file)
            yield contexts
            data = {"version": 1, **contexts.others, "current": contexts.current, "contexts": contexts.known}
            draft = file.with_suffix(f".{os.getpid()}.new")
            draft.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
            draft.chmod(0o600)
            draft.replace(file)
    except OSError as error:
        raise DMRError(f"{file} cannot be written: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        if os.name == "posix":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def context_endpoint(environ: Mapping[str, str]) -> TcpEndpoint | None:
    """Where the context in use points, None for ``default``; its key is ``DMR_API_KEY``. Raises :class:`DMRError`."""
    contexts = read_contexts(contexts_file(environ))
    if contexts.current == DEFAULT:
        return None
    return with_key(endpoint_of(contexts.get(contexts.current)), environ)


def endpoint_of(context: Context) -> TcpEndpoint:
    """Raises InvalidRequest if its host is no web address, or is plain HTTP where TLS was asked for."""
    scheme = "https" if context.tls else "http"
    endpoint = parse_endpoint(context.host, f"the host of context {context.name!r}", scheme=scheme)
    if not isinstance(endpoint, TcpEndpoint):
        raise InvalidRequest(f"{context.host!r} is not an address of another machine's service")
    if context.tls and not endpoint.url.startswith("https://"):
        raise InvalidRequest(
            f"context {context.name!r} asks for TLS, and its host {context.host!r} is plain HTTP",
            hint="make it anew with an https:// address, or without --tls",
        )
    return TcpEndpoint(endpoint.url, context.ca_cert, context.skip_verify)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
