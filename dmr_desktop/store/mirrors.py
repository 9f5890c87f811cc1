"""Where a model is fetched from: its registry, or for Docker Hub the mirrors before it.

A mirror that cannot help is left out for the rest of the pull. What it sends is verified like anything else; it gets
the credentials of its own host only.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from dmr_desktop.protocol.errors import DMRError, RegistryError
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.manifest import Descriptor
from dmr_desktop.store.origins import origin_of
from dmr_desktop.store.registry import Endpoint

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Source(Protocol):
    """What a pull needs of a repository."""

    def manifest(self) -> bytes: ...
    def config(self, descriptor: Descriptor) -> bytes: ...
    def blob(self, descriptor: Descriptor, offset: int) -> AbstractContextManager[Iterator[bytes]]: ...


def mirror_endpoint(text: str) -> Endpoint | None:
    """``[scheme://]host[:port][/path][/v2]`` of a setting; None, and a line in the log, for what is no address."""
    url = text if "://" in text else f"https://{text}"
    try:
        origin = origin_of(url)
        parts = urlsplit(url)
    except (RegistryError, ValueError):
        _log.warning("the registry mirror %r is not an address: left out", text)
        return None
    path = parts.path.rstrip("/").removesuffix("/v2").rstrip("/")
    return Endpoint(origin.netloc, f"{origin.scheme}://{origin.netloc}{path}")


class Mirrored:
    """The sources of one pull, the best first and the registry itself last; safe with several threads."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        self._lock = threading.Lock()

    def manifest(self) -> bytes:
        return self._ask(lambda source: source.manifest())

    def config(self, descriptor: Descriptor) -> bytes:
        return self._ask(lambda source: source.config(descriptor))

    @contextlib.contextmanager
    def blob(self, descriptor: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        with contextlib.ExitStack() as stack:
            yield self._ask(lambda source: stack.enter_context(source.blob(descriptor, offset)))

    def _ask(self, ask: Callable[[Source], _T]) -> _T:
        while True:
            with self._lock:
                source, is_last = self._sources[0], len(self._sources) == 1
            try:
                return ask(source)
            except Cancelled:
                raise
            except DMRError as error:
                if is_last:
                    raise
                _log.warning("a registry mirror cannot help (%s): going on without it", error)
                with self._lock:
                    if self._sources[0] is source:
                        del self._sources[0]
